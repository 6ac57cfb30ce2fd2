"""Work that can be broken off: long loops have checkpoints, and whoever runs them says when to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Cancelled(Exception):  # noqa: N818 - like KeyboardInterrupt, it is no error
    """The work is not wanted any more."""


_unwanted: ContextVar[Callable[[], bool] | None] = ContextVar("unwanted", default=None)


@contextmanager
def cancellable(unwanted: Callable[[], bool]) -> Iterator[None]:
    """Break the work inside off, by Cancelled, at the next checkpoint after `unwanted()` has become true."""
    token = _unwanted.set(unwanted)
    try:
        yield
    finally:
        _unwanted.reset(token)


def check_cancelled() -> None:
    """A place to break off, for loops whose turns take long; costs nothing outside of :func:`cancellable`."""
    unwanted = _unwanted.get()
    if unwanted is not None and unwanted():
        raise Cancelled
