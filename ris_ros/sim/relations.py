"""What is true of the things in a scene: True, False, or None where it is too close to call.

Left and right are the picture's, by the centroids of the visible masks; behind and in front are measured along the
table, away from the camera, in the world; on, in and under follow from what supports what. An expression may be
built on a predicate only where no object gets None, so every threshold below comes with a band of doubt.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ris_ros.sim.scene import Rendering, Scene
from ris_ros.sim.shapes import CATEGORIES

Truth = bool | None

# Least visible area, in pixels, of an object that can be spoken of: 18 x 18 pixels.
MIN_PIXELS = 324
# Categories with a height to speak of.
UPRIGHT = ("bottle", "box", "can", "cone", "cup", "mug", "vase")


class View:
    """Everything the predicates measure, taken once from a scene and its rendering.

    Attributes
    ----------
    objects : the scene's objects
    area : int64 [N], visible pixels
    visible : bool [N], whether at least MIN_PIXELS of an object are seen
    measures : name -> float64 [N]; NaN where a measure does not apply, so that no comparison with it is ever true
        column, row: centroid of the mask, as a share of the picture's width and height
        lateral, depth: metres to the right of and away from the camera along the table
        distance: metres from the camera along the table
        reach: metres, a rough radius of its footprint
        size, tallness, pixels: natural logarithms, so that a difference is a ratio; size and tallness are
        comparable within a category only; what lies in another thing has no size, as little of it may be seen

    """

    def __init__(self, scene: Scene, rendering: Rendering):
        self.objects = scene.objects
        height, width = rendering.instances.shape
        self.aspect = height / width
        count = len(scene.objects)
        ids = rendering.instances.ravel()
        rows, columns = np.indices((height, width)).reshape(2, -1)
        self.area = np.bincount(ids, minlength=count + 1)[1:]
        self.visible = self.area >= MIN_PIXELS
        seen = np.where(self.visible, self.area, np.nan)

        right = rendering.camera_pose[:2, 0] / np.linalg.norm(rendering.camera_pose[:2, 0])
        forward = np.array([-right[1], right[0]])
        positions = np.array([thing.position[:2] for thing in scene.objects]).reshape(-1, 2)
        ground = positions - rendering.camera_pose[:2, 3]
        size = np.log([np.nan if thing.inside else thing.scale for thing in scene.objects])
        stands = [thing.category in UPRIGHT and not thing.lying for thing in scene.objects]
        self.measures = {
            "column": (np.bincount(ids, columns, count + 1)[1:] / seen + 0.5) / width,
            "row": (np.bincount(ids, rows, count + 1)[1:] / seen + 0.5) / height,
            "lateral": ground @ right,
            "depth": ground @ forward,
            "distance": np.linalg.norm(ground, axis=1),
            "reach": np.array([thing.scale * np.sqrt(np.prod(CATEGORIES[thing.category].size[:2])) / 2
                               for thing in scene.objects]),
            "size": size,
            "tallness": np.where(stands, size, np.nan),
            "pixels": np.log(seen),
        }

    def difference(self, measure: str, i: int, j: int) -> float:
        """How much more of `measure` object `i` has than object `j`."""
        return self.measures[measure][i] - self.measures[measure][j]

    def supports(self, i: int) -> list[int]:
        """What object `i` stands on or lies in, and what that stands on, down to the table."""
        chain = []
        while (i := self.objects[i].support) is not None:
            chain.append(i)
        return chain

    def stacked(self, i: int, j: int) -> bool:
        """Whether one of the two objects rests, directly or not, on the other."""
        return i in self.supports(j) or j in self.supports(i)


def both(truths: Iterable[Truth]) -> Truth:
    """Conjunction: one False decides, else one None leaves it open."""
    truths = list(truths)
    if False in truths:
        return False
    return None if None in truths else True


def opposite(truth: Truth) -> Truth:
    """Negation: None stays open."""
    return None if truth is None else not truth


# --- places -----------------------------------------------------------------------------------------------------------

# Columns, then rows, as shares of the picture, where a place clearly holds.
_ANY = (0.0, 1.0)
REGIONS: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "left": ((0.0, 0.40), _ANY),
    "right": ((0.60, 1.0), _ANY),
    "far left": ((0.0, 0.25), _ANY),
    "far right": ((0.75, 1.0), _ANY),
    "top": (_ANY, (0.0, 0.38)),
    "bottom": (_ANY, (0.62, 1.0)),
    "middle": ((0.42, 0.58), (0.40, 0.60)),
    "top left": ((0.0, 0.40), (0.0, 0.38)),
    "top right": ((0.60, 1.0), (0.0, 0.38)),
    "bottom left": ((0.0, 0.40), (0.62, 1.0)),
    "bottom right": ((0.60, 1.0), (0.62, 1.0)),
    "top left corner": ((0.0, 0.30), (0.0, 0.35)),
    "top right corner": ((0.70, 1.0), (0.0, 0.35)),
    "bottom left corner": ((0.0, 0.30), (0.65, 1.0)),
    "bottom right corner": ((0.70, 1.0), (0.65, 1.0)),
}
# An object this far outside a place, as a share of the picture, is clearly not there.
PLACE_DOUBT = 0.08


def in_place(view: View, place: str, i: int) -> Truth:
    """Whether object `i` is in a part of the picture."""
    columns, rows = REGIONS[place]
    return both([_within(view.measures["column"][i], *columns), _within(view.measures["row"][i], *rows)])


def _within(value: float, low: float, high: float) -> Truth:
    if low <= value <= high:
        return True
    return False if value < low - PLACE_DOUBT or value > high + PLACE_DOUBT else None


# --- orders -----------------------------------------------------------------------------------------------------------

# Ranking -> (measure, sign, margin): one object comes before another when it has more of sign * measure by at least the
# margin, in every measure named. Size must not contradict what the picture shows, so the pixels have a say too.
RANKINGS: dict[str, tuple[tuple[str, int, float], ...]] = {
    "left": (("column", -1, 0.05),),
    "right": (("column", +1, 0.05),),
    "near": (("depth", -1, 0.05), ("distance", -1, 0.03)),
    "far": (("depth", +1, 0.05), ("distance", +1, 0.03)),
    "large": (("size", +1, 0.12), ("pixels", +1, 0.10)),
    "small": (("size", -1, 0.12), ("pixels", -1, 0.10)),
    "tall": (("tallness", +1, 0.12), ("pixels", +1, 0.10)),
    "short": (("tallness", -1, 0.12), ("pixels", -1, 0.10)),
}
# Orders that mean nothing between categories, where a large cup is smaller than a small box.
SIZE_RANKINGS = ("large", "small", "tall", "short")


def precedes(view: View, order: str, i: int, j: int) -> Truth:
    """Whether object `i` comes before object `j`."""
    if order in SIZE_RANKINGS and view.objects[i].category != view.objects[j].category:
        return None
    leads = [(sign * view.difference(measure, i, j), margin) for measure, sign, margin in RANKINGS[order]]
    if all(lead >= margin for lead, margin in leads):
        return True
    return False if all(lead <= -margin for lead, margin in leads) else None


# --- relations --------------------------------------------------------------------------------------------------------

# Least offset between things of which one is left of (share of the picture's width) or behind (metres) the other.
IMAGE_GAP = 0.05
TABLE_GAP = 0.06
# Metres from edge to edge: closer than the first is next to each other, farther than the second is not.
NEXT_TO = (0.05, 0.12)


def _on(view: View, i: int, j: int) -> Truth:
    if view.objects[i].support == j:
        return not view.objects[i].inside
    return None if j in view.supports(i) else False


def _in(view: View, i: int, j: int) -> Truth:
    if view.objects[i].support == j:
        return view.objects[i].inside
    return None if j in view.supports(i) else False


def _under(view: View, i: int, j: int) -> Truth:
    return _on(view, j, i)


def _left_of(view: View, i: int, j: int) -> Truth:
    return _direction(view.difference("column", j, i), view.aspect * view.difference("row", i, j), IMAGE_GAP)


def _above(view: View, i: int, j: int) -> Truth:
    return _direction(view.aspect * view.difference("row", j, i), view.difference("column", i, j), IMAGE_GAP)


def _behind(view: View, i: int, j: int) -> Truth:
    return _direction(view.difference("depth", i, j), view.difference("lateral", i, j), TABLE_GAP)


def _direction(along: float, across: float, gap: float) -> Truth:
    # Within 45 degrees of a direction is clearly in it; the other half plane is clearly not.
    if along >= gap and abs(across) <= along:
        return True
    return False if along <= 0 else None


def _next_to(view: View, i: int, j: int) -> Truth:
    middles = np.hypot(view.difference("lateral", i, j), view.difference("depth", i, j))
    gap = middles - view.measures["reach"][i] - view.measures["reach"][j]
    if gap > NEXT_TO[1]:
        return False
    return True if gap < NEXT_TO[0] and view.objects[i].support == view.objects[j].support else None


# Between objects of which neither rests on the other; a stacked pair is only on, in and under.
_APART = {
    "left of": _left_of,
    "right of": lambda view, i, j: _left_of(view, j, i),
    "above": _above,
    "below": lambda view, i, j: _above(view, j, i),
    "behind": _behind,
    "in front of": lambda view, i, j: _behind(view, j, i),
    "next to": _next_to,
}
_STACKED = {"on": _on, "in": _in, "under": _under}
RELATIONS = (*_STACKED, *_APART)


def related(view: View, relation: str, i: int, j: int) -> Truth:
    """Whether object `i` stands in a relation to object `j`; nothing does to itself."""
    if i == j:
        return False
    if relation in _STACKED:
        return _STACKED[relation](view, i, j)
    return None if view.stacked(i, j) else _APART[relation](view, i, j)


# Least distance of two things, in metres, that something can be between.
BETWEEN_GAP = 0.15


def between(view: View, i: int, a: int, b: int) -> Truth:
    """Whether object `i` is between two others on the table."""
    if i in (a, b):
        return False
    if view.stacked(i, a) or view.stacked(i, b) or view.stacked(a, b):
        return None
    start, end, point = (np.array([view.measures["lateral"][k], view.measures["depth"][k]]) for k in (a, b, i))
    length = np.linalg.norm(end - start)
    if length < BETWEEN_GAP:
        return None
    direction = (end - start) / length
    along = (point - start) @ direction / length
    across = np.linalg.norm(point - start - along * length * direction) / length
    if 0.2 <= along <= 0.8 and across <= 0.2:
        return True
    return False if along <= 0.0 or along >= 1.0 or across >= 0.4 else None
