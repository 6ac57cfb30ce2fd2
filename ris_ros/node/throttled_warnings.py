"""Warnings for the field engineer: logged at a limited rate, and kept for the diagnostics."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from ris_ros.errors import printable

LOG_INTERVAL_SECONDS = 5.0
"""Shortest time between two log lines of one kind."""
LIFETIME_SECONDS = 10.0
"""How long a warning that is not raised again stays in the diagnostics."""


class ThrottledWarnings:
    """The warnings that hold now, in printable text; every method may be called from any thread.

    Parameters
    ----------
    log : writes a line to the log
    clock : returns seconds; never jumps

    """

    def __init__(self, log: Callable[[str], object], clock: Callable[[], float] = time.monotonic):
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._last_logged: dict[str, float] = {}
        self._transient: dict[str, tuple[float, str]] = {}
        self._permanent: list[str] = []

    def warn(self, kind: str, text: str) -> None:
        """Raise a warning of a kind; log it unless that kind was logged within LOG_INTERVAL_SECONDS."""
        now, text = self._clock(), printable(text)
        with self._lock:
            self._transient[kind] = now, text
            if now - self._last_logged.get(kind, -LOG_INTERVAL_SECONDS) < LOG_INTERVAL_SECONDS:
                return
            self._last_logged[kind] = now
        self._log(text)

    def warn_permanently(self, text: str) -> None:
        """Raise a warning that holds until :meth:`clear`; log it once."""
        text = printable(text)
        with self._lock:
            if text in self._permanent:
                return
            self._permanent.append(text)
        self._log(text)

    def current(self) -> list[str]:
        """Return the warnings that hold now."""
        with self._lock:
            now = self._clock()
            return self._permanent + [text for raised, text in self._transient.values()
                                      if now - raised < LIFETIME_SECONDS]

    def clear(self) -> None:
        """Drop all warnings, and log each kind again at its next occurrence."""
        with self._lock:
            self._permanent, self._transient, self._last_logged = [], {}, {}


class LibraryLogHandler(logging.Handler):
    """Forwards the warnings that this package logs through Python, such as that a model runs on the CPU."""

    def __init__(self, forward: Callable[[str], None]):
        super().__init__(logging.WARNING)
        self._forward = forward
        self._logger = logging.getLogger("ris_ros")

    def emit(self, record: logging.LogRecord) -> None:
        """Forward a record."""
        self._forward(record.getMessage())

    def attach(self) -> None:
        """Start to listen."""
        self._logger.addHandler(self)
        # A root handler that some library has set up would print every line a second time.
        self._logger.propagate = False

    def detach(self) -> None:
        """Stop listening."""
        self._logger.removeHandler(self)
        self._logger.propagate = True
