"""Texts in one normal form."""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category, normalize

_VARIATION_SELECTOR = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def normal_form(text: str) -> str:
    """Return a text composed, without compatibility forms, on one line.

    Full-width letters and ligatures become plain ones. Control characters separate words, and invisible characters go.
    Every character has one in lower case, so that positions in the lower-cased text are those in this one.
    """
    return " ".join("".join(map(_normal_form, normalize("NFC", text))).split())


@lru_cache(maxsize=4096)
def _normal_form(character: str) -> str:
    if category(character) == "Cf" or _VARIATION_SELECTOR.match(character):
        return ""
    if category(character) == "Cc":
        return " "
    plain = normalize("NFKC", character)
    # Others become symbols with accents of their own, such as the acute accent in "the man´s hat".
    character = plain if plain.isascii() or plain.isalnum() else character
    return "".join(one if len(one.lower()) == 1 else normalize("NFD", one)[0] for one in character)
