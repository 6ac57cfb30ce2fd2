"""What must be there for a mask to show less or more than one object: the whole of a part, each of several.

A vision-language model judges every mask by itself; it takes a plate under a cup for several objects and a short banana
for a part of one. But a part lies in a larger mask of its object, and of several objects each has a mask. Where these
are missing it is something else, or the best mask there is of the object.
"""

from __future__ import annotations

import numpy as np

from ris_ros.grounding.layout import Layout

# Share of a mask that lies in another, from which it is within it, and below which they lie apart.
WITHIN, APART = 0.8, 0.3
# How likely it is all the same: proposals miss some masks.
UNSEEN = 0.02


def whole_of(layout: Layout, objects: np.ndarray) -> np.ndarray:
    """The chance, float64 [N] in 0..1, that a proposal lies in an object; `objects` [N]: that each shows one."""
    larger = layout.area[None, :] > 1.15 * layout.area[:, None]
    return (larger * (layout.inside > WITHIN) * objects[None, :]).max(axis=1, initial=UNSEEN)


def several_in(layout: Layout, objects: np.ndarray) -> np.ndarray:
    """The chance, float64 [N] in 0..1, that two objects lie in a proposal, neither of them nearly all or none of it."""
    share = layout.area[:, None] / layout.area[None, :]
    within = (layout.inside > WITHIN) & (share > 0.04) & (share < 0.9)
    pairs = (layout.nested < APART) * np.minimum(objects[:, None], objects[None, :])
    return np.array([pairs[np.ix_(inner, inner)].max(initial=UNSEEN) for inner in within.T])
