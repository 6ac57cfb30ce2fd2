"""Prompts for descriptions that no proposal matches: where patches of the image match them."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from ris_ros.grounding import thresholds as t
from ris_ros.grounding.appearance import AppearanceScorer
from ris_ros.grounding.grounder import Grounder
from ris_ros.types import Description, Query


class MatchingRegion(NamedTuple):
    """Adjoining patches that match a description.

    Attributes
    ----------
    box : float64 [4], xyxy as shares of the image's width and height
    point : centre of the patch that matches best, float64 [2], xy likewise

    """

    box: np.ndarray
    point: np.ndarray


def missing_descriptions(query: Query, grounder: Grounder | None) -> list[Description]:
    """Return the targets and landmarks of a query that no proposal matches; without a grounder, all of them."""
    return still_missing(list(query.descriptions()), grounder)


def still_missing(descriptions: list[Description], grounder: Grounder | None) -> list[Description]:
    """Return the descriptions that no proposal matches; without a grounder, all of them."""
    return [description for description in descriptions
            if grounder is None or grounder.appearance.probability(description).max() < t.SEARCH_BELOW]


class PatchSearch:
    """The search for one description in one image, round by round.

    Parameters
    ----------
    description : what no proposal matches
    patches : scores of the patches of the image, row by row
    grid : rows and columns of patches

    """

    def __init__(self, description: Description, patches: AppearanceScorer, grid: tuple[int, int]):
        self.description = description
        self._probability = patches.probability(description).reshape(grid)
        # A thing may be smaller than a patch, so points are chosen on a finer grid.
        scale = -(-t.SEARCH_GRID // max(grid))
        self._fine = cv2.resize(self._probability, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
        rows, columns = self._fine.shape
        self._positions = np.stack(np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows),
                                   axis=-1)
        self._reach = 1 / np.array(grid[::-1])
        self._weight = np.ones_like(self._fine)

    def regions(self) -> list[MatchingRegion]:
        """Return the regions whose patches match, the best match first, each with boxes of several sizes."""
        threshold = max(t.MIN_PATCH_PROBABILITY, t.REGION_PROBABILITY * self._probability.max())
        count, labels = cv2.connectedComponents((self._probability >= threshold).astype(np.uint8), connectivity=4)
        rows, columns = self._probability.shape
        found: list[tuple[float, MatchingRegion]] = []
        for label in range(1, count):
            inside = np.where(labels == label, self._probability, -1)
            y, x = np.nonzero(labels == label)
            row, column = np.unravel_index(inside.argmax(), inside.shape)
            point = np.array([(column + 0.5) / columns, (row + 0.5) / rows])
            box = np.array([x.min() / columns, y.min() / rows, (x.max() + 1) / columns, (y.max() + 1) / rows])
            found.append((float(inside.max()), MatchingRegion(box, point)))
        best_first = sorted(found, key=lambda item: -item[0])
        # Patches at the border may show little of a thing: its box may be up to a patch smaller.
        return [MatchingRegion(self._shrunk(region.box, inset), region.point)
                for _, region in best_first[:t.SEARCH_REGIONS] for inset in t.REGION_INSETS]

    def _shrunk(self, box: np.ndarray, inset: float) -> np.ndarray:
        """Return a box whose sides are moved inwards by patches, but not to less than one patch."""
        centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
        half = np.maximum(half - inset * self._reach, self._reach / 2)
        return np.concatenate([centre - half, centre + half])

    def next_points(self, max_points: int) -> np.ndarray:
        """Return points on the best matches that are not close to points of earlier calls.

        Returns
        -------
        float64 [P, 2], xy as shares of the image's width and height; none where nothing else matches: the thing is
        not there.

        """
        points: list[np.ndarray] = []
        while len(points) < max_points:
            value = self._fine * self._weight
            best = np.unravel_index(value.argmax(), value.shape)
            if value[best] < t.MIN_PATCH_PROBABILITY:
                break
            points.append(self._positions[best])
            distance = np.linalg.norm((self._positions - points[-1]) / self._reach, axis=-1)
            self._weight = np.minimum(self._weight, distance / t.SEARCH_DISTANCE)
        return np.array(points).reshape(-1, 2)
