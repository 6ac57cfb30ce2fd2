"""Cooperative cancellation: long loops check whether their result is still wanted, and stop if it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Cancelled(Exception):  # noqa: N818 - not an error, like KeyboardInterrupt
    """Raised by :func:`check_cancelled` when the result is no longer wanted."""


_should_cancel: ContextVar[Callable[[], bool] | None] = ContextVar("should_cancel", default=None)


@contextmanager
def cancellable(should_cancel: Callable[[], bool]) -> Iterator[None]:
    """Run the block so that :func:`check_cancelled` raises `Cancelled` once `should_cancel()` returns True."""
    token = _should_cancel.set(should_cancel)
    try:
        yield
    finally:
        _should_cancel.reset(token)


def check_cancelled() -> None:
    """Raise `Cancelled` if the surrounding :func:`cancellable` block should stop.

    Call it in loops with slow iterations. Outside a cancellable block it has no effect and almost no cost.
    """
    should_cancel = _should_cancel.get()
    if should_cancel is not None and should_cancel():
        raise Cancelled
