"""Photographs with hand-drawn boxes, and simulated tabletops with true masks: what proposals are held against."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.errors import InputError, MissingError
from ris_ros.utils.files import read_json
from ris_ros.utils.images import read_image
from ris_ros.utils.masks import mask_box

BOXES = Path(__file__).with_name("boxes.json")
"""Our boxes, by group and path; a path starts with the package that ships the picture, or with the root folder."""

FILE_NAME = "boxes.json"
"""File of boxes in a folder of pictures."""

BOX_WIDTH = 1000
"""Width that a picture is scaled to for its boxes, pixels."""

MIN_VISIBLE = 0.0005
"""Share of the image from which on an object counts as visible."""


@dataclass(frozen=True, eq=False)
class BoxedPicture:
    """A picture and the things in it.

    Attributes
    ----------
    group : what the picture is reported with
    name : of the picture
    image : uint8 RGB [H, W, 3]
    boxes : box of each thing by its name, float64 [4], xyxy pixels of the image

    """

    group: str
    name: str
    image: np.ndarray
    boxes: dict[str, np.ndarray]


def read_folder(folder: Path) -> list[BoxedPicture]:
    """Return the pictures of a folder that its ``boxes.json`` names.

    That file maps the name of each picture to its things, and the name of each thing to its box, [x1, y1, x2, y2] in
    pixels of the picture scaled to a width of 1000; the entry ``about`` is left out.

    Raises
    ------
    InputError
        If the file or a picture cannot be read.

    """
    content = _read_boxes(folder / FILE_NAME)
    return [_boxed(folder.name, folder / name, boxes) for name, boxes in content.items()]


def installed_pictures() -> list[BoxedPicture]:
    """Return our boxed pictures, of those packages that are installed.

    Raises
    ------
    MissingError
        If there are none.

    """
    pictures = [_boxed(group, path, boxes) for group, files in _read_boxes(BOXES).items()
                for name, boxes in files.items() if (path := _find(name)) is not None]
    if not pictures:
        raise MissingError("no photographs to measure on: run `pip install scikit-image`, or give a folder with "
                           f"pictures and {FILE_NAME} as --photos")
    return pictures


def tabletops(count: int) -> Iterator[BoxedPicture]:
    """Yield simulated tabletops of the validation split, with the boxes of the true masks."""
    from ris_ros.sim.samples import samples

    for sample in samples("validation", count):
        masks = [sample.rendering.mask(index) for index in range(len(sample.scene.objects))]
        boxes = {f"{one.colour} {one.category} {number}": mask_box(mask).astype(float)
                 for number, (one, mask) in enumerate(zip(sample.scene.objects, masks, strict=True))
                 if mask.mean() >= MIN_VISIBLE}
        yield BoxedPicture("simulated tabletops", f"scene {sample.seed}", sample.rendering.image, boxes)


def _read_boxes(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except InputError as error:
        raise InputError(f"cannot read boxes: {error}") from error
    if not isinstance(content, dict) or not all(
            isinstance(value, dict) for name, value in content.items() if name != "about"):
        raise InputError(f"{path} must map the names of pictures to boxes by the name of the thing")
    return {name: value for name, value in content.items() if name != "about"}


def _find(name: str) -> Path | None:
    """Return the file of a picture, or None where its package is not installed."""
    package, _, rest = name.partition("/")
    if not package:
        path = Path(name)
    else:
        found = importlib.util.find_spec(package)
        if found is None or not found.submodule_search_locations:
            return None
        path = Path(found.submodule_search_locations[0], rest)
    return path if path.is_file() else None


def _boxed(group: str, path: Path, boxes: dict[str, list[float]]) -> BoxedPicture:
    image = read_image(path)
    scale = image.shape[1] / BOX_WIDTH
    try:
        scaled = {thing: np.array(box, float).reshape(4) * scale for thing, box in boxes.items()}
        if not all(np.isfinite(box).all() for box in scaled.values()):
            raise ValueError("a box is not finite")
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"the boxes of {path.name} must be [x1, y1, x2, y2] by the name of the thing") from error
    return BoxedPicture(group, path.stem, image, scaled)
