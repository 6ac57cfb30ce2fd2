"""Errors whose message is one clear line that says what to do."""

from __future__ import annotations


class RisError(Exception):
    """Base of all errors that ris_ros raises on purpose; whatever a message quotes, it is one line that can be sent."""

    def __init__(self, message: str = ""):
        super().__init__(printable(message))


class InputError(RisError, ValueError):
    """An image, mask, text or setting that cannot be used; the message says what it should be."""


class MissingError(RisError):
    """A package, checkpoint or driver that is not installed; the message says how to get it."""


def one_line(error: BaseException) -> str:
    """Return an error's message as one line, for a log, a status or another error's message.

    Errors other than :class:`RisError` were not written for users, so their type's name comes first. An error without
    a message is named by its type alone.
    """
    name, text = type(error).__name__, printable(str(error))
    if isinstance(error, RisError):
        return text or name
    return f"{name}: {text}" if text else name


def printable(text: str) -> str:
    """Return a text on one line, with a replacement character for each that cannot be printed or sent."""
    return "".join(one if one.isprintable() else "\ufffd" for one in " ".join(text.split()))
