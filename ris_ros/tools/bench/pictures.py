"""What is measured on: a picture, and what may be asked about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture.

    Attributes
    ----------
    image : RGB uint8 [H, W, 3]
    texts : expressions to ask, at least six

    """

    image: np.ndarray
    texts: tuple[str, ...]


def example(number: int = 0) -> Picture:
    """A simulated tabletop that no model was trained on, 640 x 480, and the names of what lies on it."""
    from ris_ros.sim.render import Renderer
    from ris_ros.sim.splits import TEST_SEEDS
    from ris_ros.sim.tabletop import sample_scene

    scene = sample_scene(TEST_SEEDS[number])
    with Renderer() as renderer:
        image = renderer.render(scene).image
    names = dict.fromkeys(f"{thing.colour} {thing.category}" for thing in scene.objects)
    return Picture(image, tuple(f"{start} {name}" for start in ("the", "a", "that") for name in names))


def pictures_of(files: list[Path]) -> list[Picture]:
    """Pictures from files; what is on them is not known, so that anything is asked."""
    from ris_ros.utils.images import read_image

    texts = tuple(f"the {colour} {thing}" for colour in ("red", "white", "dark") for thing in ("thing", "box", "cup"))
    return [Picture(read_image(file), texts) for file in files]
