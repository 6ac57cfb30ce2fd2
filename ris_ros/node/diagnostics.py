"""How the node does, in figures, and as diagnostic statuses."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

if TYPE_CHECKING:
    from ris_ros.node.inputs import CameraInputs

# Answers that figures are taken over, and seconds after which an answer does not count for the rate.
KEPT = 200
WINDOW = 10.0


class Statistics:
    """Figures about the answers of one camera; every method may be called by any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seconds: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._answered: deque[float] = deque(maxlen=KEPT)
        self.answers = 0
        self.dropped = 0
        self.last_error = ""
        self.is_failing = False

    def add(self, timings: Mapping[str, float], dropped: int) -> None:
        """An answer: its seconds by stage, and the frames that came and went since the answer before it."""
        with self._lock:
            for stage, seconds in timings.items():
                self._seconds[stage].append(seconds)
            self._answered.append(self._clock())
            self.answers += 1
            self.dropped += dropped
            self.is_failing = False

    def fail(self, reason: str) -> None:
        """An answer that could not be had."""
        self.last_error, self.is_failing = reason, True

    @property
    def rate(self) -> float:
        """Answers a second, lately."""
        with self._lock:
            recent = [answered for answered in self._answered if self._clock() - answered < WINDOW]
        return (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 and recent[-1] > recent[0] else 0.0

    def percentiles(self) -> dict[str, tuple[float, float]]:
        """The 50th and 95th percentile of each stage's seconds."""
        with self._lock:
            return {stage: tuple(np.percentile(list(seconds), (50, 95))) for stage, seconds in self._seconds.items()}


def camera_status(name: str, inputs: CameraInputs, statistics: Statistics) -> DiagnosticStatus:
    """What comes from a camera and what was answered on it."""
    image, depth, _ = inputs.topics
    frame = inputs.frame
    values = {
        "image topic": image,
        "image rate [Hz]": f"{inputs.rate:.1f}",
        "image size": "none yet" if frame is None else f"{frame.image.shape[1]} x {frame.image.shape[0]}",
        "depth topic": depth,
        "depth": "yes" if frame is not None and frame.depth is not None else "no",
        "answers": str(statistics.answers),
        "answer rate [Hz]": f"{statistics.rate:.2f}",
        "frames dropped for newer ones": str(statistics.dropped),
        "last error": statistics.last_error or "none"}
    for stage, (median, high) in statistics.percentiles().items():
        values[f"{stage} p50, p95 [ms]"] = f"{1000 * median:.1f}, {1000 * high:.1f}"
    return status(name, "receiving images" if frame is not None else "no image yet", values,
                  error=statistics.last_error if statistics.is_failing else "")


def status(name: str, message: str, values: Mapping[str, str], *, warnings: Sequence[str] = (), error: str = ""
           ) -> DiagnosticStatus:
    """A status whose level is ERROR where there is an error, WARN where there are warnings, else OK."""
    level = DiagnosticStatus.ERROR if error else DiagnosticStatus.WARN if warnings else DiagnosticStatus.OK
    return DiagnosticStatus(name=name, level=level, message="; ".join([*[error] * bool(error), *warnings]) or message,
                            values=[KeyValue(key=key, value=value) for key, value in values.items()])
