"""How well proposals fit a place in the picture: "on the left", "in the top right corner", "in the middle"."""

from __future__ import annotations

import numpy as np

from ris_ros.grounding.layout import Layout
from ris_ros.grounding.soft import above, below

# Where a place begins, as a share of the picture; "far" and corners are narrower.
_EDGE = {"left": 0.44, "right": 0.56, "top": 0.42, "bottom": 0.58}
_FAR_EDGE = {"left": 0.29, "right": 0.71, "top": 0.39, "bottom": 0.61}
_WIDTH = 0.035
# Among things that are all on the left, who says so means the one farthest left.
_PULL = 0.15


def region(name: str, layout: Layout) -> np.ndarray:
    """How well each proposal fits a name of `types.REGIONS`, float64 [N] in 0..1."""
    x, y = layout.centre.T
    if name == "middle":
        # People mean the middle of the width more often than that of both.
        return below(np.abs(x - 0.5), 0.12, 0.03) * (0.2 + 0.8 * below(np.abs(y - 0.5), 0.14, 0.03))
    if name in ("front", "back"):
        nearness = _rank(-layout.low[:, 1])
        return nearness if name == "front" else 1 - nearness
    if name == "corner":
        return np.max([region(f"{row} {column} corner", layout) for row in ("top", "bottom")
                       for column in ("left", "right")], axis=0)
    edges = _FAR_EDGE if name.startswith("far ") or name.endswith(" corner") else _EDGE
    fits = np.ones(len(layout))
    for side in set(name.split()) & set(edges):
        at = x if side in ("left", "right") else y
        if side in ("left", "top"):
            fits *= below(at, edges[side], _WIDTH) * (1 - _PULL * at)
        else:
            fits *= above(at, edges[side], _WIDTH) * (1 - _PULL * (1 - at))
    return fits


def _rank(values: np.ndarray) -> np.ndarray:
    """Values spread from 0, the least, to 1, the greatest; even ones are all in the middle."""
    spread = np.ptp(values) if len(values) else 0
    return (values - values.min()) / spread if spread > 0 else np.full(len(values), 0.5)
