"""Errors whose message is one clear line that says what to do."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MAX_EXCERPT_LENGTH = 100
"""Characters of a damaged value that an error shows."""

MAX_CAUSE_LENGTH = 200
"""Characters of a library's error that are shown; it may list every key of a state dictionary."""

MAX_DECIMAL_BITS = 256
"""Bits of the largest integer that is shown as a decimal number; Python refuses those of thousands of digits."""


class RisError(Exception):
    """Base of all errors that ris_ros raises on purpose."""


class InputError(RisError, ValueError):
    """An image, mask, text or setting that cannot be used; the message says what it should be."""


class MissingError(RisError):
    """A package, checkpoint or driver that is not installed; the message says how to get it."""


def one_line(error: BaseException) -> str:
    """Return an error's message as one line, for a log, a status or another error's message.

    Errors other than :class:`RisError` were not written for users, so their type's name comes first. An error without
    a message is named by its type alone.
    """
    name, text = type(error).__name__, " ".join(str(error).split())
    if isinstance(error, RisError):
        return text or name
    return f"{name}: {text}" if text else name


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
        cause = one_line(error)[:MAX_CAUSE_LENGTH]
        raise error_type(f"cannot read {subject}: {cause}{remedy and f'; {remedy}'}") from error
