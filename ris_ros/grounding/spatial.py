"""Regions, relations and rankings: how well proposals fit what an expression says of their position and size.

Every function takes the :class:`Layout` of N proposals and returns fuzzy truth values in 0..1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ris_ros.grounding import thresholds as t
from ris_ros.grounding.layout import Layout
from ris_ros.grounding.thresholds import SoftThreshold
from ris_ros.types import Ranking

# Regions: "on the left", "in the top right corner", "in the middle"


def in_region(name: str, layout: Layout) -> np.ndarray:
    """Return how well each proposal fits a region of `types.REGIONS`, float64 [N] in 0..1."""
    x, y = layout.centre.T
    if name == "middle":
        vertical = t.MIDDLE_OF_WIDTH_ALONE + (1 - t.MIDDLE_OF_WIDTH_ALONE) * t.MIDDLE_HEIGHT.below(np.abs(y - 0.5))
        return t.MIDDLE_WIDTH.below(np.abs(x - 0.5)) * vertical
    if name in ("front", "back"):
        nearness = _normalised(-layout.low[:, 1])
        return nearness if name == "front" else 1 - nearness
    if name == "corner":
        return np.max([in_region(f"{row} {column} corner", layout) for row in ("top", "bottom")
                       for column in ("left", "right")], axis=0)
    edges = t.FAR_REGION_EDGES if name.startswith("far ") or name.endswith(" corner") else t.REGION_EDGES
    fit = np.ones(len(layout))
    for side in set(name.split()) & set(edges):
        position = x if side in ("left", "right") else y
        if side in ("left", "top"):
            fit *= edges[side].below(position) * (1 - t.EXTREME_PREFERENCE * position)
        else:
            fit *= edges[side].above(position) * (1 - t.EXTREME_PREFERENCE * (1 - position))
    return fit


def _normalised(values: np.ndarray) -> np.ndarray:
    """Return values scaled to 0..1; 0.5 each when they are all equal."""
    spread = np.ptp(values) if len(values) else 0
    return (values - values.min()) / spread if spread > 0 else np.full(len(values), 0.5)


# Relations: "behind", "on", "next to", "between"


def related(name: str, layout: Layout) -> np.ndarray:
    """Return how certainly proposal i has a relation of `types.RELATIONS` to proposal j, float64 [N, N]."""
    certainty = _RELATIONS[name](layout)
    np.fill_diagonal(certainty, 0)
    return certainty


def between(layout: Layout, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return how certainly each proposal is between pairs of others, float64 [N, P], for indices int [P] of each."""
    position = layout.middle[:, :2]
    start, along = position[a], position[b] - position[a]
    length = np.linalg.norm(along, axis=1).clip(1e-6)
    direction = along / length[:, None]
    offset = position[:, None] - start[None]
    share = np.einsum("npk,pk->np", offset, direction) / length
    sideways = np.abs(direction[:, 0] * offset[..., 1] - direction[:, 1] * offset[..., 0]) / length
    certainty = (t.BETWEEN_START.above(share) * t.BETWEEN_END.below(share)
                 * t.BETWEEN_OFFSET.below(sideways))
    index = np.arange(len(layout))[:, None]
    return np.where((index == a) | (index == b), 0, certainty)


def placed_on_support(layout: Layout) -> Layout:
    """Return the layout with objects that rest on others moved to where their support stands.

    Without depth every object is assumed to stand on the ground, which places an object on a book behind the book.
    """
    if layout.metric or not len(layout):
        return layout
    rests = np.maximum(_on(layout), _in(layout))
    np.fill_diagonal(rests, 0)
    support = rests.argmax(axis=1)
    is_stacked = rests.max(axis=1) > 0.5
    shift = np.where(is_stacked, layout.middle[support, 1] - layout.middle[:, 1], 0.0)[:, None] * (0, 1, 0)
    return replace(layout, low=layout.low + shift, high=layout.high + shift)


def _difference(values: np.ndarray) -> np.ndarray:
    """Return values[j] - values[i], [N, N]."""
    return values[None, :] - values[:, None]


