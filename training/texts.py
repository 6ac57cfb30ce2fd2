"""Training texts: noun phrases and referring expressions, from separate templates.

They were written independently of the expressions that evaluations use (`ris_ros.sim.phrasing`).
"""

from __future__ import annotations

import numpy as np

from ris_ros.sim.samples import HELD_OUT_PAIRS
from ris_ros.sim.shapes import ALL_PAIRS, CATEGORIES, COLOURS

CATEGORY_NAMES, COLOUR_NAMES = tuple(CATEGORIES), tuple(COLOURS)
BACKGROUND_CLASSES = ("table", "floor", "several", "part", "distractor")
"""Classes of masks that do not show one whole object of a category; "several" is two objects in one mask."""
BACKGROUND_TEXTS = (("table", "table top", "wood"), ("floor", "ground", "background"),
                    ("two objects", "several objects", "objects"), ("part", "piece", "part of an object"),
                    ("something else", "unknown thing", "clutter"))
"""Names of each of BACKGROUND_CLASSES."""

SEEN_PAIRS = [(c, k) for c, colour in enumerate(COLOUR_NAMES) for k, category in enumerate(CATEGORY_NAMES)
              if (colour, category) in ALL_PAIRS - HELD_OUT_PAIRS]
"""Indices (colour, category) of the pairs that training texts may name."""
FORMS = (SEEN_PAIRS, [(-1, k) for k in range(len(CATEGORY_NAMES))], [(c, -1) for c in range(len(COLOUR_NAMES))])
"""Indices (colour, category), either -1 for any, that a noun phrase can name: by both, by category, by colour."""

_REGIONS = (
    "on the left", "on the right", "in the middle", "at the front", "at the back", "in the corner", "at the top",
    "at the bottom", "to the left", "to the right", "on the table", "in the upper left", "in the lower right")
_RELATIONS = (
    "left of", "right of", "behind", "in front of", "next to", "near", "on", "in", "under", "above", "below",
    "beside", "on top of", "inside", "closest to", "to the left of", "to the right of")
_RANKS = (
    "leftmost", "rightmost", "largest", "smallest", "biggest", "tallest", "shortest", "nearest", "closest",
    "farthest", "first", "second", "third", "middle", "other", "left", "right", "front", "back")
_SENTENCES = (
    "{np}", "the {np}", "a {np}", "this {np}", "that {np}", "the only {np}", "just the {np}",
    "the {np} {region}", "the {np} that is {region}", "{np} {region}", "{region} the {np}",
    "the {rank} {np}", "{rank} {np}", "the {np} that is {rank}", "the {rank} {np} from the left",
    "the {rank} {np} from the right", "the {np} farthest from the camera", "the {np} closest to us",
    "the {np} {relation} the {landmark}", "the {np} that is {relation} the {landmark}",
    "the {np} which is {relation} the {landmark}", "{np} {relation} {landmark}", "{np} {relation} the {landmark}",
    "the {np} between the {landmark} and the {other}", "the {np} that is not {relation} the {landmark}",
    "the {np} that is not {region}", "the two {np}s", "both {np}s", "all the {np}s", "all {np}s",
    "pick up the {np}", "give me the {np} {region}", "take the {np} {relation} the {landmark} please",
    "robot bring me the {rank} {np}", "could you grab the {np} {region}",
)
_GENERIC_NOUNS = ("object", "thing", "one")


def noun_phrase(colour: int, category: int, form: int, rng: np.random.Generator) -> str:
    """Name an object by colour and category (form 0), by category (1) or by colour (2), as of FORMS."""
    if form == 0:
        return f"{COLOUR_NAMES[colour]} {CATEGORY_NAMES[category]}"
    return CATEGORY_NAMES[category] if form == 1 else f"{COLOUR_NAMES[colour]} {_choose(_GENERIC_NOUNS, rng)}"


def with_article(phrase: str, rng: np.random.Generator) -> str:
    """Put an article, or none, before a noun phrase."""
    return ("", "the ", "the ", "a ", "this ", "that ")[rng.integers(6)] + phrase


def sentence(phrase: str, landmarks: tuple[str, str], rng: np.random.Generator) -> str:
    """Build a referring expression, true or not, whose target is `phrase`.

    Only the target is trained. The other words are arbitrary, so that the model does not rely on them.
    """
    template, region, rank = _choose(_SENTENCES, rng), _choose(_REGIONS, rng), _choose(_RANKS, rng)
    text = template.format(np=phrase, region=region, rank=rank, relation=_choose(_RELATIONS, rng),
                           landmark=landmarks[0], other=landmarks[1])
    colour, _, name = phrase.partition(" ")
    if name and rng.random() < 0.15:
        text = text.replace(phrase, f"{name} {_choose(('that is', 'which is', 'thats'), rng)} {colour}", 1)
    return text


def _choose(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[rng.integers(len(options))]
