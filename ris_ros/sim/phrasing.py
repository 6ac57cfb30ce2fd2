"""How a description is put into words: one table of templates, apart for the train and the test split.

In a template, square brackets hold the noun phrase that names the target; they do not appear in the text. No template
stands in both splits; words in braces are shared, except that "object" is said in train and "thing" in test.
"""

from __future__ import annotations

import re
from typing import Literal

import numpy as np

from ris_ros.sim.meaning import Description

Split = Literal["train", "test"]

# Form -> split -> templates.
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
        "train": ("[the {noun}] {where}", "[the {noun}] that is {where}"),
        "test": ("[the {noun}] which is {where}", "[the {noun}] you see {where}", "[the {noun}] found {where}"),
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
    # An ordinal without a side counts from the left.
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
        "train": ("[{noun}] {place}", "[{noun}] at {place}"),
        "test": ("[{place} {noun}]", "{place}, [{noun}]"),
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

# What is said to a robot around an expression.
COMMANDS: dict[str, tuple[str, ...]] = {
    "train": ("pick up {expression}", "robot, pick up {expression}", "could you grab me {expression} please",
              "give me {expression}", "please take {expression}", "find {expression}", "bring me {expression}"),
    "test": ("hey robot, fetch {expression}", "can you hand me {expression}?", "would you pass me {expression}, please",
             "I need {expression}", "go and get {expression}", "grab {expression} for me", "where is {expression}?"),
}

PLACE_WORDS: dict[str, tuple[str, ...]] = {
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

RELATION_WORDS: dict[str, tuple[str, ...]] = {
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
ANYTHING: dict[str, str] = {"train": "object", "test": "thing"}


def say(description: Description, split: Split, rng: np.random.Generator, style: str = "plain") -> tuple[str, str]:
    """A text for a description and, in it, the noun phrase of the target.

    Parameters
    ----------
    description : what is meant
    split : whose templates
    rng : chooses among paraphrases
    style : "plain", "colloquial" or "command"

    """
    form = _form(description)
    if style == "colloquial":
        form = f"colloquial {form.split()[0]}"
    marked = _pick(TEMPLATES[form][split], rng).format_map(_words(description, split, rng))
    if style == "command":
        marked = _pick(COMMANDS[split], rng).format(expression=marked)
    phrase = re.search(r"\[(.*)\]", marked)[1]
    return marked.replace("[", "").replace("]", ""), phrase


def plural(noun: str) -> str:
    """The plural of a noun of the tabletop."""
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def _form(description: Description) -> str:
    """Which templates a description needs."""
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


def _words(description: Description, split: Split, rng: np.random.Generator) -> dict[str, str]:
    """Every field that a template may name."""
    noun = _noun(description, split)
    words = {
        "noun": noun,
        "nouns": plural(noun),
        "a_noun": ("an " if noun[0] in "aeiou" else "a ") + noun,
        "name": description.category or ANYTHING[split],
        "colour": description.colour,
        "nth": ORDINALS[description.rank],
        "cardinal": CARDINALS[description.count],
        "superlative": SUPERLATIVES.get(description.ranking, ""),
        "place": description.region,
        "where": _pick(PLACE_WORDS[description.region], rng) if description.region else "",
        "relation": _pick(RELATION_WORDS.get(description.relation, ("",)), rng),
        "landmark": " and ".join(_landmark(part, split) for part in description.landmarks),
        "bare_landmark": " and ".join(_noun(part, split) for part in description.landmarks),
    }
    if description.excluded:
        without = _words(description.excluded, split, rng)
        words["property"] = (without["where"] or without["colour"]
                             or f"{without['relation']} {without['landmark']}")
    return words


def _noun(description: Description, split: Split) -> str:
    return f"{description.colour} {description.category or ANYTHING[split]}".strip()


def _landmark(description: Description, split: Split) -> str:
    noun = _noun(description, split)
    return f"the two {plural(noun)}" if description.count == 2 else f"the {noun}"


def _pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[rng.integers(len(options))]
