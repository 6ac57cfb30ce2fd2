"""What was found on one camera, followed: tracked on the worker's thread, examined beside it."""

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
    from ris_ros.tracking import TrackedObject
    from ris_ros.tracking.verification import Keyframe, Verification


class Following:
    """Follows the one object of an answer, from the image it was found in.

    Parameters
    ----------
    segmenter : that gave the answer; its models verify keyframes, on a thread of their own, while `models` is held
    result : the answer
    image : uint8 RGB [H, W, 3]
    models : held by whoever uses the models

    Attributes
    ----------
    state : "tracking", "lost", or "regained" in the frame where it was found again

    """

    def __init__(self, segmenter: ReferringSegmenter, result: Result, image: np.ndarray, models: threading.Lock):
        # Late, because this imports torch.
        from ris_ros.tracking import Tracker

        self._segmenter = segmenter
        self._found = result
        self._models = models
        self._follower = Tracker(segmenter)
        self._follower.start_from(result, image, time.monotonic())
        self._examination: Future[Verification] | None = None
        self._cancelled = False
        self._lost_at = 0.0
        self.state = "tracking"

    def answer(self, image: np.ndarray) -> Result | None:
        """The answer on the next frame; None when the command should be asked anew.

        That is so when the target was lost too long ago, and when images have another size than before.
        """
        started = time.monotonic()
        try:
            followed = self._follower.track(image, started)
        except InputError:
            return None
        if self._examination is not None and self._examination.done():
            verification, self._examination = self._examination, None
            self._follower.take(verification.result())
        if self._examination is None and (keyframe := self._follower.keyframe()) is not None:
            self._examination = self._verify(keyframe)
        if followed.event == "lost":
            self._lost_at = started
        if not followed.found and started - self._lost_at > self._segmenter.config.following.give_up:
            return None
        self.state = "lost" if not followed.found else followed.event or "tracking"
        return self._result(followed, time.monotonic() - started)

    def cancel(self) -> None:
        """Break off what is at work at its next checkpoint."""
        self._cancelled = True

    def stop(self) -> None:
        """Break off what is at work and wait for that."""
        self.cancel()
        if self._examination is not None:
            self._examination.exception()

    def _verify(self, keyframe: Keyframe) -> Future[Verification]:
        future: Future[Verification] = Future()

        def run() -> None:
            try:
                with self._models, cancellable(lambda: self._cancelled):
                    future.set_result(self._follower.verify(keyframe))
            except Exception as error:  # It is raised where the verification is taken.
                future.set_exception(error)

        # A daemon: a call into a model cannot be broken off, and must not hold up the end of the process.
        threading.Thread(target=run, name="ris-examiner", daemon=True).start()
        return future

    def _result(self, followed: TrackedObject, seconds: float) -> Result:
        query, timings = self._found.query, {"tracking": seconds}
        if not followed.found:
            return Result(False, followed.mask, followed.box, 0.0, 0.0, [], query, timings, followed.reason)
        [first] = self._found.instances
        now = Candidate(first.index, followed.mask, followed.box, first.score, first.terms)
        return Result(True, followed.mask, followed.box, first.score, followed.confidence, [now], query, timings,
                      instances=[now])
