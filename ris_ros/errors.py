"""Errors whose message is one clear line that says what to do."""


class RisError(Exception):
    """Base of every error that ris_ros raises on purpose."""


class InputError(RisError, ValueError):
    """The caller's image, masks, text or setting is unusable; the message says what it should be."""


class MissingError(RisError):
    """A package, checkpoint or driver is not installed; the message says how to get it."""


def one_line(error: Exception) -> str:
    """An error as one line; the type is named where the message was not written for users."""
    text = " ".join(str(error).split())
    return text if isinstance(error, RisError) else f"{type(error).__name__}: {text}"
