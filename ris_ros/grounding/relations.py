"""How one proposal stands to another: "behind", "on", "next to", "between".

A relation is a function from a layout to float64 [N, N] in 0..1: how certainly proposal i stands so to proposal j.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ris_ros.grounding.layout import Layout
from ris_ros.grounding.soft import above, below

Relation = Callable[[Layout], np.ndarray]


def related(name: str, layout: Layout) -> np.ndarray:
    """The relation of that name of `types.RELATIONS`, float64 [N, N]; nothing stands in one to itself."""
    certainty = _RELATIONS[name](layout)
    np.fill_diagonal(certainty, 0)
    return certainty


def resting_on_support(layout: Layout) -> Layout:
    """The layout with what rests on another thing moved to where that stands.

    Without depth everything was taken to stand on the ground, where what stands on a book seems to be behind it.
    """
    if layout.metric or not len(layout):
        return layout
    rests = np.maximum(_on(layout), _in(layout))
    np.fill_diagonal(rests, 0)
    support = rests.argmax(axis=1)
    stacked = rests.max(axis=1) > 0.5
    shift = np.where(stacked, layout.middle[support, 1] - layout.middle[:, 1], 0.0)[:, None] * (0, 1, 0)
    return replace(layout, low=layout.low + shift, high=layout.high + shift)


def between(layout: Layout, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How certainly each proposal is between pairs of others, float64 [N, P], for indices `a` and `b` int [P]."""
    at = layout.middle[:, :2]
    start, along = at[a], at[b] - at[a]
    length = np.linalg.norm(along, axis=1).clip(1e-6)
    direction = along / length[:, None]
    offset = at[:, None] - start[None]
    share = np.einsum("npk,pk->np", offset, direction) / length
    astray = np.abs(direction[:, 0] * offset[..., 1] - direction[:, 1] * offset[..., 0]) / length
    certainty = above(share, 0.1, 0.03) * below(share, 0.9, 0.03) * below(astray, 0.3, 0.04)
    places = np.arange(len(layout))[:, None]
    return np.where((places == a) | (places == b), 0, certainty)


def _apart(values: np.ndarray) -> np.ndarray:
    """How much more of something j has than i, [N, N]."""
    return values[None, :] - values[:, None]


def _direction(along: np.ndarray, across: np.ndarray, width: float) -> np.ndarray:
    # Fades beyond 45 degrees to each side of the direction.
    return above(along, width, width / 2) * above(along - 0.75 * np.abs(across), 0.0, width / 2)


def _left_of(layout: Layout) -> np.ndarray:
    x, y = layout.centre.T
    return _direction(_apart(x), 0.75 * _apart(y), 0.02)


def _above(layout: Layout) -> np.ndarray:
    x, y = layout.centre.T
    return _direction(0.75 * _apart(y), _apart(x), 0.02)


def _behind(layout: Layout) -> np.ndarray:
    forward, right = layout.middle[:, 1], layout.middle[:, 0]
    return _direction(-_apart(forward), _apart(right), 0.02 if layout.metric else 0.03)


def _gap(layout: Layout) -> np.ndarray:
    """From edge to edge along the ground, in mean sizes of the two, [N, N]; negative where they overlap."""
    reach = np.sqrt(np.prod(layout.size[:, :2].clip(1e-3), axis=1)) / 2
    middles = np.hypot(_apart(layout.middle[:, 0]), _apart(layout.middle[:, 1]))
    both = reach[:, None] + reach[None, :]
    return (middles - both) / both


def _near(layout: Layout, farthest: float) -> np.ndarray:
    gap = _gap(layout)
    # The nearer the likelier, also within what is near.
    return below(gap, farthest, 0.12) * (1 - 0.15 * np.clip(gap / (2 * farthest), 0, 1))


def _on(layout: Layout) -> np.ndarray:
    if layout.metric:
        # The base of the one is at the top of the other.
        lift = layout.low[:, None, 2] - layout.high[None, :, 2]
        return _over(layout) * above(lift, -0.012, 0.003) * below(lift, 0.04, 0.005)
    return _over(layout) * above(layout.contact, 0.55, 0.06)


def _in(layout: Layout) -> np.ndarray:
    if layout.metric:
        # Lower than the rim, not lower than the base, and smaller: a spoon may show little that is below the rim.
        lift = layout.low[:, None, 2] - layout.high[None, :, 2]
        base = layout.low[:, None, 2] - layout.low[None, :, 2]
        area = np.prod(layout.size[:, :2].clip(1e-6), axis=1)
        return (_over(layout) * below(lift, 0.004, 0.003) * above(base, -0.006, 0.002)
                * below(area[:, None] / area[None, :], 0.8, 0.08))
    # The container shows behind what it contains, or its mask takes it in.
    enclosed = np.maximum(above(layout.contact.T, 0.045, 0.012), above(layout.inside, 0.6, 0.06))
    return _over(layout) * above(layout.contact, 0.3, 0.04) * enclosed


def _over(layout: Layout) -> np.ndarray:
    """How certainly i is over j, [N, N]: within its outline on the ground, or seemingly so in the picture."""
    if not layout.metric:
        x, y = layout.centre.T
        left, top, width = x, y - layout.extent[:, 1] / 2, layout.extent[:, 0]
        bottom = (y + layout.extent[:, 1] / 2)[:, None]
        return (below(np.abs(_apart(left)) / width[None, :], 0.62, 0.04) * above(_apart(y), -0.02, 0.008)
                * above((bottom - top[None, :]) / layout.extent[None, :, 1], 0.2, 0.04))
    within = np.ones((len(layout),) * 2)
    for axis in (0, 1):
        centre, low, high = layout.middle[:, axis], layout.low[:, axis], layout.high[:, axis]
        slack = 0.15 * (high - low)
        within *= above(centre[:, None], (low - slack)[None, :], 0.006) * below(
            centre[:, None], (high + slack)[None, :], 0.006)
    return within


def _turned(relation: Relation) -> Relation:
    return lambda layout: relation(layout).T.copy()


def _touching(layout: Layout) -> np.ndarray:
    border = np.maximum(layout.surround, layout.surround.T)
    return above(border, 0.04, 0.01) * below(_gap(layout), 0.4, 0.1)


_RELATIONS: dict[str, Relation] = {
    "left of": _left_of,
    "right of": _turned(_left_of),
    "above": _above,
    "below": _turned(_above),
    "behind": _behind,
    "in front of": _turned(_behind),
    "on": _on,
    "in": _in,
    "under": _turned(_on),
    "next to": lambda layout: _near(layout, 0.8),
    "near": lambda layout: _near(layout, 1.6),
    "far from": lambda layout: 1 - _near(layout, 3.0),
    "touching": _touching,
}
