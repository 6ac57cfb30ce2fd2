"""Warnings for the field engineer: logged at a limited rate, and kept for the diagnostics."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Literal, get_args

from ris_ros.errors import printable

Trouble = Literal[
    # No image, or none that can be used
    "no-image", "old-image", "frame-ignored", "other-type", "other-qos", "message-ignored",
    # Depth and position
    "depth-missing", "depth-ignored", "camera-info", "no-position", "target-frame",
    # Commands
    "command-ignored", "command-dropped", "answer-failed", "less-work",
    # The node and its surroundings
    "cannot-start", "cannot-configure", "transition-failed", "slow-cancel", "same-name", "no-clock", "request-ignored",
    "worker-restarted", "other-interfaces",
    # Models
    "bundled-model", "random-weights", "other-calibration", "not-calibrated", "runs-on-cpu", "data-type", "gpu-memory",
    "no-detector", "backend-not-kept", "other-warning",
]
"""What the node warns of and logs as an error; each is an anchor of docs/troubleshooting.md."""
TROUBLES: tuple[Trouble, ...] = get_args(Trouble)

LOG_INTERVAL_SECONDS = 5.0
"""Shortest time between two log lines of one kind."""
LIFETIME_SECONDS = 10.0
"""How long a warning that is not raised again stays in the diagnostics."""


def with_anchor(trouble: Trouble, text: str) -> str:
    """Return a line for the log that names where docs/troubleshooting.md tells what to do about it."""
    return f"{text} [troubleshooting#{trouble}]"


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
        self._last_logged: dict[tuple[Trouble, str], float] = {}
        self._transient: dict[tuple[Trouble, str], tuple[float, str]] = {}
        self._permanent: list[str] = []

    def warn(self, trouble: Trouble, text: str, source: str = "") -> None:
        """Raise a warning; log it unless one of that trouble and source was logged within LOG_INTERVAL_SECONDS.

        Parameters
        ----------
        trouble : what it is about
        text : what is wrong, and what to do
        source : camera or topic that it comes from; empty for the node as a whole

        """
        now, text, kind = self._clock(), printable(text), (trouble, source)
        with self._lock:
            self._transient[kind] = now, text
            if now - self._last_logged.get(kind, -LOG_INTERVAL_SECONDS) < LOG_INTERVAL_SECONDS:
                return
            self._last_logged[kind] = now
        self._log(with_anchor(trouble, text))

    def warn_permanently(self, trouble: Trouble, text: str) -> None:
        """Raise a warning that holds until :meth:`clear`; log it once."""
        text = printable(text)
        with self._lock:
            if text in self._permanent:
                return
            self._permanent.append(text)
        self._log(with_anchor(trouble, text))

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
    """Forwards the warnings that this package logs through Python, such as that a model runs on the CPU.

    Their attribute `trouble`, which ``extra={"trouble": ...}`` sets, is one of TROUBLES.
    """

    def __init__(self, forward: Callable[[Trouble, str], None]):
        super().__init__(logging.WARNING)
        self._forward = forward
        self._logger = logging.getLogger("ris_ros")

    def emit(self, record: logging.LogRecord) -> None:
        """Forward a record."""
        self._forward(getattr(record, "trouble", "other-warning"), record.getMessage())

    def attach(self) -> None:
        """Start to listen."""
        self._logger.addHandler(self)
        # A root handler that some library has set up would print every line a second time.
        self._logger.propagate = False

    def detach(self) -> None:
        """Stop listening."""
        self._logger.removeHandler(self)
        self._logger.propagate = True
