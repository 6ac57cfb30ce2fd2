"""Where in a picture something may be that no proposal shows."""

from __future__ import annotations

import numpy as np


def peaks(chances: np.ndarray, *, least: float, most: int) -> np.ndarray:
    """The likeliest cells of a grid of chances, float64 [rows, columns]: float64 [P, 2], xy as shares of the picture.

    Cells of at least `least` that no neighbour beats, likeliest first, `most` of them at the most.
    """
    around = np.pad(chances, 1, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(around, (3, 3))
    rows, columns = np.nonzero((chances >= windows.max(axis=(2, 3))) & (chances >= least))
    best = np.argsort(-chances[rows, columns], kind="stable")[:most]
    return (np.stack([columns[best], rows[best]], axis=1) + 0.5) / chances.shape[::-1]
