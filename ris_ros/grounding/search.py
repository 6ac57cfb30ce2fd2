"""What to search for, and where in a picture it may be, when no proposal shows it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ris_ros.types import Description, Query


def mentioned(query: Query) -> Iterator[Description]:
    """The targets of a query and everything that they are related to."""
    open_ends = list(query.targets)
    while open_ends:
        description = open_ends.pop(0)
        yield description
        open_ends += [landmark for relation in description.relations for landmark in relation.landmarks]


def local_maxima(chances: np.ndarray, *, least: float, most: int) -> np.ndarray:
    """The likeliest cells of a grid of chances, float64 [rows, columns]: float64 [P, 2], xy as shares of the picture.

    Cells of at least `least` that no neighbour beats, likeliest first, `most` of them at the most.
    """
    around = np.pad(chances, 1, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(around, (3, 3))
    rows, columns = np.nonzero((chances >= windows.max(axis=(2, 3))) & (chances >= least))
    best = np.argsort(-chances[rows, columns], kind="stable")[:most]
    return (np.stack([columns[best], rows[best]], axis=1) + 0.5) / chances.shape[::-1]
