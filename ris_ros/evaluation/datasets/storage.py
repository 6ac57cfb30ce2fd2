"""Masks and depth in the storage formats of data sets: COCO segmentations, polygons, images of one channel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ris_ros.errors import InputError
from ris_ros.proposals.given import from_coco

_SINGLE_CHANNEL_MODES = ("1", "L", "P", "I", "I;16")
"""Modes of Pillow images with one channel."""


@dataclass(frozen=True, eq=False)
class CocoMask:
    """The ``segmentation`` of a COCO annotation: polygons, run lengths or compressed run lengths."""

    segmentation: Any

    def decode(self, height: int, width: int) -> np.ndarray:
        """Return the mask, bool [height, width]; raise InputError if it is damaged or has another size."""
        if not self.segmentation:
            raise InputError("a segmentation is empty")
        mask: np.ndarray = from_coco([{"segmentation": self.segmentation}], height, width).masks[0]
        return mask


@dataclass(frozen=True, eq=False)
class PolygonMask:
    """Polygons of [x, y] points, filled as PhraseCut's own code fills them: whole coordinates, outline included."""

    polygons: list[list[list[float]]]

    def decode(self, height: int, width: int) -> np.ndarray:
        """Return the mask, bool [height, width]; raise InputError if the polygons are damaged."""
        canvas = Image.new("L", (width, height), 0)
        draw = ImageDraw.Draw(canvas)
        try:
            for polygon in self.polygons:
                if len(polygon) >= 2:
                    draw.polygon([(int(x), int(y)) for x, y in polygon], outline=1, fill=1)
        except (TypeError, ValueError) as error:
            raise InputError(f"cannot read the polygons {str(self.polygons)[:80]}: {error}") from error
        return np.array(canvas) > 0


@dataclass(frozen=True, eq=False)
class LabelMask:
    """The pixels with one value in a label image."""

    file: Path
    value: int

    def decode(self, height: int, width: int) -> np.ndarray:
        """Return the mask, bool [height, width]; raise InputError if the image is damaged or has another size."""
        labels = _cached_labels(self.file)
        if labels.shape != (height, width):
            raise InputError(f"{self.file} is {labels.shape[1]} x {labels.shape[0]} pixels, "
                             f"its picture {width} x {height}")
        mask: np.ndarray = labels == self.value
        return mask


def read_single_channel(path: Path) -> np.ndarray:
    """Return the values [H, W] of an image of one channel: labels, palette indices or millimetres of depth.

    Raises
    ------
    InputError
        If the file is missing, damaged, or has several channels.

    """
    # Pillow, not OpenCV: of a palette PNG, which many annotation tools write, it returns the indices, not the colours.
    with open_image(path) as image:
        if image.mode not in _SINGLE_CHANNEL_MODES:
            raise InputError(f"{path} must have one channel, not mode {image.mode}")
        return np.array(image)


def read_depth(path: Path) -> np.ndarray:
    """Return a depth image of 16-bit millimetres in metres, float32 [H, W]; 0 where unknown."""
    return read_single_channel(path).astype(np.float32) / 1000


_cached_labels = lru_cache(maxsize=2)(read_single_channel)
"""`read_single_channel` with a cache of the last files: all objects of a picture share one."""


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """Open an image file with Pillow; raise InputError if it is missing or damaged, also while it is read."""
    try:
        with Image.open(path) as image:
            yield image
    except FileNotFoundError as error:
        raise InputError(f"there is no {path}") from error
    except OSError as error:  # not an image, or truncated
        raise InputError(f"{path} is not a readable image: {error}") from error
