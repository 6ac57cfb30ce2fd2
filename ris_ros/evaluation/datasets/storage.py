"""Masks and depth in the storage formats of data sets: COCO segmentations, polygons, images of one channel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ris_ros.errors import InputError, excerpt
from ris_ros.proposals.given import check_outline, from_coco
from ris_ros.utils.images import check_size, read_single_channel


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
        check_size(width, height)
        if not isinstance(self.polygons, list) or not all(
                isinstance(polygon, list) and all(isinstance(point, list) and len(point) == 2 for point in polygon)
                for polygon in self.polygons):
            raise InputError(f"polygons must be lists of [x, y], not {excerpt(self.polygons)}")
        canvas = Image.new("L", (width, height), 0)
        draw = ImageDraw.Draw(canvas)
        for polygon in self.polygons:
            if len(polygon) >= 2:
                outline = check_outline([value for point in polygon for value in point], height, width, min_points=2)
                draw.polygon([(int(x), int(y)) for x, y in outline], outline=1, fill=1)
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


def read_depth(path: Path) -> np.ndarray:
    """Return a depth image of 16-bit millimetres in metres, float32 [H, W]; 0 where unknown."""
    return read_single_channel(path).astype(np.float32) / 1000


_cached_labels = lru_cache(maxsize=2)(read_single_channel)
"""`read_single_channel` with a cache of the last files: all objects of a picture share one."""
