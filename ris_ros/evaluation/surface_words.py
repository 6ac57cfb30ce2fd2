"""Word lists that indicate, without parsing, whether an expression contains a location in the image or a relation.

Evaluations group expressions by them. These are deliberately lists of surface words, apart from the parser's own
vocabulary: groups must not depend on how well the parser reads, nor change when it learns a word, or results of
different versions could not be compared.
"""

from __future__ import annotations

import re

_LOCATIONS = "left|right|top|bottom|upper|lower|middle|center|centre|corner|front|back|end"
_LOCATION = re.compile(
    rf"\b({_LOCATIONS}|far|farthest|furthest|nearest|closest|\w+most|first|second|third|fourth|last)\b", re.IGNORECASE)
_RELATION = re.compile(r"\b(next to|beside|behind|in front of|between|above|below|under|underneath|on top of|inside|"
                       rf"with|holding|wearing|left of|right of|(on|in|at|by|near)(?! (the )?(\w+ )?({_LOCATIONS})\b))"
                       r"\b", re.IGNORECASE)
"""A preposition before a location is none: "on the table" is a relation, "on the left" is not."""


def has_location_word(text: str) -> bool:
    """Return whether a text has a word for a location or a rank in the image, such as "left" or "second"."""
    return _LOCATION.search(text) is not None


def has_relation_word(text: str) -> bool:
    """Return whether a text has a word that relates an object to another, such as "behind" or "holding"."""
    return _RELATION.search(text) is not None
