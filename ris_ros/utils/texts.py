"""Texts: which can be read and answered, and one normal form of them."""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category, normalize

from ris_ros.errors import InputError

MAX_TEXT_CHARACTERS = 2000
"""Longest text that is answered: some 400 words. CLIP reads 77 tokens of a phrase; speech takes minutes for as many."""
_VARIATION_SELECTOR = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def check_text(text: str) -> None:
    """Raise an InputError unless `text` has a letter or a digit, of any script, and can be read and answered.

    Lone surrogates, which JSON's escapes and undecodable bytes give, are no characters and cannot be sent back.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise InputError(f"the text has {len(text)} characters: say what to find in at most {MAX_TEXT_CHARACTERS}")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError(f"the text {text[:40]!r} is not valid Unicode: send it as UTF-8, without lone surrogates")
    if not any(character.isalnum() for character in text):
        raise InputError(f"the text {text[:40]!r} names nothing: say what to find, such as 'the red cup'")


def normalized(text: str) -> str:
    """Return a text in the normal form that is read; raise InputError if `check_text` refuses it before or after."""
    text = " ".join(text.split())
    check_text(text)
    written = normal_form(text)
    check_text(written)
    return written


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
