"""Soft truth: numbers from 0, certainly not, to 1, certainly."""

from __future__ import annotations

import numpy as np


def above(value: np.ndarray, threshold: float, width: float) -> np.ndarray:
    """How certainly `value` is above a threshold: a logistic step that is at 0.27 and 0.73 `width` to each side.

    What is unknown, NaN, is an even chance.
    """
    return np.nan_to_num(1 / (1 + np.exp(-np.clip((value - threshold) / width, -40, 40))), nan=0.5)


def below(value: np.ndarray, threshold: float, width: float) -> np.ndarray:
    """The opposite of :func:`above`."""
    return 1 - above(value, threshold, width)
