"""Referring expressions for a simulated scene, each provably unambiguous.

Every kind lists candidate descriptions of a scene. Only those that :func:`semantics.resolve` finds clearly true of
exactly the objects they refer to are verbalised.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np

from ris_ros.sim.phrasing import CARDINALS, ORDINALS, Split, verbalise
from ris_ros.sim.predicates import RANKINGS, REGIONS, RELATIONS, SIZE_RANKINGS, SceneView
from ris_ros.sim.scene import Rendering, Scene
from ris_ros.sim.semantics import Description, resolve, resolve_landmarks
from ris_ros.sim.shapes import CATEGORIES, COLOURS


@dataclass(frozen=True)
class Expression:
    """A text about a scene with its ground truth.

    Attributes
    ----------
    text : the expression
    kind : a name in KINDS
    targets : indices, in the scene, of the objects it refers to; empty if there is no such object
    phrase : the noun phrase, in the text, that names the target
    landmarks : indices of the objects that locate the target
    description : the meaning, independent of the wording

    """

    text: str
    kind: str
    targets: tuple[int, ...]
    phrase: str
    landmarks: tuple[int, ...]
    description: Description


def expressions(scene: Scene, rendering: Rendering, rng: np.random.Generator, split: Split,
                per_kind: int | None = 2) -> list[Expression]:
    """Generate unambiguous expressions for a scene; the same `rng` state gives the same list.

    Parameters
    ----------
    scene, rendering : the objects and where they are visible
    rng : chooses among targets and paraphrases
    split : the split whose templates are used
    per_kind : maximum number of each kind, spread over regions, relations and so on; None for all

    """
    view = SceneView(scene, rendering)
    generated = []
    for kind, (describe, style) in KINDS.items():
        for description, targets, landmarks in islice(_provable(kind, describe(view), view, rng), per_kind):
            text, phrase = verbalise(description, split, rng, style)
            generated.append(Expression(text, kind, targets, phrase, landmarks, description))
    return generated


def verify(expression: Expression, scene: Scene, rendering: Rendering) -> tuple[int, ...] | None:
    """Resolve an expression's description again and return its targets; None if they are undecided."""
    return resolve(expression.description, SceneView(scene, rendering))


def _provable(kind: str, descriptions: list[Description], view: SceneView, rng: np.random.Generator
              ) -> Iterator[tuple[Description, tuple[int, ...], tuple[int, ...]]]:
    """Yield the descriptions that hold of exactly as many objects as they refer to, with targets and landmarks.

    The variants of a kind are drawn in turn (round robin), so that frequent ones ("left of") do not displace rare ones
    ("in").
    """
    by_variant = defaultdict(list)
    for k in rng.permutation(len(descriptions)):
        by_variant[_variant(descriptions[k])].append(descriptions[k])
    turns = [iter(by_variant[variant]) for variant in rng.permutation(sorted(by_variant))]
    while turns:
        for turn in list(turns):
            for description in turn:
                targets = resolve(description, view)
                landmarks = resolve_landmarks(description.excluded or description, view)
                expected = 0 if kind.startswith("absent") else description.count
                if targets is not None and landmarks is not None and len(targets) == expected:
                    yield description, targets, landmarks
                    break
            else:
                turns.remove(turn)


def _variant(description: Description) -> str:
    """Return the key of a description's variant within its kind: region, relation and ranking, not the nouns."""
    excluded = _variant(description.excluded) if description.excluded else ""
    return f"{description.region} {description.relation} {description.ranking} {excluded}"


# --- candidate descriptions of each kind ------------------------------------------------------------------------------

Noun = tuple[str, str]
"""Category and colour; either may be empty, which means any."""


def _noun_counts(view: SceneView) -> Counter[Noun]:
    """Count the objects that each noun of the scene names; "the thing" that may be a distractor is left out."""
    counts = Counter(noun for obj in view.objects for noun in (
        (obj.category, obj.colour), (obj.category, ""), ("", obj.colour), ("", "")))
    if view.distractor_colours is not None:
        for colour in ["", *(colour for colour in COLOURS
                             if any(_is_confusable(colour, other) for other in view.distractor_colours))]:
            counts.pop(("", colour), None)
    return counts


def _nouns(view: SceneView, min_count: int = 1) -> list[Noun]:
    """Return the nouns that name at least `min_count` objects."""
    return [noun for noun, count in _noun_counts(view).items() if count >= min_count]


def _landmarks(view: SceneView) -> list[Description]:
    """Return every description by category, with or without colour, that refers to a single object."""
    named = [Description(*noun) for noun in _nouns(view) if noun[0]]
    return [landmark for landmark in named if len(resolve(landmark, view) or ()) == 1]


def _category(view: SceneView) -> list[Description]:
    return [Description(category) for category, colour in _nouns(view) if category and not colour]


def _attribute(view: SceneView) -> list[Description]:
    return [Description(*noun) for noun in _nouns(view) if noun[1]]


# From here on, the noun alone must fit several objects; otherwise the rest of the expression would be redundant.

def _region(view: SceneView) -> list[Description]:
    return [Description(*noun, region=region) for noun in _nouns(view, 2) for region in REGIONS]


def _extreme(view: SceneView) -> list[Description]:
    return [Description(*noun, ranking=ranking, rank=1) for noun in _nouns(view, 2) for ranking in _rankings(noun)]


