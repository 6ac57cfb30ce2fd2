"""What a field engineer should know now: logged, but not again and again, and kept for the diagnostics."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

# Seconds between two log lines of one kind.
THROTTLE = 5.0
# Seconds for which a warning that does not come again stands in the diagnostics.
FRESH = 10.0


class ThrottledWarnings:
    """Warnings by kind; every method may be called by any thread.

    Parameters
    ----------
    log : told of a warning at most every THROTTLE seconds for each kind
    clock : seconds that never jump

    """

    def __init__(self, log: Callable[[str], None], clock: Callable[[], float] = time.monotonic):
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._logged: dict[str, float] = {}
        self._raised: dict[str, tuple[float, str]] = {}
        self._lasting: list[str] = []

    def warn(self, kind: str, text: str) -> None:
        """Something is wrong now; log it unless this kind was logged a moment ago."""
        now = self._clock()
        with self._lock:
            self._raised[kind] = now, text
            if now - self._logged.get(kind, -THROTTLE) < THROTTLE:
                return
            self._logged[kind] = now
        self._log(text)

    def keep(self, text: str) -> None:
        """Something is so until :meth:`clear`: log it and keep it."""
        with self._lock:
            if text in self._lasting:
                return
            self._lasting.append(text)
        self._log(text)

    def current(self) -> list[str]:
        """The warnings that hold now."""
        with self._lock:
            now = self._clock()
            return self._lasting + [text for raised, text in self._raised.values() if now - raised < FRESH]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._lasting, self._raised, self._logged = [], {}, {}


class LibraryLog(logging.Handler):
    """Passes on what the package logs through Python, such as that a model runs on the CPU."""

    def __init__(self, keep: Callable[[str], None]):
        super().__init__(logging.WARNING)
        self._keep = keep
        self._logger = logging.getLogger("ris_ros")

    def emit(self, record: logging.LogRecord) -> None:
        """Called by the logging package."""
        self._keep(record.getMessage())

    def attach(self) -> None:
        """Begin to listen."""
        self._logger.addHandler(self)
        # Else a root handler that some library has set up would say everything again.
        self._logger.propagate = False

    def detach(self) -> None:
        """Cease to listen."""
        self._logger.removeHandler(self)
        self._logger.propagate = True
