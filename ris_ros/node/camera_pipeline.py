"""One camera of the node: its inputs, its outputs, and a segmenter with an image of its own."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from ris_ros.node.diagnostics import Statistics
from ris_ros.node.inputs import CameraInputs, Frame
from ris_ros.node.outputs import CameraOutputs
from ris_ros.node.tracking import Following
from ris_ros.utils.cancellation import check_cancelled

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecycleNode

    from ris_ros.config import Config
    from ris_ros.node.spatial import TargetFrame
    from ris_ros.node.warnings import ThrottledWarnings
    from ris_ros.node.worker import Job
    from ris_ros.segmenter import ReferringSegmenter
    from ris_ros.types import Result


class CameraPipeline:
    """Answers commands on the frames of one camera; a source of frames for the worker.

    The models behind the segmenters of all cameras are the same, and `models` is held by whoever uses them;
    :meth:`answer` is for the worker's thread alone.
    """

    def __init__(self, node: LifecycleNode, name: str, segmenter: ReferringSegmenter, notices: ThrottledWarnings,
                 models: threading.Lock):
        self.name = name
        self.outputs = CameraOutputs(node, name, notices)
        self.statistics = Statistics()
        self.inputs: CameraInputs | None = None
        self._node = node
        self._notices = notices
        self._segmenter = segmenter
        self._models = models
        self._following: Following | None = None
        self._encoded: Frame | None = None
        self._applied: Config | None = None
        self._told: str | None = None  # how the following went when it was published last
        self._number = 0  # of the frame that was answered last

    @property
    def notes(self) -> list[str]:
        """What the models do not do as they were asked to, such as run on the CPU instead of a GPU."""
        return self._segmenter.notes

    def open(self, config: Config) -> None:
        """Subscribe."""
        self.inputs = CameraInputs(self._node, self.name, config, self._notices)

    def close(self) -> None:
        """Unsubscribe."""
        inputs, self.inputs = self.inputs, None
        if inputs is not None:
            inputs.close()
        if (following := self._following) is not None:
            following.cancel()

    def newest(self) -> Frame | None:
        """The newest frame; None while there is none, and while unsubscribed."""
        inputs = self.inputs
        return inputs.newest() if inputs is not None else None

    def has_frame(self) -> bool:
        """Whether a frame has come."""
        inputs = self.inputs
        return inputs is not None and inputs.has_frame()

    def forget(self) -> None:
        """Let go of the image and its features; for when no job is at hand."""
        self._stop_following()
        self._segmenter = self._segmenter.sibling()
        self._encoded = self._applied = None

    def answer(self, job: Job, config: Config, target: TargetFrame | None) -> tuple[Result, float]:
        """Answer a job and publish it unless it was broken off; the result, and the seconds it took.

        `target` is the frame that objects are told in; None for the camera's.
        """
        started = time.perf_counter()
        if config is not self._applied:
            self._segmenter.update(config)
            self._applied, self._encoded = config, None
        follows = config.follow and config.mode == "continuous"
        result = self._following.answer(job.frame.image) if job.follows and follows and self._following else None
        if result is None:
            self._stop_following()
            with self._models:
                result = self._found(job)
                if follows and len(result.instances) == 1:
                    self._following = Following(self._segmenter, result, job.frame.image, self._models)
        following = self._following and self._following.state
        if following in ("lost", "regained") and following != self._told:
            self._node.get_logger().info(f"{following}: {job.command.text!r} {result.reason}".rstrip())
        self._told = following
        check_cancelled()
        told = self.outputs.publish(result, job.frame, job.command, target, following=following)
        seconds = time.perf_counter() - started
        dropped = max(0, job.frame.number - self._number - 1) if job.follows and self._number else 0
        self._number = job.frame.number
        self.statistics.add({**result.timings, "total": seconds, **told}, dropped)
        return result, seconds

    def _found(self, job: Job) -> Result:
        if job.frame is not self._encoded:
            self._encoded = None
            self._segmenter.set_image(job.frame.image, depth=job.frame.depth)
            self._encoded = job.frame
        return self._segmenter.query(job.command.text)

    def _stop_following(self) -> None:
        following, self._following = self._following, None
        if following is not None:
            following.stop()
