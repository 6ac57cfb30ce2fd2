"""The splits of the simulated tabletop, and their scenes with images and expressions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ris_ros.errors import InputError
from ris_ros.sim.expressions import Expression, expressions
from ris_ros.sim.phrasing import Split
from ris_ros.sim.render import Renderer
from ris_ros.sim.scene import Rendering, Scene
from ris_ros.sim.shapes import Pair
from ris_ros.sim.styles import PLAIN
from ris_ros.sim.tabletop import PairFilter, sample_scene

TRAIN_SEEDS = range(0, 100_000)
VALIDATION_SEEDS = range(100_000, 200_000)
TEST_SEEDS = range(200_000, 300_000)

HELD_OUT_PAIRS: frozenset[Pair] = frozenset({
    ("red", "cup"), ("green", "cup"), ("blue", "mug"), ("yellow", "bowl"), ("white", "plate"), ("pink", "bottle"),
    ("black", "can"), ("purple", "vase"), ("grey", "vase"), ("brown", "box"), ("orange", "book"), ("blue", "ball"),
    ("red", "block"), ("yellow", "cone"), ("green", "banana"), ("white", "spoon"), ("purple", "pen"),
})
"""A tenth of all pairs of colour and category, excluded from training. Every colour and every category is held out in
one or two pairs and included in all others."""

SPLITS: dict[str, tuple[range, Split, PairFilter]] = {
    "train": (TRAIN_SEEDS, "train", {"exclude_pairs": HELD_OUT_PAIRS}),
    "validation": (VALIDATION_SEEDS, "train", {"exclude_pairs": HELD_OUT_PAIRS}),
    "test": (TEST_SEEDS, "test", {"exclude_pairs": HELD_OUT_PAIRS}),
    "hard": (TEST_SEEDS, "test", {"only_pairs": HELD_OUT_PAIRS}),
}
"""Split -> seeds, split of the templates, and the pairs of colour and category that its scenes are made of: "hard" has
only those that training excludes."""


@dataclass(frozen=True, eq=False)
class SceneSample:
    """One scene with its image and expressions about it."""

    seed: int
    scene: Scene
    rendering: Rendering
    expressions: list[Expression]


def split_seeds(split: str, scenes: int, start: int = 0) -> range:
    """Return the seeds of the scenes number `start` to `start` + `scenes` - 1 of a split.

    Raises
    ------
    InputError
        If there is no such split, or it has no such scenes.

    """
    if split not in SPLITS:
        raise InputError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")
    seeds = SPLITS[split][0]
    if scenes < 1 or start < 0 or start + scenes > len(seeds):
        raise InputError(f"split {split} has the scenes 0 to {len(seeds) - 1}; asked for {scenes} from {start} on")
    return seeds[start:start + scenes]


def samples(split: str, scenes: int, start: int = 0, per_kind: int | None = 2, styles: Sequence[str] = (PLAIN,)
            ) -> Iterator[SceneSample]:
    """Render the scenes of a split and describe them; several styles share the scenes in equal blocks.

    Parameters and errors are those of :func:`split_seeds`, :func:`expressions.expressions` and
    :func:`styles.find_style`.
    """
    seeds = split_seeds(split, scenes, start)
    _, templates, pairs = SPLITS[split]
    with Renderer() as renderer:
        for number, seed in enumerate(seeds):
            scene = sample_scene(seed, style=styles[number * len(styles) // scenes], **pairs)
            rendering = renderer.render(scene)
            yield SceneSample(seed, scene, rendering,
                              expressions(scene, rendering, np.random.default_rng((seed, 1)), templates, per_kind))
