"""Predicates on the objects of a scene: True, False, or None if it is undecided.

Left and right refer to the image, by the centroids of the visible masks. Behind and in front are measured along the
table, away from the camera, in the world. On, in and under follow from which object supports which. An expression may
use a predicate only if it is decided for every object, so every threshold below has a margin.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ris_ros.sim.scene import Rendering, Scene, supports

Truth = bool | None

MIN_VISIBLE_PIXELS = 324
"""Visible area of an object that an expression can refer to: 18 x 18 pixels."""
UPRIGHT_CATEGORIES = ("bottle", "box", "can", "cone", "cup", "mug", "vase")
"""Categories whose height can be compared."""


class SceneView:
    """Measurements of a scene and its rendering on which the predicates are evaluated.

    Attributes
    ----------
    objects : the scene's objects
    aspect : the image's height over its width
    distractor_colours : colours of the things that no expression refers to; None if there are no such things
    area : int64 [N], visible pixels
    visible : bool [N], whether at least MIN_VISIBLE_PIXELS of an object are visible
    measures : name -> float64 [N]; NaN where a measure does not apply, which makes every comparison with it false
        column, row: centroid of the mask, as a share of the image's width and height
        lateral, depth: metres to the right of and away from the camera along the table
        distance: metres from the camera along the table
        reach: metres, an approximate radius of the footprint
        size, tallness, pixels: natural logarithms, so that differences are log ratios; size and tallness are comparable
        within a category only; an object inside another has no size, as little of it may be visible

    """

    def __init__(self, scene: Scene, rendering: Rendering):
        self.objects = scene.objects
        self.distractor_colours = {thing.colour for thing in scene.distractors} if scene.distractors else None
        height, width = rendering.instances.shape
        self.aspect = height / width
        count = len(scene.objects)
        ids = rendering.instances.ravel()
        rows, columns = np.indices((height, width)).reshape(2, -1)
        self.area = np.bincount(ids, minlength=count + 1)[1:]
        self.visible = self.area >= MIN_VISIBLE_PIXELS
        visible_area = np.where(self.visible, self.area, np.nan)

        right = rendering.camera_pose[:2, 0] / np.linalg.norm(rendering.camera_pose[:2, 0])
        forward = np.array([-right[1], right[0]])
        positions = np.array([obj.position[:2] for obj in scene.objects]).reshape(-1, 2)
        ground = positions - rendering.camera_pose[:2, 3]
        size = np.log([np.nan if obj.inside else obj.scale for obj in scene.objects])
        upright = [obj.category in UPRIGHT_CATEGORIES and not obj.lying for obj in scene.objects]
        self.measures = {
            "column": (np.bincount(ids, columns, count + 1)[1:] / visible_area + 0.5) / width,
            "row": (np.bincount(ids, rows, count + 1)[1:] / visible_area + 0.5) / height,
            "lateral": ground @ right,
            "depth": ground @ forward,
            "distance": np.linalg.norm(ground, axis=1),
            "reach": np.array([obj.scale * np.sqrt(np.prod(obj.shape.size[:2])) / 2
                               for obj in scene.objects]),
            "size": size,
            "tallness": np.where(upright, size, np.nan),
            "pixels": np.log(visible_area),
        }

    def difference(self, measure: str, i: int, j: int) -> float:
        """Return a measure of object `i` minus that of object `j`."""
        return float(self.measures[measure][i] - self.measures[measure][j])

    def supports(self, i: int) -> list[int]:
        """Return the chain of supports of object `i`, as :func:`scene.supports`."""
        return supports(self.objects, i)

    def is_stacked(self, i: int, j: int) -> bool:
        """Return whether one of the two objects rests, directly or not, on the other."""
        return i in self.supports(j) or j in self.supports(i)


def conjunction(truths: Iterable[Truth]) -> Truth:
    """Return False if any operand is False, else None if any is None, else True."""
    truths = list(truths)
    if False in truths:
        return False
    return None if None in truths else True


def negation(truth: Truth) -> Truth:
    """Return the opposite; None stays None."""
    return None if truth is None else not truth


# --- regions ----------------------------------------------------------------------------------------------------------

_FULL_RANGE = (0.0, 1.0)
REGIONS: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "left": ((0.0, 0.40), _FULL_RANGE),
    "right": ((0.60, 1.0), _FULL_RANGE),
    "far left": ((0.0, 0.25), _FULL_RANGE),
    "far right": ((0.75, 1.0), _FULL_RANGE),
    "top": (_FULL_RANGE, (0.0, 0.38)),
    "bottom": (_FULL_RANGE, (0.62, 1.0)),
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
"""Range of columns, then of rows, as shares of the image, in which an object is clearly in the region."""
REGION_MARGIN = 0.08
"""Share of the image beyond a region's edge from which on an object is clearly outside."""


def in_region(view: SceneView, region: str, i: int) -> Truth:
    """Return whether object `i` is in a region of the image."""
    columns, rows = REGIONS[region]
    return conjunction([_in_range(view.measures["column"][i], *columns), _in_range(view.measures["row"][i], *rows)])


