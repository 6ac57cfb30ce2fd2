"""Timing of nested stages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class StageTimer:
    """Adds up the seconds of each stage; the time of a stage within another counts for the inner one alone."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._within = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block as a stage of that name."""
        outer, self._within, start = self._within, 0.0, time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - start
            self._seconds[name] = self._seconds.get(name, 0.0) + elapsed - self._within
            self._within = outer + elapsed

    def take(self) -> dict[str, float]:
        """Return the seconds by stage and reset them."""
        seconds, self._seconds = self._seconds, {}
        return seconds
