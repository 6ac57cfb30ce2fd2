"""Referring expressions for a simulated scene, each provably about the objects it names.

Every kind lists the descriptions that could be given of a scene; only those that :func:`meaning.resolve` finds clearly
true of exactly the objects they speak of are put into words.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np

from ris_ros.sim import meaning
from ris_ros.sim.meaning import Description
from ris_ros.sim.phrasing import CARDINALS, ORDINALS, Split, say
from ris_ros.sim.relations import RANKINGS, REGIONS, RELATIONS, SIZE_RANKINGS, View
from ris_ros.sim.scene import Rendering, Scene
from ris_ros.sim.shapes import CATEGORIES, COLOURS


@dataclass(frozen=True)
class Expression:
    """A text about a scene with its truth.

    Attributes
    ----------
    text : the expression
    kind : a name in KINDS
    targets : indices, in the scene, of the objects it names; empty when there is no such object
    phrase : the noun phrase, in the text, that names the target
    landmarks : indices of the objects that it refers to on the way
    description : what it means, apart from its words

    """

    text: str
    kind: str
    targets: tuple[int, ...]
    phrase: str
    landmarks: tuple[int, ...]
    description: Description


def expressions(scene: Scene, rendering: Rendering, rng: np.random.Generator, split: Split,
                per_kind: int | None = 2) -> list[Expression]:
    """Unambiguous expressions for a scene; the same `rng` state gives the same list.

    Parameters
    ----------
    scene, rendering : the objects and where they are seen
    rng : chooses among targets and paraphrases
    split : whose templates
    per_kind : at most so many of each kind, of as many sorts (places, relations, ...) as can be; None for all

    """
    view = View(scene, rendering)
    found = []
    for kind, (describe, style) in KINDS.items():
        for description, targets, landmarks in islice(_provable(kind, describe(view), view, rng), per_kind):
            text, phrase = say(description, split, rng, style)
            found.append(Expression(text, kind, targets, phrase, landmarks, description))
    return found


def verify(expression: Expression, scene: Scene, rendering: Rendering) -> tuple[int, ...] | None:
    """The targets that an expression's description has in a scene, found anew; None when that is open."""
    return meaning.resolve(expression.description, View(scene, rendering))


def _provable(kind: str, descriptions: list[Description], view: View, rng: np.random.Generator
              ) -> Iterator[tuple[Description, tuple[int, ...], tuple[int, ...]]]:
    """The descriptions that hold of exactly as many objects as they speak of, with those and the landmarks.

    Sorts of description take turns, lest the many ways to be left of something drown the one ball in a bowl.
    """
    by_sort = defaultdict(list)
    for k in rng.permutation(len(descriptions)):
        by_sort[_sort(descriptions[k])].append(descriptions[k])
    turns = [iter(by_sort[sort]) for sort in rng.permutation(sorted(by_sort))]
    while turns:
        for turn in list(turns):
            for description in turn:
                targets = meaning.resolve(description, view)
                landmarks = meaning.landmarks(description.excluded or description, view)
                expected = 0 if kind.startswith("absent") else description.count
                if targets is not None and landmarks is not None and len(targets) == expected:
                    yield description, targets, landmarks
                    break
            else:
                turns.remove(turn)


def _sort(description: Description) -> str:
    excluded = _sort(description.excluded) if description.excluded else ""
    return f"{description.region} {description.relation} {description.ranking} {excluded}"


# --- what could be said -----------------------------------------------------------------------------------------------

Noun = tuple[str, str]      # category and colour, either may be empty for any


def _counts(view: View) -> Counter[Noun]:
    """Every noun of the scene and how many objects answer to it."""
    return Counter(noun for thing in view.objects for noun in (
        (thing.category, thing.colour), (thing.category, ""), ("", thing.colour), ("", "")))


def _nouns(view: View, least: int = 1) -> list[Noun]:
    return [noun for noun, count in _counts(view).items() if count >= least]


def _landmarks(view: View) -> list[Description]:
    """Every plain way to speak of one object by its category."""
    named = [Description(*noun) for noun in _nouns(view) if noun[0]]
    return [landmark for landmark in named if len(meaning.resolve(landmark, view) or ()) == 1]


def _category(view: View) -> list[Description]:
    return [Description(category) for category, colour in _nouns(view) if category and not colour]


def _attribute(view: View) -> list[Description]:
    return [Description(*noun) for noun in _nouns(view) if noun[1]]


# From here on the noun alone must leave a choice, or the rest of the expression would be idle.

def _place(view: View) -> list[Description]:
    return [Description(*noun, region=place) for noun in _nouns(view, 2) for place in REGIONS]


def _extreme(view: View) -> list[Description]:
    return [Description(*noun, ranking=order, rank=1) for noun in _nouns(view, 2) for order in _orders(noun)]


def _ordinal(view: View) -> list[Description]:
    # The last one counts from a side only: "the third largest" of three is the smallest.
    return [Description(*noun, ranking=order, rank=rank)
            for noun, count in _counts(view).items() if count > 2
            for rank in range(2, min(count + 1, len(ORDINALS))) for order in _orders(noun)
            if rank < count or order in ("left", "right")]