def _in_range(value: float, low: float, high: float) -> Truth:
    if low <= value <= high:
        return True
    return False if value < low - REGION_MARGIN or value > high + REGION_MARGIN else None


# --- rankings ---------------------------------------------------------------------------------------------------------

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
"""Ranking -> (measure, sign, margin) of each measure involved: an object comes before another if sign * measure is
larger by at least the margin, in all of them. Size must not contradict the image, so the pixels are compared too."""
SIZE_RANKINGS = ("large", "small", "tall", "short")
"""Rankings that are undefined between categories: a large cup is smaller than a small box."""


def precedes(view: SceneView, ranking: str, i: int, j: int) -> Truth:
    """Return whether object `i` comes before object `j` in a ranking."""
    if ranking in SIZE_RANKINGS and view.objects[i].category != view.objects[j].category:
        return None
    leads = [(sign * view.difference(measure, i, j), margin) for measure, sign, margin in RANKINGS[ranking]]
    if all(lead >= margin for lead, margin in leads):
        return True
    return False if all(lead <= -margin for lead, margin in leads) else None


# --- relations --------------------------------------------------------------------------------------------------------

MIN_IMAGE_OFFSET = 0.05
"""Offset, as a share of the image's width, from which on an object is clearly left of or above another."""
MIN_TABLE_OFFSET = 0.06
"""Offset in metres from which on an object is clearly behind another."""
NEXT_TO_GAPS = (0.05, 0.12)
"""Metres between the edges of two objects: below the first they are next to each other, above the second they are
not."""
MIN_BETWEEN_DISTANCE = 0.15
"""Metres between two objects from which on a third can be between them."""


def _on(view: SceneView, i: int, j: int) -> Truth:
    if view.objects[i].support == j:
        return not view.objects[i].inside
    return None if j in view.supports(i) else False


def _in(view: SceneView, i: int, j: int) -> Truth:
    if view.objects[i].support == j:
        return view.objects[i].inside
    return None if j in view.supports(i) else False


def _under(view: SceneView, i: int, j: int) -> Truth:
    return _on(view, j, i)


def _left_of(view: SceneView, i: int, j: int) -> Truth:
    return _in_direction(view.difference("column", j, i), view.aspect * view.difference("row", i, j), MIN_IMAGE_OFFSET)


def _above(view: SceneView, i: int, j: int) -> Truth:
    return _in_direction(view.aspect * view.difference("row", j, i), view.difference("column", i, j), MIN_IMAGE_OFFSET)


def _behind(view: SceneView, i: int, j: int) -> Truth:
    return _in_direction(view.difference("depth", i, j), view.difference("lateral", i, j), MIN_TABLE_OFFSET)


def _in_direction(along: float, across: float, min_offset: float) -> Truth:
    # Within 45 degrees of a direction is clearly in it; the opposite half plane is clearly not.
    if along >= min_offset and abs(across) <= along:
        return True
    return False if along <= 0 else None


def _next_to(view: SceneView, i: int, j: int) -> Truth:
    distance = np.hypot(view.difference("lateral", i, j), view.difference("depth", i, j))
    gap = distance - view.measures["reach"][i] - view.measures["reach"][j]
    if gap > NEXT_TO_GAPS[1]:
        return False
    return True if gap < NEXT_TO_GAPS[0] and view.objects[i].support == view.objects[j].support else None


_SUPPORT_RELATIONS = {"on": _on, "in": _in, "under": _under}
_SPATIAL_RELATIONS = {
    "left of": _left_of,
    "right of": lambda view, i, j: _left_of(view, j, i),
    "above": _above,
    "below": lambda view, i, j: _above(view, j, i),
    "behind": _behind,
    "in front of": lambda view, i, j: _behind(view, j, i),
    "next to": _next_to,
}
"""Relations between objects that do not rest on each other; for stacked objects only support relations are decided."""
RELATIONS = (*_SUPPORT_RELATIONS, *_SPATIAL_RELATIONS)


def related(view: SceneView, relation: str, i: int, j: int) -> Truth:
    """Return whether a relation of object `i` to object `j` holds; False for an object and itself."""
    if i == j:
        return False
    if relation in _SUPPORT_RELATIONS:
        return _SUPPORT_RELATIONS[relation](view, i, j)
    return None if view.is_stacked(i, j) else _SPATIAL_RELATIONS[relation](view, i, j)


def between(view: SceneView, i: int, a: int, b: int) -> Truth:
    """Return whether object `i` is between the objects `a` and `b` on the table."""
    if i in (a, b):
        return False
    if view.is_stacked(i, a) or view.is_stacked(i, b) or view.is_stacked(a, b):
        return None
    start, end, point = (np.array([view.measures["lateral"][k], view.measures["depth"][k]]) for k in (a, b, i))
    length = np.linalg.norm(end - start)
    if length < MIN_BETWEEN_DISTANCE:
        return None
    direction = (end - start) / length
    along = (point - start) @ direction / length
    across = np.linalg.norm(point - start - along * length * direction) / length
    if 0.2 <= along <= 0.8 and across <= 0.2:
        return True
    return False if along <= 0.0 or along >= 1.0 or across >= 0.4 else None
