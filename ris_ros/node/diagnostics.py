"""Statistics about the answers of a camera, and diagnostic statuses."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from ris_ros.errors import printable

if TYPE_CHECKING:
    from ris_ros.node.inputs import CameraInputs

MAX_ANSWERS = 200
"""Answers over which statistics are taken."""
RATE_WINDOW_SECONDS = 10.0
"""Time over which the answer rate is measured."""


class AnswerStatistics:
    """Statistics about the answers of one camera; every method may be called from any thread.

    Attributes
    ----------
    answers : how many answers were published
    dropped : frames that were never used because newer ones had arrived
    last_error : why the last failed job failed; empty when none has
    is_failing : whether the last job failed

    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seconds: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MAX_ANSWERS))
        self._answer_times: deque[float] = deque(maxlen=MAX_ANSWERS)
        self.answers = 0
        self.dropped = 0
        self.last_error = ""
        self.is_failing = False

    def add(self, timings: Mapping[str, float], dropped: int) -> None:
        """Add an answer.

        Parameters
        ----------
        timings : seconds by stage
        dropped : frames that were dropped since the answer before

        """
        with self._lock:
            for stage, seconds in timings.items():
                self._seconds[stage].append(seconds)
            self._answer_times.append(self._clock())
            self.answers += 1
            self.dropped += dropped
            self.is_failing = False

    def add_failure(self, reason: str) -> None:
        """Add a job that failed."""
        self.last_error, self.is_failing = reason, True

    @property
    def rate(self) -> float:
        """Answers a second over the last RATE_WINDOW_SECONDS."""
        with self._lock:
            recent = [answered for answered in self._answer_times if self._clock() - answered < RATE_WINDOW_SECONDS]
        return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 and recent[-1] > recent[0] else 0.0

    def percentiles(self) -> dict[str, tuple[float, float]]:
        """Return the 50th and the 95th percentile of each stage's seconds."""
        with self._lock:
            return {stage: (float(np.percentile(list(seconds), 50)), float(np.percentile(list(seconds), 95)))
                    for stage, seconds in self._seconds.items()}


def camera_status(name: str, inputs: CameraInputs, statistics: AnswerStatistics) -> DiagnosticStatus:
    """Return the status of a camera: what it sends, and how its commands are answered."""
    image, depth, _ = inputs.topics
    frame = inputs.last_frame
    values = {
        "image topic": image,
        "image rate [Hz]": f"{inputs.rate:.1f}",
        "image age": "none yet" if frame is None else f"{time.monotonic() - frame.arrived:.1f} s",
        "image size": "none yet" if frame is None else f"{frame.image.shape[1]} x {frame.image.shape[0]}",
        "depth topic": depth,
        "depth": "yes" if frame is not None and frame.depth is not None else "no",
        "answers": str(statistics.answers),
        "answer rate [Hz]": f"{statistics.rate:.2f}",
        "frames dropped for newer ones": str(statistics.dropped),
        "last error": statistics.last_error or "none"}
    for stage, (median, high) in statistics.percentiles().items():
        values[f"{stage} p50, p95 [ms]"] = f"{1000 * median:.1f}, {1000 * high:.1f}"
    return make_status(name, "receiving images" if frame is not None else "no image yet", values,
                       error=statistics.last_error if statistics.is_failing else "")


def make_status(name: str, message: str, values: Mapping[str, str], *, warnings: Sequence[str] = (), error: str = ""
                ) -> DiagnosticStatus:
    """Return a status whose level is ERROR when there is an error, WARN when there are warnings, else OK."""
    level = DiagnosticStatus.ERROR if error else DiagnosticStatus.WARN if warnings else DiagnosticStatus.OK
    return DiagnosticStatus(name=name, level=level, message="; ".join([*[error] * bool(error), *warnings]) or message,
                            values=[KeyValue(key=key, value=printable(value)) for key, value in values.items()])
