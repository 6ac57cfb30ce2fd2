"""Errors whose message is one clear line that says what to do, and the escaping of text from outside."""

from __future__ import annotations

import unicodedata
from reprlib import Repr
from typing import Any

MAX_LINE_CHARACTERS = 2000
"""Length to which the message of an error is cut."""

_ESCAPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"
"""Format characters within ordinary words and emoji."""

_EXCERPT = Repr()
_EXCERPT.maxlevel = 1
_EXCERPT.maxstring = _EXCERPT.maxother = _EXCERPT.maxlong = 200


class RisError(Exception):
    """Base of all errors that ris_ros raises on purpose; as a string it is one line that is safe to print."""

    def __str__(self) -> str:
        return _line(super().__str__())


class InputError(RisError, ValueError):
    """An image, mask, text or setting that cannot be used; the message says what it should be."""


class MissingError(RisError):
    """A package, checkpoint or driver that is not installed; the message says how to get it."""


def one_line(error: BaseException) -> str:
    """Return an error's message as one line, for a log, a status or another error's message.

    Errors other than :class:`RisError` were not written for users, so their type's name comes first. An error without
    a message is named by its type alone.
    """
    name, text = type(error).__name__, _line(str(error))
    if isinstance(error, RisError):
        return text or name
    return f"{name}: {text}" if text else name


def printable(text: str) -> str:
    r"""Return a text in which control characters and all else that could forge or hide a line is escaped, as in ``\n``.

    That is line breaks of every kind, escape sequences of terminals, marks of writing direction, invisible characters
    and lone surrogates. Words of any language and emoji stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in _ESCAPED_CATEGORIES and character not in _JOINERS else character
        for character in text)


def excerpt(value: Any) -> str:
    """Return a short representation of any value, for an error's message."""
    try:
        return _EXCERPT.repr(value)
    except ValueError:  # An integer of more digits than Python converts.
        return f"a {type(value).__name__} that is too long to print"


def _line(text: str) -> str:
    line = printable(" ".join(text.split()))
    return line if len(line) <= MAX_LINE_CHARACTERS else f"{line[:MAX_LINE_CHARACTERS]}..."