def _ordinal(view: SceneView) -> list[Description]:
    # The last rank is used only for sides: "the third largest" of three is the smallest.
    return [Description(*noun, ranking=ranking, rank=rank)
            for noun, count in _noun_counts(view).items() if count > 2
            for rank in range(2, min(count + 1, len(ORDINALS))) for ranking in _rankings(noun)
            if rank < count or ranking in ("left", "right")]


def _rankings(noun: Noun) -> list[str]:
    """Return the rankings that apply to a noun; sizes are only compared within a category."""
    return [ranking for ranking in RANKINGS if noun[0] or ranking not in SIZE_RANKINGS]


def _relation(view: SceneView) -> list[Description]:
    return [Description(*noun, relation=relation, landmarks=(landmark,))
            for landmark in _landmarks(view) for noun in _nouns(view, 2) for relation in RELATIONS]


def _between(view: SceneView) -> list[Description]:
    pairs = [Description(*noun, count=2) for noun in _nouns(view, 2) if noun[0]]
    landmarks = [*combinations(_landmarks(view), 2), *((pair,) for pair in pairs)]
    return [Description(*noun, relation="between", landmarks=both) for noun in _nouns(view, 2) for both in landmarks]


def _negation(view: SceneView) -> list[Description]:
    colours = {obj.colour for obj in view.objects}
    related = [Description(relation=relation, landmarks=(landmark,))
               for landmark in _landmarks(view) for relation in ("on", "in", "next to")]
    descriptions = []
    for category, colour in _nouns(view, 2):
        excluded = related + [Description(region=region) for region in ("left", "right")]
        if category and not colour:
            excluded += [Description(colour=other) for other in sorted(colours)]
        # Something must be excluded: "the cup that is not red" presupposes a red cup.
        descriptions += [Description(category, colour, excluded=part) for part in excluded
                         if resolve(Description(category, colour or part.colour, part.region, part.relation,
                                                part.landmarks), view)]
    return descriptions


def _plural(view: SceneView) -> list[Description]:
    return [Description(*noun, count=count) for noun, count in _noun_counts(view).items()
            if noun != ("", "") and 2 <= count < len(CARDINALS)]


def _absent_colour(view: SceneView) -> list[Description]:
    return [Description(category, colour) for category in _categories(view) for colour in COLOURS
            if not any(_is_confusable(colour, obj.colour) for obj in view.objects if obj.category == category)]


def _absent_category(view: SceneView) -> list[Description]:
    absent = [category for category in CATEGORIES if category not in _categories(view)]
    return [Description(category, colour) for category in absent
            for colour in ("", *sorted({obj.colour for obj in view.objects}))]


def _absent_both(view: SceneView) -> list[Description]:
    absent = [colour for colour in COLOURS if not any(_is_confusable(colour, obj.colour) for obj in view.objects)]
    return [Description(category, colour) for category in CATEGORIES if category not in _categories(view)
            for colour in absent]


def _absent_relation(view: SceneView) -> list[Description]:
    return [Description(*noun, relation=relation, landmarks=(landmark,))
            for landmark in _landmarks(view) for noun in _nouns(view) if noun[0] and _names_others(noun, landmark, view)
            for relation in RELATIONS if _is_possible(noun[0], relation, landmark.category)]


def _names_others(noun: Noun, landmark: Description, view: SceneView) -> bool:
    """Return whether a noun names objects other than the landmark."""
    objects = resolve(Description(*noun), view) or ()
    return not set(objects) <= set(resolve(landmark, view) or ())


def _is_possible(category: str, relation: str, landmark: str) -> bool:
    """Return whether a relation can hold between two categories: a ball can be in a bowl, but no plate in a ball."""
    if relation == "on":
        return category in CATEGORIES[landmark].carries
    if relation == "in":
        return category in CATEGORIES[landmark].holds
    return relation != "under" or landmark in CATEGORIES[category].carries


CONFUSABLE_COLOURS = (
    {"red", "orange"}, {"red", "brown"}, {"red", "pink"}, {"orange", "yellow"}, {"orange", "brown"},
    {"brown", "black"}, {"black", "grey"}, {"grey", "white"}, {"blue", "purple"}, {"purple", "pink"})
"""Colours that people confuse: if one is present, the other is not clearly absent."""


def _is_confusable(colour: str, other: str) -> bool:
    return colour == other or {colour, other} in CONFUSABLE_COLOURS


def _categories(view: SceneView) -> list[str]:
    return sorted({obj.category for obj in view.objects})


KINDS: dict[str, tuple[Callable[[SceneView], list[Description]], str]] = {
    "category": (_category, "plain"),
    "attribute": (_attribute, "plain"),
    "place": (_region, "plain"),
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
    "colloquial": (lambda view: _attribute(view) + _region(view) + _extreme(view) + _relation(view), "colloquial"),
    "command": (lambda view: _attribute(view) + _region(view) + _extreme(view) + _relation(view), "command"),
}
"""Kind -> candidate descriptions of a scene, and the style in which they are verbalised.

The kinds of "absent" go from easy to hard: neither the colour nor the category is present, the category is missing, the
colour is missing in that category, and the relation holds for no object of that noun."""
