"""Scenes, pictures and expressions of a split, one after the other, for data sets and evaluations alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ris_ros.errors import InputError
from ris_ros.sim.expressions import Expression, expressions
from ris_ros.sim.render import Renderer
from ris_ros.sim.scene import Rendering, Scene
from ris_ros.sim.splits import HELD_OUT_PAIRS, TEST_SEEDS, TRAIN_SEEDS, VALIDATION_SEEDS
from ris_ros.sim.tabletop import sample_scene

# Split -> seeds, whose templates, and which combinations of colour and category its scenes are made of. "hard" has
# nothing but combinations that training never saw.
SPLITS = {
    "train": (TRAIN_SEEDS, "train", {"exclude_pairs": HELD_OUT_PAIRS}),
    "validation": (VALIDATION_SEEDS, "train", {"exclude_pairs": HELD_OUT_PAIRS}),
    "test": (TEST_SEEDS, "test", {"exclude_pairs": HELD_OUT_PAIRS}),
    "hard": (TEST_SEEDS, "test", {"only_pairs": HELD_OUT_PAIRS}),
}


@dataclass(frozen=True, eq=False)
class SceneSample:
    """One scene with its picture and what can be said about it."""

    seed: int
    scene: Scene
    rendering: Rendering
    expressions: list[Expression]


def split_seeds(split: str, scenes: int, start: int = 0) -> range:
    """The seeds of a split's scenes number `start` to `start` + `scenes` - 1.

    Raises
    ------
    InputError
        When there is no such split, or it has no such scenes.

    """
    if split not in SPLITS:
        raise InputError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")
    seeds = SPLITS[split][0]
    if scenes < 1 or start < 0 or start + scenes > len(seeds):
        raise InputError(f"split {split} has the scenes 0 to {len(seeds) - 1}; asked for {scenes} from {start} on")
    return seeds[start:start + scenes]


def samples(split: str, scenes: int, start: int = 0, per_kind: int | None = 2) -> Iterator[SceneSample]:
    """Render a split's scenes and describe them; arguments and errors as :func:`split_seeds` and `expressions`."""
    seeds = split_seeds(split, scenes, start)
    _, templates, pairs = SPLITS[split]
    with Renderer() as renderer:
        for seed in seeds:
            scene = sample_scene(seed, **pairs)
            rendering = renderer.render(scene)
            yield SceneSample(seed, scene, rendering,
                              expressions(scene, rendering, np.random.default_rng((seed, 1)), templates, per_kind))
