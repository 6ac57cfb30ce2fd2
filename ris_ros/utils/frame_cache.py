"""A cache keyed by image content, so that results for a static camera or a repeated view are reused."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

import cv2
import numpy as np

T = TypeVar("T")

BLOCK_SIZE_PIXELS = 8
"""Side of the square blocks whose means are compared: averaging removes noise, and an object covers several blocks."""


@dataclass(frozen=True)
class _Entry(Generic[T]):
    image: np.ndarray
    block_means: np.ndarray
    value: T


class FrameCache(Generic[T]):
    """The values computed for the last few images, RGB uint8 [H, W, 3], looked up by the image itself.

    Parameters
    ----------
    size : number of images kept

    """

    def __init__(self, size: int):
        self._entries: deque[_Entry[T]] = deque(maxlen=size)

    def put(self, image: np.ndarray, value: T) -> None:
        """Store the value of an image and evict the oldest entry; the image must not be modified afterwards."""
        self._entries.append(_Entry(image, _block_means(image), value))

    def get(self, image: np.ndarray, tolerance: float) -> T | None:
        """Return the value of the most recent matching image; None if there is none.

        Two images match if the means of all their blocks differ by at most `tolerance` grey levels in every channel.
        With a tolerance of 0 every pixel must be equal. An image is only compared with images passed to :meth:`put`,
        not with earlier matches, so gradual changes accumulate until they exceed the tolerance.
        """
        means: np.ndarray | None = None
        for entry in reversed(self._entries):
            if entry.image.shape != image.shape:
                continue
            if tolerance == 0:
                if np.array_equal(entry.image, image):
                    return entry.value
                continue
            means = _block_means(image) if means is None else means
            if np.abs(means - entry.block_means).max() <= tolerance:
                return entry.value
        return None

    def clear(self) -> None:
        """Remove all entries."""
        self._entries.clear()


def _block_means(image: np.ndarray) -> np.ndarray:
    """Return the mean of every block of an image, int16 [rows, columns, 3]."""
    height, width = (max(1, round(side / BLOCK_SIZE_PIXELS)) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.int16)
