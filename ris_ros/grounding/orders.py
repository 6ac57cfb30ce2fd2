"""Which one in a line: "leftmost", "the second cup from the right", "largest", "closest"."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ris_ros.grounding.layout import Layout
from ris_ros.grounding.soft import above
from ris_ros.types import Ranking

# How much less likely it is that somebody says "the largest bowl" of the only bowl than of one among several.
ALONE = 0.2

# Ranking -> what objects are lined up by, the first having least, and the difference in it that begins to count.
_KEYS: dict[str, tuple[Callable[[Layout], np.ndarray], float]] = {
    "left": (lambda layout: layout.centre[:, 0], 0.006),
    "right": (lambda layout: -layout.centre[:, 0], 0.006),
    "top": (lambda layout: layout.centre[:, 1], 0.006),
    "bottom": (lambda layout: -layout.centre[:, 1], 0.006),
    "near": (lambda layout: _distance(layout), 0.01),
    "far": (lambda layout: -_distance(layout), 0.01),
    "large": (lambda layout: -_log_size(layout), 0.03),
    "small": (lambda layout: _log_size(layout), 0.03),
    "tall": (lambda layout: -_log_height(layout), 0.03),
    "short": (lambda layout: _log_height(layout), 0.03),
    "wide": (lambda layout: -_log_width(layout), 0.03),
    "narrow": (lambda layout: _log_width(layout), 0.03),
}


def rank_probability(order: Ranking, layout: Layout, members: np.ndarray) -> np.ndarray:
    """The chance, float64 [N], that each proposal, if it is in the line, has the rank that an order names.

    Who says "the leftmost cup" sees more than one: what would be first of a line of one is marked down by ``ALONE``, so
    that of a clear cup and an unclear one to its left the unclear one is meant.

    Parameters
    ----------
    order : which one
    layout : of the proposals
    members : float64 [N] in 0..1, the chance of each to be in the line at all

    """
    key, width = _KEYS[order.name]
    values = key(layout)
    ahead = above(values[:, None] - values[None, :], 0.0, width)     # [i, j]: j comes before i
    if order.rank < 0:
        ahead = 1 - ahead
    chance = ahead * members[None, :]
    np.fill_diagonal(chance, 0)
    first = _exactly(abs(order.rank) - 1, chance)
    if abs(order.rank) > 1:
        return first
    behind = (1 - ahead) * members[None, :]
    np.fill_diagonal(behind, 0)
    return first * (1 - (1 - ALONE) * _exactly(0, behind))


def _exactly(count: int, chance: np.ndarray) -> np.ndarray:
    """The chance, float64 [N], that `count` of the independent events of a row of `chance` [N, M] take place."""
    # Poisson binomial: the distribution of the number of events so far, one event after another.
    so_far = np.zeros((len(chance), count + 1))
    so_far[:, 0] = 1
    for one in chance.T[:, :, None]:
        moved = np.pad(so_far[:, :-1], ((0, 0), (1, 0)))
        so_far = so_far * (1 - one) + moved * one
    return so_far[:, count]


def _distance(layout: Layout) -> np.ndarray:
    # Where a thing begins is seen better than how far back it goes, but is nearer by half a thing than where it is.
    forward = (layout.low[:, 1] + layout.middle[:, 1]) / 2
    return np.log(np.hypot(layout.middle[:, 0], forward).clip(1e-6))


def _log_size(layout: Layout) -> np.ndarray:
    if not layout.metric:
        return np.log(layout.area.clip(1e-9))
    # What is seen of it, brought to one distance.
    return np.log(layout.area.clip(1e-9)) + 2 * np.log(np.linalg.norm(layout.middle, axis=1).clip(1e-6))


def _log_height(layout: Layout) -> np.ndarray:
    return np.log((layout.size[:, 2] if layout.metric else layout.extent[:, 1]).clip(1e-6))


def _log_width(layout: Layout) -> np.ndarray:
    return np.log((layout.size[:, 0] if layout.metric else layout.extent[:, 0]).clip(1e-6))
