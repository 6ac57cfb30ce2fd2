"""From where something should be to what to ask SAM about it."""

from __future__ import annotations

import cv2
import numpy as np

from ris_ros.utils.masks import mask_box

POINTS = 2
MARGIN = 0.04
"""Of the box's sides, by which it is widened: the mask it comes from may be a little small."""


def object_prompt(seen: np.ndarray, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A box, points and their labels for a thing seen in one mask, bool [H, W], and hidden by others in another.

    Returns
    -------
    box : float64 [4], xyxy pixels
    points : float64 [P, 2], xy pixels: the deepest inside what is seen, and the deepest inside what hides it
    labels : int64 [P], 1 on the thing, 0 beside it

    """
    height, width = seen.shape
    x1, y1, x2, y2 = mask_box(seen).astype(float)
    dx, dy = MARGIN * (x2 - x1), MARGIN * (y2 - y1)
    box = np.array([max(x1 - dx, 0), max(y1 - dy, 0), min(x2 + dx, width), min(y2 + dy, height)])
    on, beside = _deepest(seen, POINTS), np.zeros((0, 2))
    if hidden.sum() > 0.15 * (seen.sum() + hidden.sum()):
        beside = _deepest(hidden, 1)
    return box, np.concatenate([on, beside]), np.repeat([1, 0], [len(on), len(beside)])


def _deepest(mask: np.ndarray, count: int) -> np.ndarray:
    """Points float64 [P, 2], each as far as can be from the mask's edge and from the ones before."""
    x1, y1, x2, y2 = mask_box(mask)
    rest = np.pad(mask[y1:y2, x1:x2].astype(np.uint8), 1)
    points: list[tuple[float, float]] = []
    while len(points) < count and rest.any():
        depth = cv2.distanceTransform(rest, cv2.DIST_L2, cv2.DIST_MASK_5)
        row, column = np.unravel_index(depth.argmax(), depth.shape)
        points.append((x1 + column - 0.5, y1 + row - 0.5))
        cv2.circle(rest, (int(column), int(row)), max(2, int(1.2 * depth[row, column])), 0, -1)
    return np.array(points).reshape(-1, 2)
