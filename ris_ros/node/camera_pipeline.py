"""One camera of the node: from a command and a frame to the published answer."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from ris_ros.errors import InputError, one_line, printable
from ris_ros.node.commands import Goal, quote
from ris_ros.node.diagnostics import AnswerStatistics, camera_status
from ris_ros.node.inputs import CameraInputs, Frame
from ris_ros.node.latency_limit import LatencyLimit
from ris_ros.node.outputs import CameraOutputs
from ris_ros.node.throttled_warnings import LOG_INTERVAL_SECONDS, with_anchor
from ris_ros.node.tracking import TrackingSession
from ris_ros.utils.cancellation import Cancelled, check_cancelled
from ris_ros.utils.masks import box_to_list

if TYPE_CHECKING:
    from diagnostic_msgs.msg import DiagnosticStatus
    from rclpy.lifecycle import LifecycleNode

    from ris_ros.config import Config
    from ris_ros.node.target_frame import TargetFrame
    from ris_ros.node.throttled_warnings import ThrottledWarnings
    from ris_ros.node.worker import Job
    from ris_ros.segmenter import ReferringSegmenter
    from ris_ros.types import Result


class CameraPipeline:
    """Answers commands on the frames of one camera; the :class:`Worker` decides which, and when.

    :meth:`answer`, :meth:`complete_image`, :meth:`report_failure` and, while none of them is running,
    :meth:`release_image` are for one thread at a time. The other methods may be called from any thread.

    Parameters
    ----------
    node : creates subscriptions and publishers
    name : name of the camera; may be empty
    segmenter : segmenter for this camera's images; cameras share its models
    config, target : see :meth:`configure`
    warnings : takes warnings about the camera
    model_lock : is held while the models are in use

    Attributes
    ----------
    outputs : publishers of the camera

    """

    def __init__(self, node: LifecycleNode, name: str, segmenter: ReferringSegmenter, config: Config,
                 target: TargetFrame | None, warnings: ThrottledWarnings, model_lock: threading.Lock):
        self.name = name
        self.outputs = CameraOutputs(node, name, warnings)
        self._node = node
        self._segmenter = segmenter
        self._settings = config, target
        self._latency_limit = LatencyLimit()
        self._warnings = warnings
        self._model_lock = model_lock
        self._statistics = AnswerStatistics()
        self._inputs: CameraInputs | None = None
        self._tracking: TrackingSession | None = None
        self._published_state: str | None = None  # Tracking state in the last published answer.
        self._applied_config: Config | None = None  # Configuration that the segmenter has.
        self._encoded_frame: Frame | None = None  # Frame that the segmenter has.
        self._answered_number = 0  # Number of the frame of the last published answer.

    @property
    def calibrated_by(self) -> str:
        """Return what the confidence was fitted with: labels, frames, stock images or nothing."""
        return self._segmenter.calibrated_by

    @property
    def notes(self) -> list[str]:
        """What the models do otherwise than asked, such as running on the CPU instead of a GPU."""
        return self._segmenter.notes

    @property
    def topics(self) -> list[str]:
        """The resolved names of the image, depth and camera_info topics; empty while unsubscribed."""
        inputs = self._inputs
        return inputs.topics if inputs is not None else []

    def configure(self, config: Config, target: TargetFrame | None) -> None:
        """Apply changed settings, from the next job on.

        Parameters
        ----------
        config : configuration
        target : frame that objects are published in; None for the camera's

        """
        self._settings = config, target
        if (inputs := self._inputs) is not None:
            inputs.configure(config)

    def open(self) -> None:
        """Subscribe."""
        self._inputs = CameraInputs(self._node, self.name, self._settings[0], self._warnings)

    def close(self) -> None:
        """Unsubscribe, and cancel the verification of a tracked object."""
        inputs, self._inputs = self._inputs, None
        if inputs is not None:
            inputs.close()
        if (tracking := self._tracking) is not None:
            tracking.cancel()

    def wait_idle(self, timeout: float | None = None) -> bool:
        """Wait for the end of a cancelled verification; return False when that takes longer than `timeout` seconds."""
        return self._tracking is None or self._tracking.stop(timeout)

    def newest_frame(self) -> Frame | None:
        """Return the newest usable frame; None before the first one, and while unsubscribed."""
        inputs = self._inputs
        return inputs.newest_frame() if inputs is not None else None

    def missing_frame(self) -> str:
        """Return why there is no frame to answer a command on; empty if there is one, or an image still to be read."""
        inputs = self._inputs
        return inputs.missing_frame() if inputs is not None else "the node is not active"

    def discard_frames(self) -> None:
        """Discard the frames that have arrived, as after a jump of the clock."""
        if (inputs := self._inputs) is not None:
            inputs.discard_frames()

    def release_image(self) -> None:
        """Release the last image and its features."""
        self._stop_tracking()
        self._segmenter = self._segmenter.sibling()
        self._encoded_frame = self._applied_config = None

    def check(self, node_name: str) -> DiagnosticStatus | None:
        """Check what is published to the inputs, and return the camera's status; None while unsubscribed."""
        if (inputs := self._inputs) is None:
            return None
        inputs.check()
        return camera_status(f"{node_name}: camera {self.name}".rstrip(), inputs, self._statistics)

    def answer(self, job: Job) -> None:
        """Answer a job: segment or track, publish the result and log it.

        Raises
        ------
        Cancelled
            When the job becomes obsolete before its result is published.
        InputError
            When a command would be answered on an image that is too old.

        """
        started = time.perf_counter()
        inputs = self._inputs
        if inputs is not None and not job.is_continuous and (reason := inputs.staleness(job.frame)):
            raise InputError(reason)
        if isinstance(job.command, Goal):
            job.command.on_start()
        settings, target = self._settings
        config = self._latency_limit.apply(settings)
        if config != self._applied_config:
            self._segmenter.update(config)
            self._applied_config, self._encoded_frame = config, None
        is_new = job.frame is not self._encoded_frame
        # What a goal finds is not tracked: the next frame is for the standing command again.
        track = config.follow and config.mode == "continuous" and not isinstance(job.command, Goal)
        result = self._find_object(job, track=track)
        state = self._tracking.state if self._tracking is not None else None
        if state in ("lost", "regained") and state != self._published_state:
            self._node.get_logger().info(f"{state}: {quote(job.command.text)} {printable(result.reason)}".rstrip())
        self._published_state = state
        if note := self._latency_limit.note(settings):
            self._warnings.warn("less-work", note)
            result = result.noting(note)
        check_cancelled()
        timings = self.outputs.publish(result, job.frame, job.command, target, following=state)
        seconds = time.perf_counter() - started
        if is_new and state is None:
            self._latency_limit.add(seconds, settings.max_latency)
        is_next = job.is_continuous and self._answered_number
        dropped = max(0, job.frame.number - self._answered_number - 1) if is_next else 0
        self._answered_number = job.frame.number
        self._statistics.add({**result.timings, "total": seconds, **timings}, dropped)
        self._log_answer(job, result, seconds)

    def complete_image(self) -> None:
        """Propose the masks that an early answer did without, for the next command."""
        with self._model_lock:
            self._segmenter.complete_image()

    def report_failure(self, job: Job, error: BaseException) -> None:
        """Publish and log that a job failed."""
        # Nothing can be published between Ctrl-C and the end of the worker's thread, and nobody needs to know.
        if not self._node.context.ok():
            return
        if isinstance(error, Cancelled):
            self.outputs.publish_failure(str(error), job.frame.header, job.command)
            return
        reason = one_line(error)
        self._node.get_logger().error(with_anchor("answer-failed", f"{quote(job.command.text)}: {reason}"),
                                      throttle_duration_sec=LOG_INTERVAL_SECONDS)
        self._statistics.add_failure(reason)
        self.outputs.publish_failure(reason, job.frame.header, job.command)

    def _find_object(self, job: Job, *, track: bool) -> Result:
        """Return the result of a job: by tracking if that goes on, otherwise by segmentation."""
        if track and job.is_continuous and self._tracking is not None:
            tracked = self._tracking.update(job.frame.image)
            if tracked is not None:
                return tracked.noting_missing_depth(job.frame.missing_depth, is_judged=False)
        self._stop_tracking()
        with self._model_lock:
            if job.frame is not self._encoded_frame:
                self._encoded_frame = None
                self._segmenter.start_image(job.frame.image, depth=job.frame.depth)
                self._encoded_frame = job.frame
            if track:  # By appearance, which has to be told from that of all other objects.
                result = self._segmenter.query(job.command.text)
            elif isinstance(job.command, Goal):
                result = self._segmenter.answer(
                    job.command.text, min_confidence=job.command.min_confidence,
                    on_early=partial(self.outputs.report_early, frame=job.frame, goal=job.command))
            else:
                result = self._segmenter.answer(job.command.text)
            if track and len(result.instances) == 1:
                self._tracking = TrackingSession(self._segmenter, result, job.frame.image, self._model_lock)
        # The published method encodes the text as a whole and measures no relation.
        return result.noting_missing_depth(job.frame.missing_depth, is_judged=self._segmenter.config.method == "full")

    def _stop_tracking(self) -> None:
        tracking, self._tracking = self._tracking, None
        if tracking is not None:
            tracking.stop()

    def _log_answer(self, job: Job, result: Result, seconds: float) -> None:
        summary = (f"box {box_to_list(result.box)}, score {result.score:.2f}, confidence {result.confidence:.2f}"
                   if result.found else f"not found: {printable(result.reason)}")
        text = f"{quote(job.command.text)}: {summary} ({seconds * 1000:.0f} ms)"
        if job.is_continuous:
            self._node.get_logger().info(text, throttle_duration_sec=LOG_INTERVAL_SECONDS)
        else:
            self._node.get_logger().info(text)