def _in_direction(along: np.ndarray, across: np.ndarray, gap: float) -> np.ndarray:
    return (SoftThreshold(gap, gap / 2).above(along)
            * SoftThreshold(0.0, gap / 2).above(along - t.DIRECTION_SLOPE * np.abs(across)))


def _left_of(layout: Layout) -> np.ndarray:
    x, y = layout.centre.T
    return _in_direction(_difference(x), t.IMAGE_ASPECT * _difference(y), t.IMAGE_GAP)


def _above(layout: Layout) -> np.ndarray:
    x, y = layout.centre.T
    return _in_direction(t.IMAGE_ASPECT * _difference(y), _difference(x), t.IMAGE_GAP)


def _behind(layout: Layout) -> np.ndarray:
    forward, right = layout.middle[:, 1], layout.middle[:, 0]
    gap = t.DEPTH_GAP if layout.metric else t.FLAT_GROUND_GAP
    return _in_direction(-_difference(forward), _difference(right), gap)


def _gap(layout: Layout) -> np.ndarray:
    """Return the gap along the ground in mean sizes of the two objects, [N, N]; negative where they overlap."""
    reach = np.sqrt(np.prod(layout.size[:, :2].clip(1e-3), axis=1)) / 2
    middles = np.hypot(_difference(layout.middle[:, 0]), _difference(layout.middle[:, 1]))
    both = reach[:, None] + reach[None, :]
    return (middles - both) / both


def _near(layout: Layout, max_gap: float) -> np.ndarray:
    gap = _gap(layout)
    preference = 1 - t.NEARER_PREFERENCE * np.clip(gap / (2 * max_gap), 0, 1)
    return SoftThreshold(max_gap, t.GAP_WIDTH).below(gap) * preference


def _on(layout: Layout) -> np.ndarray:
    if layout.metric:
        # The base of the one is at the top of the other.
        lift = layout.low[:, None, 2] - layout.high[None, :, 2]
        return _over(layout) * t.ON_LOWEST.above(lift) * t.ON_HIGHEST.below(lift)
    return _over(layout) * t.ON_CONTACT.above(layout.contact)


def _in(layout: Layout) -> np.ndarray:
    if layout.metric:
        # Lower than the rim, not lower than the base, and smaller: a spoon may show little that is below the rim.
        lift = layout.low[:, None, 2] - layout.high[None, :, 2]
        base = layout.low[:, None, 2] - layout.low[None, :, 2]
        area = np.prod(layout.size[:, :2].clip(1e-6), axis=1)
        return (_over(layout) * t.IN_BELOW_RIM.below(lift) * t.IN_ABOVE_BASE.above(base)
                * t.IN_FOOTPRINT.below(area[:, None] / area[None, :]))
    # The container shows behind what it contains, or its mask takes it in.
    enclosed = np.maximum(t.IN_RIM_BEHIND.above(layout.contact.T), t.IN_ENCLOSED.above(layout.inside))
    return _over(layout) * t.IN_CONTACT.above(layout.contact) * enclosed


def _over(layout: Layout) -> np.ndarray:
    """Return how certainly i is over j, [N, N]: within its outline on the ground, or estimated from the boxes."""
    if not layout.metric:
        x, y = layout.centre.T
        left, top, width = x, y - layout.extent[:, 1] / 2, layout.extent[:, 0]
        bottom = (y + layout.extent[:, 1] / 2)[:, None]
        return (t.OVER_CENTRE.below(np.abs(_difference(left)) / width[None, :]) * t.OVER_ABOVE.above(_difference(y))
                * t.OVER_OVERLAP.above((bottom - top[None, :]) / layout.extent[None, :, 1]))
    within = np.ones((len(layout),) * 2)
    for axis in (0, 1):
        centre, low, high = layout.middle[:, axis], layout.low[:, axis], layout.high[:, axis]
        margin = t.OUTLINE_MARGIN * (high - low)
        within *= (t.OUTLINE_EDGE.above(centre[:, None] - (low - margin)[None, :])
                   * t.OUTLINE_EDGE.below(centre[:, None] - (high + margin)[None, :]))
    return within


def _touching(layout: Layout) -> np.ndarray:
    border = np.maximum(layout.surround, layout.surround.T)
    return t.TOUCHING_BORDER.above(border) * t.TOUCHING_GAP.below(_gap(layout))