def _orders(noun: Noun) -> list[str]:
    return [order for order in RANKINGS if noun[0] or order not in SIZE_RANKINGS]


def _relation(view: View) -> list[Description]:
    return [Description(*noun, relation=relation, landmarks=(landmark,))
            for landmark in _landmarks(view) for noun in _nouns(view, 2) for relation in RELATIONS]


def _between(view: View) -> list[Description]:
    twins = [Description(*noun, count=2) for noun in _nouns(view, 2) if noun[0]]
    sides = [*combinations(_landmarks(view), 2), *((pair,) for pair in twins)]
    return [Description(*noun, relation="between", landmarks=side) for noun in _nouns(view, 2) for side in sides]


def _negation(view: View) -> list[Description]:
    colours = {thing.colour for thing in view.objects}
    stacked = [Description(relation=relation, landmarks=(landmark,))
               for landmark in _landmarks(view) for relation in ("on", "in", "next to")]
    descriptions = []
    for category, colour in _nouns(view, 2):
        excluded = stacked + [Description(region=place) for place in ("left", "right")]
        if category and not colour:
            excluded += [Description(colour=other) for other in sorted(colours)]
        # Something must be excluded: "the cup that is not red" supposes a red cup.
        descriptions += [Description(category, colour, excluded=part) for part in excluded
                         if _anything(Description(category, colour or part.colour, part.region, part.relation,
                                                  part.landmarks), view)]
    return descriptions


def _anything(description: Description, view: View) -> bool:
    return bool(meaning.resolve(description, view))


def _plural(view: View) -> list[Description]:
    return [Description(*noun, count=count) for noun, count in _counts(view).items()
            if noun != ("", "") and 2 <= count < len(CARDINALS)]


def _absent_colour(view: View) -> list[Description]:
    return [Description(category, colour) for category in _categories(view) for colour in COLOURS
            if not any(_alike(colour, thing.colour) for thing in view.objects if thing.category == category)]


def _absent_category(view: View) -> list[Description]:
    absent = [category for category in CATEGORIES if category not in _categories(view)]
    return [Description(category, colour) for category in absent
            for colour in ("", *sorted({thing.colour for thing in view.objects}))]


def _absent_both(view: View) -> list[Description]:
    absent = [colour for colour in COLOURS if not any(_alike(colour, thing.colour) for thing in view.objects)]
    return [Description(category, colour) for category in CATEGORIES if category not in _categories(view)
            for colour in absent]


def _absent_relation(view: View) -> list[Description]:
    return [Description(*noun, relation=relation, landmarks=(landmark,))
            for landmark in _landmarks(view) for noun in _nouns(view) if noun[0] and _besides(landmark, noun, view)
            for relation in RELATIONS if _possible(noun[0], relation, landmark.category)]


def _besides(landmark: Description, noun: Noun, view: View) -> bool:
    """Whether a noun has objects besides the landmark itself."""
    objects = meaning.resolve(Description(*noun), view) or ()
    return not set(objects) <= set(meaning.resolve(landmark, view))


def _possible(category: str, relation: str, landmark: str) -> bool:
    """Whether things of two categories could be so at all; nobody asks for the plate in the ball."""
    if relation == "on":
        return category in CATEGORIES[landmark].carries
    if relation == "in":
        return category in CATEGORIES[landmark].holds
    return relation != "under" or landmark in CATEGORIES[category].carries


# Colours that could be called by each other's name, so that neither is plainly absent beside the other.
ALIKE = ({"red", "orange"}, {"red", "brown"}, {"red", "pink"}, {"orange", "yellow"}, {"orange", "brown"},
         {"brown", "black"}, {"black", "grey"}, {"grey", "white"}, {"blue", "purple"}, {"purple", "pink"})


def _alike(colour: str, other: str) -> bool:
    return colour == other or {colour, other} in ALIKE


def _categories(view: View) -> list[str]:
    return sorted({thing.category for thing in view.objects})


# Kind -> what could be said, and in which style. The grades of "absent" go from far to near: neither such a colour nor
# such a category, the category missing, the colour missing on it, and a relation that holds for none of its kind.
KINDS: dict[str, tuple[Callable[[View], list[Description]], str]] = {
    "category": (_category, "plain"),
    "attribute": (_attribute, "plain"),
    "place": (_place, "plain"),
    "extreme": (_extreme, "plain"),
    "ordinal": (_ordinal, "plain"),
    "relation": (_relation, "plain"),
    "between": (_between, "plain"),
    "negation": (_negation, "plain"),
    "plural": (_plural, "plain"),
    "absent both": (_absent_both, "plain"),
    "absent category": (_absent_category, "plain"),
    "absent colour": (_absent_colour, "plain"),
    "absent relation": (_absent_relation, "plain"),
    "colloquial": (lambda view: _attribute(view) + _place(view) + _extreme(view) + _relation(view), "colloquial"),
    "command": (lambda view: _attribute(view) + _place(view) + _extreme(view) + _relation(view), "command"),
}
