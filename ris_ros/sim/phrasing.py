"""Verbalisation of descriptions by templates, with separate templates for the train and the test split.

In a template, square brackets enclose the noun phrase that names the target; they do not appear in the text. No
template is in both splits. The words that fill the braces are shared, except that an object of any category is an
"object" in train and a "thing" in test.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ris_ros.sim.semantics import Description

Split = Literal["train", "test"]

TEMPLATES: dict[str, dict[str, tuple[str, ...]]] = {
    "category": {
        "train": ("[the {noun}]", "[this {noun}]"),
        "test": ("[{a_noun}]", "[that {noun}]", "[the only {noun}]"),
    },
    "attribute": {
        "train": ("[the {noun}]", "[this {noun}]", "[the {name}] that is {colour}"),
        "test": ("[{a_noun}]", "[that {noun}]", "[the {name}] which is {colour}", "[the {colour} coloured {name}]"),
    },
    "place": {
        "train": ("[the {noun}] {in_region}", "[the {noun}] that is {in_region}"),
        "test": ("[the {noun}] which is {in_region}", "[the {noun}] you see {in_region}",
                 "[the {noun}] found {in_region}"),
    },
    "relation": {
        "train": ("[the {noun}] {relation} {landmark}", "[the {noun}] that is {relation} {landmark}"),
        "test": ("[the {noun}] which is {relation} {landmark}", "[that {noun}] {relation} {landmark}",
                 "[the {noun}] located {relation} {landmark}"),
    },
    "between": {
        "train": ("[the {noun}] between {landmark}", "[the {noun}] that is between {landmark}"),
        "test": ("[the {noun}] in between {landmark}", "[the {noun}] which is between {landmark}",
                 "[that {noun}] between {landmark}"),
    },
    "negation": {
        "train": ("[the {noun}] that is not {property}", "[the {noun}] that isn't {property}"),
        "test": ("[the {noun}] which is not {property}", "[the {noun}] which isn't {property}",
                 "[that {noun}] that is not {property}"),
    },
    "pair": {
        "train": ("[both {nouns}]", "[the two {nouns}]"),
        "test": ("[both of the {nouns}]", "[these two {nouns}]", "[both the {nouns}]"),
    },
    "plural": {
        "train": ("[all the {nouns}]", "[the {cardinal} {nouns}]", "[all {nouns}]"),
        "test": ("[every {noun}]", "[all {cardinal} {nouns}]", "[all of the {nouns}]", "[these {cardinal} {nouns}]"),
    },
    "extreme left": {
        "train": ("[the leftmost {noun}]", "[the {noun}] furthest to the left"),
        "test": ("[the {noun}] that is leftmost", "[the left-most {noun}]", "[the {noun}] farthest left"),
    },
    "extreme right": {
        "train": ("[the rightmost {noun}]", "[the {noun}] furthest to the right"),
        "test": ("[the {noun}] that is rightmost", "[the right-most {noun}]", "[the {noun}] farthest right"),
    },
    "extreme near": {
        "train": ("[the closest {noun}]", "[the nearest {noun}]", "[the {noun}] closest to the camera"),
        "test": ("[the {noun}] nearest to us", "[the {noun}] that is closest to you", "[the frontmost {noun}]"),
    },
    "extreme far": {
        "train": ("[the farthest {noun}]", "[the {noun}] farthest from the camera"),
        "test": ("[the {noun}] furthest away", "[the most distant {noun}]", "[the {noun}] that is farthest from you"),
    },
    "extreme large": {
        "train": ("[the largest {noun}]", "[the biggest {noun}]"),
        "test": ("[the {noun}] that is largest", "[the {noun}] that is the biggest", "[the largest {noun}] of all"),
    },
    "extreme small": {
        "train": ("[the smallest {noun}]", "[the littlest {noun}]"),
        "test": ("[the {noun}] that is smallest", "[the tiniest {noun}]", "[the smallest {noun}] of all"),
    },
    "extreme tall": {
        "train": ("[the tallest {noun}]", "[the {noun}] that is tallest"),
        "test": ("[the tallest {noun}] of all", "[the {noun}] that is the tallest"),
    },
    "extreme short": {
        "train": ("[the shortest {noun}]", "[the {noun}] that is shortest"),
        "test": ("[the shortest {noun}] of all", "[the {noun}] that is the shortest"),
    },
    # An ordinal that names no side counts from the left.
    "ordinal left": {
        "train": ("[the {nth} {noun}] from the left", "[the {nth} {noun}]", "[{nth} {noun}] from left"),
        "test": ("[the {nth} {noun}] counting from the left", "from the left, [the {nth} {noun}]",
                 "[the {nth} {noun}] from the left side"),
    },
    "ordinal right": {
        "train": ("[the {nth} {noun}] from the right", "[{nth} {noun}] from right"),
        "test": ("[the {nth} {noun}] counting from the right", "from the right, [the {nth} {noun}]",
                 "[the {nth} {noun}] from the right side"),
    },
    "ordinal near": {
        "train": ("[the {nth} closest {noun}]", "[the {nth} nearest {noun}]"),
        "test": ("[the {nth} {noun}] counting from the front", "[the {noun}] {nth} closest to the camera"),
    },
    "ordinal far": {
        "train": ("[the {nth} farthest {noun}]", "[the {nth} {noun}] from the back"),
        "test": ("[the {nth} {noun}] counting from the back", "[the {noun}] {nth} farthest from the camera"),
    },
    "ordinal large": {
        "train": ("[the {nth} largest {noun}]",),
        "test": ("[the {nth} biggest {noun}]", "[the {noun}] that is {nth} largest"),
    },
    "ordinal small": {
        "train": ("[the {nth} smallest {noun}]",),
        "test": ("[the {nth} littlest {noun}]", "[the {noun}] that is {nth} smallest"),
    },
    "ordinal tall": {
        "train": ("[the {nth} tallest {noun}]",),
        "test": ("[the {noun}] that is {nth} tallest",),
    },
    "ordinal short": {
        "train": ("[the {nth} shortest {noun}]",),
        "test": ("[the {noun}] that is {nth} shortest",),
    },
    # The short style of RefCOCO.
    "colloquial attribute": {
        "train": ("[{noun}]", "just [the {noun}]"),
        "test": ("[{name}] thats {colour}", "[{noun}] there"),
    },
    "colloquial place": {
        "train": ("[{noun}] {region}", "[{noun}] at {region}"),
        "test": ("[{region} {noun}]", "{region}, [{noun}]"),
    },
    "colloquial relation": {
        "train": ("[{noun}] {relation} {bare_landmark}",),
        "test": ("[{noun}] thats {relation} {bare_landmark}", "[{noun}], {relation} {bare_landmark}"),
    },
    "colloquial extreme": {
        "train": ("[{superlative} {noun}]",),
        "test": ("[{noun}], {superlative} one", "[{superlative} {noun}] there"),
    },
}
"""Form -> split -> templates."""

COMMANDS: dict[str, tuple[str, ...]] = {
    "train": ("pick up {expression}", "robot, pick up {expression}", "could you grab me {expression} please",
              "give me {expression}", "please take {expression}", "find {expression}", "bring me {expression}"),
    "test": ("hey robot, fetch {expression}", "can you hand me {expression}?", "would you pass me {expression}, please",
             "I need {expression}", "go and get {expression}", "grab {expression} for me", "where is {expression}?"),
}
"""Split -> commands to a robot that contain an expression."""

REGION_PHRASES: dict[str, tuple[str, ...]] = {
    "left": ("on the left", "on the left side", "at the left"),
    "right": ("on the right", "on the right side", "at the right"),
    "far left": ("on the far left", "at the far left"),
    "far right": ("on the far right", "at the far right"),
    "top": ("at the top", "in the upper part"),
    "bottom": ("at the bottom", "in the lower part"),
    "middle": ("in the middle", "in the center"),
    "top left": ("at the top left", "in the upper left"),
    "top right": ("at the top right", "in the upper right"),
    "bottom left": ("at the bottom left", "in the lower left"),
    "bottom right": ("at the bottom right", "in the lower right"),
    "top left corner": ("in the top left corner", "in the upper left corner"),
    "top right corner": ("in the top right corner", "in the upper right corner"),
    "bottom left corner": ("in the bottom left corner", "in the lower left corner"),
    "bottom right corner": ("in the bottom right corner", "in the lower right corner"),
}

RELATION_PHRASES: dict[str, tuple[str, ...]] = {
    "on": ("on", "on top of"),
    "in": ("in", "inside"),
    "under": ("under", "underneath"),
    "left of": ("left of", "to the left of"),
    "right of": ("right of", "to the right of"),
    "above": ("above",),
    "below": ("below",),
    "behind": ("behind",),
    "in front of": ("in front of",),
    "next to": ("next to", "beside"),
}

SUPERLATIVES: dict[str, str] = {
    "left": "leftmost", "right": "rightmost", "near": "closest", "far": "farthest",
    "large": "biggest", "small": "smallest", "tall": "tallest", "short": "shortest",
}
ORDINALS = ("", "first", "second", "third", "fourth", "fifth")
CARDINALS = ("no", "one", "two", "three", "four", "five", "six")
GENERIC_NOUNS: dict[str, str] = {"train": "object", "test": "thing"}
"""Split -> noun for an object of any category."""


def verbalise(description: Description, split: Split, rng: np.random.Generator,
              style: str = "plain") -> tuple[str, str]:
    """Verbalise a description.

    Parameters
    ----------
    description : the meaning
    split : the split whose templates are used
    rng : chooses among paraphrases
    style : "plain", "colloquial" or "command"

    Returns
    -------
    text : the expression
    phrase : the noun phrase, in the text, that names the target

    """
    form = _form(description)
    if style == "colloquial":
        form = f"colloquial {form.split()[0]}"
    marked = _choose(TEMPLATES[form][split], rng).format_map(_template_fields(description, split, rng))
    if style == "command":
        marked = _choose(COMMANDS[split], rng).format(expression=marked)
    phrase = marked[marked.index("[") + 1:marked.rindex("]")]
    return marked.replace("[", "").replace("]", ""), phrase


def plural(noun: str) -> str:
    """Return the plural of a noun of the tabletop."""
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def _form(description: Description) -> str:
    """Return the key, in TEMPLATES, of the templates that express a description in plain style."""
    if description.excluded:
        return "negation"
    if description.relation:
        return "between" if description.relation == "between" else "relation"
    if description.ranking:
        return f"{'extreme' if description.rank == 1 else 'ordinal'} {description.ranking}"
    if description.count > 1:
        return "pair" if description.count == 2 else "plural"
    if description.region:
        return "place"
    return "attribute" if description.colour else "category"


def _template_fields(description: Description, split: Split, rng: np.random.Generator) -> dict[str, str]:
    """Return the value of every field that a template may contain."""
    noun = _noun(description, split)
    fields = {
        "noun": noun,
        "nouns": plural(noun),
        "a_noun": ("an " if noun[0] in "aeiou" else "a ") + noun,
        "name": description.category or GENERIC_NOUNS[split],
        "colour": description.colour,
        "nth": ORDINALS[description.rank],
        "cardinal": CARDINALS[description.count],
        "superlative": SUPERLATIVES.get(description.ranking, ""),
        "region": description.region,
        "in_region": _choose(REGION_PHRASES[description.region], rng) if description.region else "",
        "relation": _choose(RELATION_PHRASES.get(description.relation, ("",)), rng),
        "landmark": " and ".join(_landmark_phrase(landmark, split) for landmark in description.landmarks),
        "bare_landmark": " and ".join(_noun(landmark, split) for landmark in description.landmarks),
    }
    if description.excluded:
        excluded = _template_fields(description.excluded, split, rng)
        fields["property"] = (excluded["in_region"] or excluded["colour"]
                              or f"{excluded['relation']} {excluded['landmark']}")
    return fields


def _noun(description: Description, split: Split) -> str:
    """Return colour and category, without an article."""
    return f"{description.colour} {description.category or GENERIC_NOUNS[split]}".strip()


def _landmark_phrase(landmark: Description, split: Split) -> str:
    noun = _noun(landmark, split)
    return f"the two {plural(noun)}" if landmark.count == 2 else f"the {noun}"


def _choose(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[rng.integers(len(options))]