def _reversed(relation: Callable[[Layout], np.ndarray]) -> Callable[[Layout], np.ndarray]:
    return lambda layout: relation(layout).T.copy()


_RELATIONS: dict[str, Callable[[Layout], np.ndarray]] = {
    "left of": _left_of,
    "right of": _reversed(_left_of),
    "above": _above,
    "below": _reversed(_above),
    "behind": _behind,
    "in front of": _reversed(_behind),
    "on": _on,
    "in": _in,
    "under": _reversed(_on),
    "next to": lambda layout: _near(layout, t.NEXT_TO_GAP),
    "near": lambda layout: _near(layout, t.NEAR_GAP),
    "far from": lambda layout: 1 - _near(layout, t.FAR_GAP),
    "touching": _touching,
}


# Rankings: "leftmost", "the second cup from the right", "largest", "closest"


def rank_probability(ranking: Ranking, layout: Layout, members: np.ndarray) -> np.ndarray:
    """Return the probability, float64 [N], that each proposal has the rank asked for, given that it is a member.

    Parameters
    ----------
    ranking : what the proposals are ranked by, and the rank
    layout : of the proposals
    members : float64 [N] in 0..1, the probability of each to be ranked at all

    """
    values = _RANKED_VALUES[ranking.name](layout)
    ahead = t.RANK_STEPS[ranking.name].above(values[:, None] - values[None, :])     # [i, j]: j comes before i
    if ranking.rank < 0:
        ahead = 1 - ahead
    before = ahead * members[None, :]
    np.fill_diagonal(before, 0)
    has_rank = _count_probability(abs(ranking.rank) - 1, before)
    if abs(ranking.rank) > 1:
        return has_rank
    after = (1 - ahead) * members[None, :]
    np.fill_diagonal(after, 0)
    return has_rank * (1 - (1 - t.ONLY_MEMBER) * _count_probability(0, after))


def _count_probability(count: int, events: np.ndarray) -> np.ndarray:
    """Return the probability, float64 [N], that `count` of the independent events of a row, [N, M], take place."""
    # Poisson binomial: the distribution of the number of events so far, one event after another.
    so_far = np.zeros((len(events), count + 1))
    so_far[:, 0] = 1
    # An image has hundreds of masks, most of which are no members: their events are impossible.
    for event in events.T[events.any(axis=0)][:, :, None]:
        happened = so_far[:, :-1] * event
        so_far = so_far * (1 - event)
        so_far[:, 1:] += happened
    return so_far[:, count]


def _log_distance(layout: Layout) -> np.ndarray:
    # The near end is more visible, but a nearer edge alone does not make a large object nearer.
    forward = (layout.low[:, 1] + layout.middle[:, 1]) / 2
    return np.log(np.hypot(layout.middle[:, 0], forward).clip(1e-6))


def _log_area(layout: Layout) -> np.ndarray:
    if not layout.metric:
        return np.log(layout.area.clip(1e-9))
    # The visible area, scaled to one distance.
    return np.log(layout.area.clip(1e-9)) + 2 * np.log(np.linalg.norm(layout.middle, axis=1).clip(1e-6))


def _log_height(layout: Layout) -> np.ndarray:
    return np.log((layout.size[:, 2] if layout.metric else layout.extent[:, 1]).clip(1e-6))


def _log_width(layout: Layout) -> np.ndarray:
    return np.log((layout.size[:, 0] if layout.metric else layout.extent[:, 0]).clip(1e-6))


_RANKED_VALUES: dict[str, Callable[[Layout], np.ndarray]] = {
    "left": lambda layout: layout.centre[:, 0],
    "right": lambda layout: -layout.centre[:, 0],
    "top": lambda layout: layout.centre[:, 1],
    "bottom": lambda layout: -layout.centre[:, 1],
    "near": _log_distance,
    "far": lambda layout: -_log_distance(layout),
    "large": lambda layout: -_log_area(layout),
    "small": _log_area,
    "tall": lambda layout: -_log_height(layout),
    "short": _log_height,
    "wide": lambda layout: -_log_width(layout),
    "narrow": _log_width,
}
"""What objects are ranked by, in ascending order."""
