"""Errors whose message is one clear line that says what to do, and the escaping of text from outside."""

from __future__ import annotations

import reprlib
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MAX_LINE_CHARACTERS = 2000
"""Length to which the message of an error is cut."""

MAX_EXCERPT_LENGTH = 100
"""Characters of a damaged value that an error shows."""

MAX_CAUSE_LENGTH = 200
"""Characters of a library's error that are shown; it may list every key of a state dictionary."""

MAX_DECIMAL_BITS = 256
"""Bits of the largest integer that is shown as a decimal number; Python refuses those of thousands of digits."""

_ESCAPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"
"""Format characters within ordinary words and emoji."""


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


def shortened(error: BaseException) -> str:
    """Return the message of a library's error as one line of at most MAX_CAUSE_LENGTH characters."""
    return one_line(error)[:MAX_CAUSE_LENGTH]


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
    """Return the beginning of a value's text, for an error; also of values that are nested without end."""
    shortener = _Shortener()
    shortener.maxlevel, shortener.maxstring, shortener.maxother = 3, MAX_EXCERPT_LENGTH, MAX_EXCERPT_LENGTH
    return shortener.repr(value)[:MAX_EXCERPT_LENGTH]


class _Shortener(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        return str(x) if x.bit_length() <= MAX_DECIMAL_BITS else f"an integer of {x.bit_length()} bits"


@contextmanager
def reading(subject: str, remedy: str = "", error_type: type[RisError] = InputError) -> Iterator[None]:
    """Raise errors of any other type as one that says what cannot be read and what to do.

    For the parsers of libraries: these let errors of any type through when the data are damaged.

    Parameters
    ----------
    subject : what is read
    remedy : what the user can do
    error_type : of the errors that are raised

    """
    try:
        yield
    except RisError:
        raise
    except Exception as error:
        raise error_type(f"cannot read {subject}: {shortened(error)}{remedy and f'; {remedy}'}") from error


def _line(text: str) -> str:
    line = printable(" ".join(text.split()))
    return line if len(line) <= MAX_LINE_CHARACTERS else f"{line[:MAX_LINE_CHARACTERS]}..."
