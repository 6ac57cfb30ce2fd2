"""How often the bundled model picks the right object: ``python -m ris_ros.sim.evaluate``.

"the COLOUR CATEGORY" must pick its object among all objects of a scene, by the masks that the simulator knows, and by
masks as imperfect as a segmentation model's. Scenes come from the test seeds.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import open_clip
import torch.nn.functional as F  # noqa: N812
from tqdm import tqdm

from ris_ros.encoding import MaskGuidedEncoder
from ris_ros.sim.render import Renderer
from ris_ros.sim.scene import Scene
from ris_ros.sim.splits import HELD_OUT_PAIRS, TEST_SEEDS
from ris_ros.sim.tabletop import sample_scene
from training.dataset import imperfect

_WEIGHTS = np.linspace(0, 1, 11)


def picks(encoder: MaskGuidedEncoder, scene: Scene, image: np.ndarray, masks: np.ndarray) -> dict[int, np.ndarray]:
    """Whether each object that has no twin is picked, bool [11], with weights 0 to 1 of the global feature.

    Parameters
    ----------
    encoder : to judge
    scene : what is in the picture
    image : RGB uint8 [H, W, 3]
    masks : bool [N, H, W], one of each object of the scene

    """
    in_context, local = encoder.encode_masks(image, masks)
    labels = [(thing.colour, thing.category) for thing in scene.objects]
    texts = F.normalize(encoder.encode_text([f"the {colour} {category}" for colour, category in labels]), dim=1)
    chosen = np.stack([(F.normalize(a * in_context + (1 - a) * local, dim=1) @ texts.T).argmax(0).numpy()
                       for a in _WEIGHTS], axis=1)
    return {i: chosen[i] == i for i, label in enumerate(labels) if labels.count(label) == 1}


def main() -> None:
    """Print a JSON object: accuracy by kind of scene and by weight of the global feature."""
    parser = argparse.ArgumentParser(prog="python -m ris_ros.sim.evaluate", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path(__file__).parent.parent / "models" / "tabletop")
    parser.add_argument("--scenes", type=int, default=200, help="of each kind")
    options = parser.parse_args()
    name = f"local-dir:{options.model}"
    encoder = MaskGuidedEncoder(open_clip.create_model_from_pretrained(name, return_transform=False),
                                open_clip.get_tokenizer(name))
    right: dict[str, list[np.ndarray]] = {}
    kinds = (("seen pairs", {"exclude_pairs": HELD_OUT_PAIRS}), ("held-out pairs only", {"only_pairs": HELD_OUT_PAIRS}),
             ("all pairs", {}))
    with Renderer() as renderer:
        for number, (kind, pairs) in enumerate(kinds):
            start = number * options.scenes
            for seed in tqdm(TEST_SEEDS[start:start + options.scenes], desc=kind):
                scene = sample_scene(seed, **pairs)
                rendering = renderer.render(scene)
                true = np.stack([rendering.mask(i) for i in range(len(scene.objects))])
                if not true.any(axis=(1, 2)).all():
                    continue
                rng = np.random.default_rng(seed)
                for masks, suffix in ((true, ""), (np.stack([imperfect(m, rendering, rng) for m in true]),
                                                   ", imperfect masks")):
                    for i, picked in picks(encoder, scene, rendering.image, masks).items():
                        right.setdefault(kind + suffix, []).append(picked)
                        thing = scene.objects[i]
                        if kind == "all pairs" and (thing.colour, thing.category) in HELD_OUT_PAIRS:
                            right.setdefault("held-out pairs among all" + suffix, []).append(picked)
    print(json.dumps({"weights": _WEIGHTS.round(2).tolist(), **{
        kind: {"objects": len(picked), "accuracy": np.mean(picked, axis=0).round(4).tolist()}
        for kind, picked in right.items()}}, indent=2))


if __name__ == "__main__":
    main()
