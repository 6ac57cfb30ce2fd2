"""Selection accuracy by weight of the global feature, on simulated scenes.

"the COLOUR CATEGORY" must select its object among all objects of a scene: once with their true masks, once with masks
with the errors of a segmentation model. The scenes have seeds of the test split.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch.nn.functional as F  # noqa: N812
from rich.console import Console
from rich.progress import track

from ris_ros.encoding import MaskGuidedEncoder
from ris_ros.errors import InputError
from ris_ros.sim.degradation import degrade_mask
from ris_ros.sim.render import Renderer
from ris_ros.sim.samples import HELD_OUT_PAIRS, TEST_SEEDS
from ris_ros.sim.scene import Scene
from ris_ros.sim.tabletop import PairFilter, sample_scene

WEIGHTS = np.linspace(0, 1, 11)
"""Weights of the global feature; the local feature has the rest."""
_SCENE_KINDS: dict[str, PairFilter] = {
    "seen pairs": {"exclude_pairs": HELD_OUT_PAIRS}, "held-out pairs only": {"only_pairs": HELD_OUT_PAIRS},
    "all pairs": {}}
"""Kind of scene -> the pairs of colour and category in it."""


def evaluate(encoder: MaskGuidedEncoder, *, scenes: int = 200, progress: bool = False) -> dict[str, Any]:
    """Measure the selection accuracy for every weight.

    Parameters
    ----------
    encoder : the encoder to measure
    scenes : number of scenes of each kind
    progress : whether to show a progress bar on stderr

    Returns
    -------
    JSON values: "weights", and for each kind of scene and masks the number of objects and the accuracy for each weight.

    Raises
    ------
    InputError
        If there are not that many scenes.

    """
    if not 0 < scenes <= len(TEST_SEEDS) // len(_SCENE_KINDS):
        raise InputError(f"scenes must be 1 to {len(TEST_SEEDS) // len(_SCENE_KINDS)}, not {scenes}")
    correct: dict[str, list[np.ndarray]] = {}
    console = Console(stderr=True)
    with Renderer() as renderer:
        for number, (kind, pairs) in enumerate(_SCENE_KINDS.items()):
            seeds = TEST_SEEDS[number * scenes:(number + 1) * scenes]
            for seed in track(seeds, kind, console=console, disable=not progress):
                scene = sample_scene(seed, **pairs)
                rendering = renderer.render(scene)
                true_masks = np.stack([rendering.mask(i) for i in range(len(scene.objects))])
                if not true_masks.any(axis=(1, 2)).all():
                    continue
                rng = np.random.default_rng(seed)
                degraded_masks = np.stack([degrade_mask(mask, rendering, rng) for mask in true_masks])
                for masks, suffix in ((true_masks, ""), (degraded_masks, ", imperfect masks")):
                    for i, selected in select_by_weight(encoder, scene, rendering.image, masks).items():
                        correct.setdefault(kind + suffix, []).append(selected)
                        pair = (scene.objects[i].colour, scene.objects[i].category)
                        if kind == "all pairs" and pair in HELD_OUT_PAIRS:
                            correct.setdefault("held-out pairs among all" + suffix, []).append(selected)
    return {"weights": WEIGHTS.round(2).tolist(), **{
        kind: {"objects": len(selected), "accuracy": np.mean(selected, axis=0).round(4).tolist()}
        for kind, selected in correct.items()}}


def select_by_weight(encoder: MaskGuidedEncoder, scene: Scene, image: np.ndarray, masks: np.ndarray
                     ) -> dict[int, np.ndarray]:
    """Return whether "the COLOUR CATEGORY" selects each object, for every weight.

    Parameters
    ----------
    encoder : the encoder to measure
    scene : the scene in the image
    image : RGB uint8 [H, W, 3]
    masks : bool [N, H, W], one for each object of the scene

    Returns
    -------
    Index -> bool [11], for each object that is the only one of its colour and category.

    """
    features = encoder.encode_masks(image, masks)
    labels = [(obj.colour, obj.category) for obj in scene.objects]
    texts = F.normalize(encoder.encode_text([f"the {colour} {category}" for colour, category in labels]), dim=1)
    selected = np.stack([
        (F.normalize(a * features.global_features + (1 - a) * features.local_features, dim=1) @ texts.T)
        .argmax(0).cpu().numpy() for a in WEIGHTS], axis=1)
    return {i: selected[i] == i for i, label in enumerate(labels) if labels.count(label) == 1}
