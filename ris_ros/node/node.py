"""The lifecycle node: topics in, ReferringSegmenter, topics out."""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from std_msgs.msg import Header, String
from std_srvs.srv import SetBool, Trigger

from ris_ros.errors import RisError, one_line
from ris_ros.node import conversions, memory, parameters
from ris_ros.node.camera_pipeline import CameraPipeline
from ris_ros.node.commands import Command, CommandError, parse_command
from ris_ros.node.health import HealthMonitor
from ris_ros.node.spatial import TargetFrame
from ris_ros.node.warnings import THROTTLE, LibraryLog, ThrottledWarnings
from ris_ros.node.worker import COMMANDS_KEPT, Job, Worker
from ris_ros.utils.masks import box_to_list

if TYPE_CHECKING:
    from ris_ros.config import Config
    from ris_ros.segmenter import ReferringSegmenter
    from ris_ros.types import Result

# Seconds that deactivation waits for the job at hand to be broken off.
GRACE = 1.0


def _logged(transition: Callable) -> Callable:
    """Say why a transition raised: rclpy goes to the error state without a word."""
    @functools.wraps(transition)
    def wrapped(self: RisNode, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(self, state)
        except Exception as error:
            self.get_logger().error(f"{transition.__name__}: {one_line(error)}")
            raise
    return wrapped


class RisNode(LifecycleNode):
    """Answers the standing commands on the newest camera frames.

    Callbacks only hand things to a :class:`Worker`, whose thread alone receives images and touches the segmenters, so
    that services answer while it computes.

    Parameters
    ----------
    load : makes a segmenter from a configuration; None for ReferringSegmenter.from_config

    Attributes
    ----------
    config : the configuration at work; None while unconfigured
    cameras : by name; none while unconfigured
    worker : takes commands; None while unconfigured
    notices : takes warnings
    device : that the models are on
    failure : why the last transition failed; empty when it did not

    """

    def __init__(self, *, load: Callable[[Config], ReferringSegmenter] | None = None, **kwargs: Any) -> None:
        super().__init__("ris", **kwargs)
        parameters.declare(self)
        self.add_on_set_parameters_callback(self._on_parameters)
        self._load = load
        self.config: Config | None = None
        self._is_active = False
        self.device = self.arithmetic = ""
        self._target: TargetFrame | None = None
        self.failure = ""
        self.cameras: dict[str, CameraPipeline] = {}
        self.worker: Worker | None = None
        self._services_made: list[Any] = []
        self._commands: list[Any] = []
        self.notices = ThrottledWarnings(self.get_logger().warning)
        self._library_log = LibraryLog(self.notices.keep)
        self._watch = HealthMonitor(self)
        self._jumps = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True),
            post_callback=self._on_clock_jump)

    def autostart(self) -> None:
        """Configure and activate, where the parameter of that name asks for it."""
        if not self.get_parameter("autostart").value:
            self.get_logger().info("unconfigured: waiting for lifecycle transitions")
        elif self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    @property
    def state(self) -> str:
        """The lifecycle state; transitions count for the state that they come from."""
        return "active" if self._is_active else "unconfigured" if self.config is None else "inactive"

    # Lifecycle

    @_logged
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the models; on failure say why in one line and stay unconfigured."""
        started = time.perf_counter()
        try:
            self._library_log.attach()
            config = parameters.read(self)
            self._target = self._target_frame(config)
            conversions.image_converter()
            segmenter = self._loaded(config)
        except Exception as error:  # Bad weights make torch, onnxruntime and open_clip raise nearly anything.
            self.failure = f"cannot configure: {one_line(error)}"
            self.get_logger().error(self.failure)
            self._free()
            return TransitionCallbackReturn.FAILURE
        self.failure = ""
        self.config, self.device = config, str(segmenter.encoder.device)
        self.arithmetic = segmenter.encoder.arithmetic
        models = threading.Lock()
        self.cameras = {name: CameraPipeline(self, name, segmenter.sibling(), self.notices, models)
                        for name in config.cameras}
        self.worker = Worker(self._answer, self._on_failure, self.cameras, **_pace(config))
        self._create_services()
        self.get_logger().info(
            f"configured in {time.perf_counter() - started:.1f} s: {config.proposals.method} proposals, "
            f"{config.encoder.model} features ({self.arithmetic}), device {self.device}")
        return super().on_configure(state)

    @_logged
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and begin to work."""
        # Subscriptions live only while the node is active.
        self._subscribe()
        self.worker.activate()
        self._is_active = True
        for camera in self.cameras.values():
            image, depth, _ = camera.inputs.topics
            self.get_logger().info(f"active: images from {image}, depth from {depth}, commands from "
                                   f"{' and '.join(command.topic_name for command in self._commands)}")
        return super().on_activate(state)

    @_logged
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe, forget commands and frames, and free the device but for the models."""
        self._stop()
        if self.worker.wait_idle(GRACE):
            self._forget_images()
            memory.give_back()
        else:
            self.get_logger().warning(f"the job at hand takes longer than {GRACE:g} s to break off; it is not answered")
        return super().on_deactivate(state)

    @_logged
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the models, once the job at hand is done."""
        self.close()
        return super().on_cleanup(state)

    @_logged
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop for good."""
        self.close()
        return super().on_shutdown(state)

    @_logged
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go back to unconfigured after a transition that raised."""
        self.failure = f"a transition from {state.label} failed; the node is unconfigured again"
        self.get_logger().error(self.failure)
        self.close()
        # Whatever of the managed entities the failed transition left half way is gone with close().
        return TransitionCallbackReturn.SUCCESS

    def close(self, timeout: float | None = None) -> bool:
        """Stop the work and free what configure made, if anything.

        False when the job at hand takes longer than `timeout` seconds; then nothing is freed.
        """
        self._stop()
        if self.worker is not None and not self.worker.close(timeout):
            return False
        self._free()
        memory.give_back()
        return True

    def _loaded(self, config: Config) -> ReferringSegmenter:
        if self._load is not None:
            return self._load(config)
        # Late, because this imports torch: a node that waits for its lifecycle manager is there at once.
        from ris_ros.segmenter import ReferringSegmenter

        return ReferringSegmenter.from_config(config)

    def _target_frame(self, config: Config) -> TargetFrame | None:
        if not config.target_frame:
            return None
        is_known = self._target is not None and self._target.name == config.target_frame
        return self._target if is_known else TargetFrame(self, config.target_frame)

    def _create_services(self) -> None:
        self._services_made = [self.create_service(SetBool, "~/enable", self._on_enable),
                               self.create_service(Trigger, "~/segment", partial(self._on_segment, None))]
        self._services_made += [self.create_service(Trigger, f"~/{name}/segment", partial(self._on_segment, name))
                                for name in self.cameras if name]

    def _subscribe(self) -> None:
        self._commands = [self.create_subscription(String, "command", partial(self._on_command, None), 10)]
        for name, camera in self.cameras.items():
            if name:
                self._commands.append(self.create_subscription(
                    String, f"{name}/command", partial(self._on_command, name), 10))
            camera.open(self.config)

    def _stop(self) -> None:
        self._is_active = False
        if self.worker is not None:
            self.worker.deactivate()
        for command in self._commands:
            self.destroy_subscription(command)
        self._commands = []
        for camera in self.cameras.values():
            camera.close()

    def _forget_images(self) -> None:
        for camera in self.cameras.values():
            camera.forget()

    def _free(self) -> None:
        for service in self._services_made:
            self.destroy_service(service)
        for camera in self.cameras.values():
            camera.outputs.close()
        self._services_made, self.cameras, self.worker, self.config = [], {}, None, None
        self._library_log.detach()
        self.notices.clear()

    # Callbacks: quick, on the executor's thread

    def _on_command(self, camera: str | None, message: String) -> None:
        try:
            command = parse_command(message.data)
        except CommandError as error:
            self.notices.warn("command", str(error))
            self._refuse(str(error), error.command, camera)
            return
        self.get_logger().info(f"command: {_quoted(command.text)}" if command.text
                               else "empty command: stopped, nothing is published until the next command")
        for name, forgotten in self.worker.put_command(command, camera):
            reason = f"forgotten: {COMMANDS_KEPT} later commands came before it was answered"
            self.notices.warn("forgotten", f"{_quoted(forgotten.text)}: {reason}")
            self._refuse(reason, forgotten, name)

    def _refuse(self, reason: str, command: Command, camera: str | None) -> None:
        for name in self.cameras if camera is None else [camera]:
            self.cameras[name].outputs.publish_failure(reason, Header(), command)

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self.worker.set_enabled(request.data)
        response.success = True
        response.message = "enabled" if request.data else "disabled"
        return response

    def _on_segment(self, camera: str | None, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        reason = self.worker.repeat(camera)
        response.success = not reason
        response.message = reason or "the answer follows on ~/result"
        return response

    def _on_parameters(self, changes: list[Any]) -> SetParametersResult:
        try:
            values = parameters.accepted(changes, self.config)
            config = None if self.config is None else self.config.replace(values)
            if config is not None and config.target_frame != self.config.target_frame:
                self._target = self._target_frame(config)
        except RisError as error:
            return SetParametersResult(successful=False, reason=str(error))
        if config is not None and values:
            self.config = config
            self.worker.configure(**_pace(self.config))
            for camera in self.cameras.values():
                if camera.inputs is not None:
                    camera.inputs.configure(self.config)
        return SetParametersResult(successful=True)

    def _on_clock_jump(self, _: Any) -> None:
        self.get_logger().info("the time jumped: frames from before are forgotten")
        for camera in self.cameras.values():
            if camera.inputs is not None:
                camera.inputs.forget()

    # Work: slow, on the worker's thread

    def _answer(self, job: Job) -> None:
        result, seconds = self.cameras[job.camera].answer(job, self.config, self._target)
        text = f"{_quoted(job.command.text)}: {_outcome(result)} ({seconds * 1000:.0f} ms)"
        if job.follows:
            self.get_logger().info(text, throttle_duration_sec=THROTTLE)
        else:
            self.get_logger().info(text)

    def _on_failure(self, job: Job, error: Exception) -> None:
        # Between Ctrl-C and the end of the thread nothing can be published, and nobody needs to know.
        if not self.context.ok() or not self.worker.is_wanted(job):
            return
        reason = one_line(error)
        camera = self.cameras[job.camera]
        self.get_logger().error(f"{_quoted(job.command.text)}: {reason}", throttle_duration_sec=THROTTLE)
        camera.statistics.fail(reason)
        camera.outputs.publish_failure(reason, job.frame.header, job.command)


def _pace(config: Config) -> dict[str, Any]:
    return {"continuous": config.mode == "continuous", "max_rate": config.max_rate}


def _outcome(result: Result) -> str:
    return (f"box {box_to_list(result.box)}, score {result.score:.2f}, confidence {result.confidence:.2f}"
            if result.found else f"not found: {result.reason}")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
