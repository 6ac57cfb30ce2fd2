"""Prompt points for descriptions that no proposal matches."""

from __future__ import annotations

import numpy as np

from ris_ros.grounding import thresholds as t
from ris_ros.grounding.appearance import AppearanceScorer
from ris_ros.grounding.grounder import Grounder
from ris_ros.types import Description, Query


def missing_descriptions(query: Query, grounder: Grounder | None) -> list[Description]:
    """Return the targets and landmarks of a query that no proposal matches; without a grounder, all of them."""
    return [description for description in query.descriptions()
            if grounder is None or grounder.appearance.probability(description).max() < t.SEARCH_BELOW]


def search_points(descriptions: list[Description], patches: AppearanceScorer, grid: tuple[int, int], max_points: int
                  ) -> np.ndarray:
    """Return the points where patches look like one of the descriptions.

    Parameters
    ----------
    descriptions : those that no proposal matches
    patches : scores of the patches of the image, row by row
    grid : rows and columns of patches
    max_points : for each description

    Returns
    -------
    float64 [P, 2], xy as shares of the image's width and height.

    """
    maps = [patches.probability(description).reshape(grid) for description in descriptions]
    return np.concatenate([np.zeros((0, 2)), *(
        local_maxima(probability, min_value=t.MIN_PATCH_PROBABILITY, max_count=max_points) for probability in maps)])


def local_maxima(values: np.ndarray, *, min_value: float, max_count: int) -> np.ndarray:
    """Return the centres of the cells of a grid that no neighbour exceeds, highest value first.

    Parameters
    ----------
    values : float64 [rows, columns]
    min_value : cells below it are left out
    max_count : of cells

    Returns
    -------
    float64 [P, 2], xy as shares of the grid's width and height.

    """
    around = np.pad(values, 1, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(around, (3, 3))
    rows, columns = np.nonzero((values >= windows.max(axis=(2, 3))) & (values >= min_value))
    best = np.argsort(-values[rows, columns], kind="stable")[:max_count]
    return (np.stack([columns[best], rows[best]], axis=1) + 0.5) / values.shape[::-1]
