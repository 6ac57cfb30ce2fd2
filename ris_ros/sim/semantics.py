"""The meaning of an expression, independent of its wording, and its resolution to objects of a scene."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ris_ros.sim.predicates import SceneView, Truth, between, conjunction, in_region, negation, precedes, related

INTERCHANGEABLE_CATEGORIES = ({"cup", "mug"},)
"""Categories whose names people interchange: if there is a mug, "the cup" is ambiguous."""


@dataclass(frozen=True)
class Description:
    """A description of objects: the conjunction of its conditions, after which a ranking may select one object.

    Attributes
    ----------
    category, colour : what it is; empty for any
    region : a name in `predicates.REGIONS`
    relation : a name in `predicates.RELATIONS`, or "between"
    landmarks : of the relation: one description of one object; for "between" two, or one of two objects
    excluded : a description that must not hold
    ranking, rank : a name in `predicates.RANKINGS`, and the position in it, from 1
    count : how many objects it refers to

    """

    category: str = ""
    colour: str = ""
    region: str = ""
    relation: str = ""
    landmarks: tuple[Description, ...] = ()
    excluded: Description | None = None
    ranking: str = ""
    rank: int = 0
    count: int = 1


def resolve(description: Description, view: SceneView) -> tuple[int, ...] | None:
    """Return the indices of the objects that fit a description; None if that is undecided for any object.

    It is undecided if an object is within the margin of a threshold, if one that could fit is hardly visible or in a
    category with an interchangeable name, and if a landmark is not exactly one object.
    """
    indices = range(len(view.objects))
    truths = [_fits(description, view, i) for i in indices]
    if None in truths:
        return None
    fitting = tuple(i for i in indices if truths[i])
    if description.region == "middle" and not _is_middle_of_row(description, view, fitting):
        return None
    return _at_rank(description, view, fitting) if description.ranking else fitting


def resolve_landmarks(description: Description, view: SceneView) -> tuple[int, ...] | None:
    """Return the indices of a description's landmarks; None unless each resolves to as many objects as it means."""
    resolved: list[int] = []
    for landmark in description.landmarks:
        indices = resolve(landmark, view)
        if indices is None or len(indices) != landmark.count:
            return None
        resolved += indices
    return tuple(resolved)


def _fits(description: Description, view: SceneView, i: int) -> Truth:
    """Return whether object `i` meets every condition, apart from the ranking."""
    obj = view.objects[i]
    if description.colour not in ("", obj.colour):
        return False
    if description.category not in ("", obj.category):
        return None if {description.category, obj.category} in INTERCHANGEABLE_CATEGORIES else False
    if not view.visible[i]:
        return None
    truths = []
    if description.region:
        truths.append(in_region(view, description.region, i))
    if description.relation:
        truths.append(_fits_relation(description, view, i))
    if description.excluded:
        truths.append(negation(_fits(description.excluded, view, i)))
        # "The cup that is not next to the red cup" is not the red cup.
        truths.append(i not in (resolve_landmarks(description.excluded, view) or ()))
    return conjunction(truths)


def _fits_relation(description: Description, view: SceneView, i: int) -> Truth:
    landmarks = resolve_landmarks(description, view)
    if landmarks is None:
        return None
    if description.relation == "between":
        return between(view, i, *landmarks)
    return related(view, description.relation, i, *landmarks)


def _at_rank(description: Description, view: SceneView, fitting: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the object with exactly rank - 1 before it, if every other one is clearly before or after it."""
    for i in fitting:
        before = Counter(precedes(view, description.ranking, j, i) for j in fitting if j != i)
        if not before[None] and before[True] == description.rank - 1:
            return (i,)
    return () if len(fitting) < description.rank else None


def _is_middle_of_row(description: Description, view: SceneView, fitting: tuple[int, ...]) -> bool:
    """Return whether "the cup in the middle" is the same cup if it is read as the middle one of several."""
    row = [i for i in range(len(view.objects))
           if description.category in ("", view.objects[i].category)
           and description.colour in ("", view.objects[i].colour)]
    if len(row) < 3:
        return True
    return all(sum(precedes(view, ranking, j, i) is True for j in row) == len(row) // 2
               for i in fitting for ranking in ("left", "right"))
