"""The lifecycle node: topics in, ReferringSegmenter, topics out."""

from __future__ import annotations

import gc
import json
import time
from typing import TYPE_CHECKING, Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image, RegionOfInterest
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from ris_ros.device import resolve_device
from ris_ros.drawing import draw_result
from ris_ros.errors import InputError, RisError
from ris_ros.node import conversions, parameters
from ris_ros.node.worker import Job, Worker
from ris_ros.report import box_to_list, result_to_dict

try:
    from vision_msgs.msg import Detection2DArray
except ImportError:
    Detection2DArray = None

if TYPE_CHECKING:
    import numpy as np
    from std_msgs.msg import Header

    from ris_ros.config import Config
    from ris_ros.segmenter import ReferringSegmenter
    from ris_ros.types import Result

# Seconds between repeated warnings about frames that cannot be used.
THROTTLE = 5.0


class RisNode(LifecycleNode):
    """Answers the standing command on the newest camera frame.

    Callbacks only hand things to a :class:`Worker`, whose thread alone touches the segmenter, so that services
    answer while it computes.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("ris", **kwargs)
        parameters.declare(self)
        self.add_on_set_parameters_callback(self._on_parameters)
        self._config: Config | None = None

    def autostart(self) -> None:
        """Configure and activate, where the parameter of that name asks for it."""
        if not self.get_parameter("autostart").value:
            self.get_logger().info("unconfigured: waiting for lifecycle transitions")
        elif self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    # Lifecycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the models; on failure say why in one line and stay unconfigured."""
        started = time.perf_counter()
        try:
            config = parameters.read(self)
            conversions.image_converter()
            # Late, because this imports torch: a node that waits for its lifecycle manager is there at once.
            from ris_ros.segmenter import ReferringSegmenter

            self._segmenter: ReferringSegmenter = ReferringSegmenter.from_config(config)
        except Exception as error:  # Bad weights make torch, onnxruntime and open_clip raise nearly anything.
            self.get_logger().error(f"cannot configure: {_one_line(error)}")
            return TransitionCallbackReturn.FAILURE
        self._config = self._applied = config
        self._encoded: Any = None
        self._picture: np.ndarray | None = None
        self._worker = Worker(self._answer, self._on_failure, continuous=config.mode == "continuous")
        self._create_interfaces()
        self.get_logger().info(
            f"configured in {time.perf_counter() - started:.1f} s: {config.proposals.method} proposals, "
            f"{config.encoder.model} features ({config.encoder.dtype}), device {resolve_device(config.device)}")
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and begin to work."""
        # Subscriptions live only while the node is active: frames cost their deserialisation even when they are unused.
        command = self.create_subscription(String, "command", self._on_command, 10)
        image_qos = QoSProfile(depth=1, reliability=(
            ReliabilityPolicy.RELIABLE if self._config.image_reliability == "reliable"
            else ReliabilityPolicy.BEST_EFFORT))
        if self._config.image_transport == "compressed":
            # As image_transport does: the base topic's remapping carries over.
            topic, image_type = f"{self.resolve_topic_name('image')}/compressed", CompressedImage
        else:
            topic, image_type = "image", Image
        image = self.create_subscription(image_type, topic, self._on_image, image_qos)
        self._inputs = [command, image]
        self._worker.activate()
        self.get_logger().info(f"active: images from {image.topic_name}, commands from {command.topic_name}")
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe, and forget commands and frame."""
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the models, once the job at hand is done."""
        self.close()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop for good."""
        self.close()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go back to unconfigured after a transition that raised."""
        self.get_logger().error(f"transition from {state.label} failed; the node is unconfigured again")
        self.close()
        return super().on_error(state)

    def close(self, timeout: float | None = None) -> bool:
        """Stop the work and free what configure made, if anything.

        False when the job at hand takes longer than `timeout` seconds; then nothing is freed.
        """
        if self._config is None:
            return True
        self._stop()
        if not self._worker.close(timeout):
            return False
        self._free()
        return True

    def _create_interfaces(self) -> None:
        outputs = {"mask": Image, "roi": RegionOfInterest, "overlay": Image, "candidates": Image}
        if Detection2DArray is not None:
            outputs["box"] = Detection2DArray
        self._outputs = {name: self.create_lifecycle_publisher(message_type, f"~/{name}", 1)
                         for name, message_type in outputs.items()}
        self._outputs["result"] = self.create_lifecycle_publisher(String, "~/result", 10)
        self._services_made = [self.create_service(SetBool, "~/enable", self._on_enable),
                               self.create_service(Trigger, "~/segment", self._on_segment)]
        self._inputs: list[Any] = []

    def _stop(self) -> None:
        self._worker.deactivate()
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        self._inputs = []

    def _free(self) -> None:
        for service in self._services_made:
            self.destroy_service(service)
        for publisher in self._outputs.values():
            self.destroy_lifecycle_publisher(publisher)
        self._config = self._applied = self._encoded = self._picture = None
        del self._segmenter

        import torch

        gc.collect()
        torch.cuda.empty_cache()

    # Callbacks: quick, on the executor's thread

    def _on_image(self, message: Image | CompressedImage) -> None:
        try:
            conversions.check_image(message)
        except InputError as error:
            self.get_logger().warning(f"frame ignored: {error}", throttle_duration_sec=THROTTLE)
        else:
            self._worker.put_frame(message)

    def _on_command(self, message: String) -> None:
        text = message.data.strip()
        self.get_logger().info(f"command: {json.dumps(text, ensure_ascii=False)}" if text
                               else "empty command: stopped, nothing is published until the next command")
        self._worker.put_command(text)

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._worker.set_enabled(request.data)
        response.success = True
        response.message = "enabled" if request.data else "disabled"
        return response

    def _on_segment(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        reason = self._worker.repeat()
        response.success = not reason
        response.message = reason or "the answer follows on ~/result"
        return response

    def _on_parameters(self, changes: list[Any]) -> SetParametersResult:
        try:
            values = parameters.accepted(changes, self._config)
        except InputError as error:
            return SetParametersResult(successful=False, reason=str(error))
        if self._config is not None and values:
            self._config = self._config.replace(values)
            self._worker.set_continuous(self._config.mode == "continuous")
        return SetParametersResult(successful=True)

    # Work: slow, on the worker's thread

    def _answer(self, job: Job) -> None:
        started = time.perf_counter()
        config = self._config
        if config is not self._applied:
            self._segmenter.update(config)
            if config.proposals != self._applied.proposals:
                self._encoded = None
            self._applied = config
        if job.frame is not self._encoded:
            try:
                picture = conversions.to_rgb(job.frame)
            except InputError as error:
                self.get_logger().warning(f"frame ignored: {error}", throttle_duration_sec=THROTTLE)
                self._worker.return_job(job)
                return
            self._encoded = None
            self._segmenter.set_image(picture)
            self._encoded, self._picture = job.frame, picture
        result = self._segmenter.query(job.text)
        if self._worker.is_wanted(job):
            self._publish(result, job.frame.header)
            self._log_answer(job.text, result, time.perf_counter() - started)

    def _publish(self, result: Result, header: Header) -> None:
        outputs = self._outputs
        outputs["mask"].publish(conversions.to_mask_image(result.mask, header))
        outputs["roi"].publish(conversions.to_roi(result))
        if "box" in outputs:
            outputs["box"].publish(conversions.to_detections(result, header))
        if outputs["overlay"].get_subscription_count():
            outputs["overlay"].publish(conversions.to_image(draw_result(self._picture, result), "rgb8", header))
        if outputs["candidates"].get_subscription_count():
            outputs["candidates"].publish(
                conversions.to_candidates_image(result.candidates, result.mask.shape, header))
        # Last, so that whoever waits for the answer has the mask already.
        self._publish_report(result_to_dict(result), header)

    def _publish_report(self, report: dict[str, Any], header: Header) -> None:
        stamp = {"sec": header.stamp.sec, "nanosec": header.stamp.nanosec}
        self._outputs["result"].publish(String(data=json.dumps(
            {**report, "stamp": stamp, "frame_id": header.frame_id}, ensure_ascii=False)))

    def _log_answer(self, text: str, result: Result, seconds: float) -> None:
        outcome = (f"box {box_to_list(result.box)}, score {result.score:.2f}, "
                   f"confidence {result.confidence:.2f}" if result.found else f"not found: {result.reason}")
        self.get_logger().info(f"{json.dumps(text, ensure_ascii=False)}: {outcome} ({seconds * 1000:.0f} ms)")

    def _on_failure(self, job: Job, error: Exception) -> None:
        # Between Ctrl-C and the end of the thread nothing can be published, and nobody needs to know.
        if not self.context.ok() or not self._worker.is_wanted(job):
            return
        reason = _one_line(error)
        self.get_logger().error(f"{json.dumps(job.text, ensure_ascii=False)}: {reason}")
        self._publish_report({"text": job.text, "found": False, "box": None, "score": 0.0, "confidence": 0.0,
                              "candidates": [], "timings": {}, "reason": reason}, job.frame.header)


def _one_line(error: Exception) -> str:
    """An error as one line; the type is named where the message was not written for users."""
    text = " ".join(str(error).split())
    return text if isinstance(error, RisError) else f"{type(error).__name__}: {text}"
