"""Tracking of the object that a camera's last answer found: on the worker's thread, with verification beside it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

import numpy as np

from ris_ros.errors import InputError
from ris_ros.types import Candidate, Result
from ris_ros.utils.cancellation import cancellable

if TYPE_CHECKING:
    from ris_ros.segmenter import ReferringSegmenter
    from ris_ros.tracking import Keyframe, TrackedObject, Verification


class TrackingSession:
    """Tracks the one object of a result from the image it was found in.

    Parameters
    ----------
    segmenter : gave the result; its models verify keyframes, on a thread of their own
    result : result with one object
    image : uint8 RGB [H, W, 3]
    model_lock : is held while the models are in use

    Attributes
    ----------
    state : "tracking", "lost", or "regained" in the frame in which the object was found again

    """

    def __init__(self, segmenter: ReferringSegmenter, result: Result, image: np.ndarray, model_lock: threading.Lock):
        # Imported late, because this imports torch.
        from ris_ros.tracking import Tracker

        self._segmenter = segmenter
        self._first_result = result
        self._model_lock = model_lock
        self._tracker = Tracker(segmenter)
        self._tracker.start_from(result, image, time.monotonic())
        self._verification: Future[Verification] | None = None
        self._verifying: threading.Thread | None = None
        self._cancelled = False
        self._lost_time = 0.0
        self.state = "tracking"

    def update(self, image: np.ndarray) -> Result | None:
        """Track the object into the next frame.

        Returns
        -------
        The result on that frame. None when the command should be answered from the start: the object has been lost for
        too long, or the image size has changed.

        """
        started = time.monotonic()
        try:
            tracked = self._tracker.track(image, started)
        except InputError:
            return None
        if self._verification is not None and self._verification.done():
            verification, self._verification = self._verification, None
            self._tracker.apply(verification.result())
        if self._verification is None and (keyframe := self._tracker.next_keyframe()) is not None:
            self._verification = self._verify(keyframe)
        if tracked.event == "lost":
            self._lost_time = started
        if not tracked.found and started - self._lost_time > self._segmenter.config.following.give_up:
            return None
        self.state = "lost" if not tracked.found else tracked.event or "tracking"
        return self._make_result(tracked, time.monotonic() - started)

    def cancel(self) -> None:
        """Cancel the verification that is running, if any."""
        self._cancelled = True

    def stop(self, timeout: float | None = None) -> bool:
        """Cancel the verification that is running, if any; return whether it has ended within `timeout` seconds."""
        self.cancel()
        if (thread := self._verifying) is not None:
            thread.join(timeout)
            return not thread.is_alive()
        return True

    def _verify(self, keyframe: Keyframe) -> Future[Verification]:
        future: Future[Verification] = Future()

        def run() -> None:
            try:
                with self._model_lock, cancellable(lambda: self._cancelled):
                    future.set_result(self._tracker.verify(keyframe))
            except BaseException as error:  # The future raises it where its result is read, instead of waiting.
                future.set_exception(error)

        # A daemon, because a call into a model cannot be interrupted and must not keep the process alive.
        self._verifying = threading.Thread(target=run, name="ris-verification", daemon=True)
        self._verifying.start()
        return future

    def _make_result(self, tracked: TrackedObject, seconds: float) -> Result:
        query, timings = self._first_result.query, {"tracking": seconds}
        if not tracked.found:
            return Result(False, tracked.mask, tracked.box, 0.0, 0.0, [], query, timings, tracked.reason)
        [first] = self._first_result.instances
        candidate = Candidate(first.index, tracked.mask, tracked.box, first.score, first.terms)
        return Result(True, tracked.mask, tracked.box, first.score, tracked.confidence, [candidate], query, timings,
                      instances=[candidate])
