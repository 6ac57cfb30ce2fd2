"""Contour accuracy F of DAVIS (Perazzi et al., CVPR 2016): how well the outline of a mask is met.

The paper matches contour points one to one and approximates that by morphology. Tolerance and contours here are those
of the benchmark's own evaluation (davis2017-evaluation), so that figures stand beside published ones.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

TOLERANCE = 0.008  # of the picture's diagonal


def contour(mask: np.ndarray) -> np.ndarray:
    """The contour, uint8 0 or 1 [H, W], of a bool mask: pixels unlike the one to their right, below or below right.

    Where a mask ends with the picture it has no contour, so that one which fills the picture has none at all.
    """
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8), anchor=(0, 0))


def contour_accuracy(predicted: np.ndarray, truth: np.ndarray) -> float:
    """F, the harmonic mean of the contour's precision and recall, 0..1, of two bool masks [H, W] of one size.

    A contour pixel is right within ceil(TOLERANCE * diagonal) pixels of the other contour. F is 1 when neither mask has
    a contour, and 0 when only one has.
    """
    one, other = contour(predicted), contour(truth)
    if not (one.any() and other.any()):
        return float(one.any() == other.any())
    x, y, width, height = cv2.boundingRect(one | other)  # all that matters lies in there
    one, other = (line[y:y + height, x:x + width] for line in (one, other))
    reach = math.ceil(TOLERANCE * math.hypot(*truth.shape))
    steps = np.arange(-reach, reach + 1)
    disk = (np.add.outer(steps**2, steps**2) <= reach**2).astype(np.uint8)
    precision = float(cv2.dilate(other, disk)[one > 0].mean())
    recall = float(cv2.dilate(one, disk)[other > 0].mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
