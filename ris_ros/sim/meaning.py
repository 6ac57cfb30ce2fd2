"""What an expression means, apart from its words, and which objects of a scene it picks out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ris_ros.sim.relations import Truth, View, between, both, in_place, opposite, precedes, related

# Names that many people use for the other thing too: where there is a mug, "the cup" is open.
INTERCHANGED = ({"cup", "mug"},)


@dataclass(frozen=True)
class Description:
    """A description of objects. The conditions all hold together; an order then picks one of what is left.

    Attributes
    ----------
    category, colour : what it is; empty for any
    place : a name in `relations.REGIONS`
    relation : a name in `relations.RELATIONS`, or "between"
    landmarks : what the relation is to: one description of one object; for "between" two, or one of two objects
    excluded : a description that must not hold
    order, rank : a name in `relations.RANKINGS`, and which in that order, from 1
    count : how many objects it speaks of

    """

    category: str = ""
    colour: str = ""
    place: str = ""
    relation: str = ""
    landmarks: tuple[Description, ...] = ()
    excluded: Description | None = None
    order: str = ""
    rank: int = 0
    count: int = 1


def resolve(description: Description, view: View) -> tuple[int, ...] | None:
    """The objects that fit a description, by index; None when that is open for any object.

    It is open when an object comes too close to fitting, when one that could fit is hardly seen or goes by the same
    name with many people, and when a landmark is not exactly one object.
    """
    things = range(len(view.objects))
    truths = [_fits(description, view, i) for i in things]
    if None in truths:
        return None
    fitting = tuple(i for i in things if truths[i])
    if description.region == "middle" and not _middle_of_row(description, view, fitting):
        return None
    return _ranked(description, view, fitting) if description.ranking else fitting


def landmarks(description: Description, view: View) -> tuple[int, ...] | None:
    """The landmarks of a description, by index; None unless each part of it is exactly the objects it speaks of."""
    found: list[int] = []
    for part in description.landmarks:
        indices = resolve(part, view)
        if indices is None or len(indices) != part.count:
            return None
        found += indices
    return tuple(found)


def _fits(description: Description, view: View, i: int) -> Truth:
    thing = view.objects[i]
    if description.colour not in ("", thing.colour):
        return False
    if description.category not in ("", thing.category):
        return None if {description.category, thing.category} in INTERCHANGED else False
    if not view.visible[i]:
        return None
    truths = []
    if description.region:
        truths.append(in_place(view, description.region, i))
    if description.relation:
        truths.append(_fits_relation(description, view, i))
    if description.excluded:
        truths.append(opposite(_fits(description.excluded, view, i)))
        # "The cup that is not next to the red cup" is not the red cup.
        truths.append(i not in (landmarks(description.excluded, view) or ()))
    return both(truths)


def _fits_relation(description: Description, view: View, i: int) -> Truth:
    others = landmarks(description, view)
    if others is None:
        return None
    if description.relation == "between":
        return between(view, i, *others)
    return related(view, description.relation, i, *others)


def _ranked(description: Description, view: View, fitting: tuple[int, ...]) -> tuple[int, ...] | None:
    """The object with exactly rank - 1 before it, when everything is clearly before or after it."""
    for i in fitting:
        before = Counter(precedes(view, description.ranking, j, i) for j in fitting if j != i)
        if not before[None] and before[True] == description.rank - 1:
            return (i,)
    return () if len(fitting) < description.rank else None


def _middle_of_row(description: Description, view: View, fitting: tuple[int, ...]) -> bool:
    """Whether "the cup in the middle" is the same cup to those who take it for the middle one of several."""
    row = [i for i in range(len(view.objects))
           if description.category in ("", view.objects[i].category)
           and description.colour in ("", view.objects[i].colour)]
    if len(row) < 3:
        return True
    return all(sum(precedes(view, order, j, i) is True for j in row) == len(row) // 2
               for i in fitting for order in ("left", "right"))
