"""Recognising an image that was seen before, so that a still camera and going back cost nothing."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

import cv2
import numpy as np

T = TypeVar("T")

BLOCK = 8
"""Side, in pixels, of the blocks whose means are compared: noise averages out in them, and an object fills some."""


class FrameCache(Generic[T]):
    """What was computed for the last few images, RGB uint8 [H, W, 3], found again by the image.

    Parameters
    ----------
    size : images remembered

    """

    def __init__(self, size: int):
        self._frames: deque[tuple[np.ndarray, np.ndarray, T]] = deque(maxlen=size)

    def put(self, image: np.ndarray, value: T) -> None:
        """Remember what belongs to an image, which must not change any more; the oldest is forgotten."""
        self._frames.append((image, _blocks(image), value))

    def find(self, image: np.ndarray, tolerance: float) -> T | None:
        """What belongs to the most recent image that is the same; None for an image that was not seen.

        Two images are the same when the means of all their blocks, in each channel, differ by no more than `tolerance`
        grey levels; for 0, when all their pixels are equal. Each is compared with images that something was computed
        for and never with those that were found the same, so that slow changes add up until they count.
        """
        blocks = None
        for other, means, value in reversed(self._frames):
            if other.shape != image.shape:
                continue
            if tolerance == 0:
                if np.array_equal(other, image):
                    return value
                continue
            blocks = _blocks(image) if blocks is None else blocks
            if np.abs(blocks - means).max() <= tolerance:
                return value
        return None

    def clear(self) -> None:
        """Forget everything."""
        self._frames.clear()


def _blocks(image: np.ndarray) -> np.ndarray:
    """Means, int16 [rows, columns, 3], of blocks of the image."""
    height, width = (max(1, round(side / BLOCK)) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.int16)
