"""The lifecycle node: topics in, ReferringSegmenter, topics out."""

from __future__ import annotations

import ctypes
import functools
import gc
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType, JumpThreshold
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from std_msgs.msg import Header, String
from std_srvs.srv import SetBool, Trigger

from ris_ros.errors import RisError, one_line
from ris_ros.node import conversions, diagnostics, parameters
from ris_ros.node.answering import CameraWork
from ris_ros.node.commands import Command, CommandError, parse_command
from ris_ros.node.notices import THROTTLE, LibraryLog, Notices
from ris_ros.node.spatial import TargetFrame
from ris_ros.node.worker import COMMANDS_KEPT, Job, Worker
from ris_ros.report import box_to_list

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

    """

    def __init__(self, *, load: Callable[[Config], ReferringSegmenter] | None = None, **kwargs: Any) -> None:
        super().__init__("ris", **kwargs)
        parameters.declare(self)
        self.add_on_set_parameters_callback(self._on_parameters)
        self._load = load
        self._config: Config | None = None
        self._is_active = False
        self._device = ""
        self._target: TargetFrame | None = None
        self._failure = ""
        self._cameras: dict[str, CameraWork] = {}
        self._worker: Worker | None = None
        self._services_made: list[Any] = []
        self._commands: list[Any] = []
        self._notices = Notices(self.get_logger().warning)
        self._library_log = LibraryLog(self._notices.keep)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 1)
        # By a clock that runs while simulated time stands still.
        self.create_timer(1.0, self._on_second, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._jumps = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True),
            post_callback=self._on_clock_jump)

    def autostart(self) -> None:
        """Configure and activate, where the parameter of that name asks for it."""
        if not self.get_parameter("autostart").value:
            self.get_logger().info("unconfigured: waiting for lifecycle transitions")
        elif self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

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
            self._failure = f"cannot configure: {one_line(error)}"
            self.get_logger().error(self._failure)
            self._free()
            return TransitionCallbackReturn.FAILURE
        self._failure = ""
        self._config, self._device = config, str(segmenter.encoder.device)
        self._cameras = {name: CameraWork(self, name, segmenter.sibling(), self._notices) for name in config.cameras}
        self._worker = Worker(self._answer, self._on_failure, self._cameras, **_pace(config))
        self._create_services()
        self.get_logger().info(
            f"configured in {time.perf_counter() - started:.1f} s: {config.proposals.method} proposals, "
            f"{config.encoder.model} features ({config.encoder.dtype}), device {self._device}")
        return super().on_configure(state)

    @_logged
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and begin to work."""
        # Subscriptions live only while the node is active.
        self._subscribe()
        self._worker.activate()
        self._is_active = True
        for camera in self._cameras.values():
            image, depth, _ = camera.inputs.topics
            self.get_logger().info(f"active: images from {image}, depth from {depth}, commands from "
                                   f"{' and '.join(command.topic_name for command in self._commands)}")
        return super().on_activate(state)

    @_logged
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe, forget commands and frames, and free the device but for the models."""
        self._stop()
        if self._worker.wait_idle(GRACE):
            self._forget_images()
            _give_memory_back()
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
        self._failure = f"a transition from {state.label} failed; the node is unconfigured again"
        self.get_logger().error(self._failure)
        self.close()
        # Whatever of the managed entities the failed transition left half way is gone with close().
        return TransitionCallbackReturn.SUCCESS

    def close(self, timeout: float | None = None) -> bool:
        """Stop the work and free what configure made, if anything.

        False when the job at hand takes longer than `timeout` seconds; then nothing is freed.
        """
        self._stop()
        if self._worker is not None and not self._worker.close(timeout):
            return False
        self._free()
        _give_memory_back()
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
                                for name in self._cameras if name]

    def _subscribe(self) -> None:
        self._commands = [self.create_subscription(String, "command", partial(self._on_command, None), 10)]
        for name, camera in self._cameras.items():
            if name:
                self._commands.append(self.create_subscription(
                    String, f"{name}/command", partial(self._on_command, name), 10))
            camera.open(self._config)

    def _stop(self) -> None:
        self._is_active = False
        if self._worker is not None:
            self._worker.deactivate()
        for command in self._commands:
            self.destroy_subscription(command)
        self._commands = []
        for camera in self._cameras.values():
            camera.close()

    def _forget_images(self) -> None:
        for camera in self._cameras.values():
            camera.forget()

    def _free(self) -> None:
        for service in self._services_made:
            self.destroy_service(service)
        for camera in self._cameras.values():
            camera.outputs.close()
        self._services_made, self._cameras, self._worker, self._config = [], {}, None, None
        self._library_log.detach()
        self._notices.clear()

    # Callbacks: quick, on the executor's thread

    def _on_command(self, camera: str | None, message: String) -> None:
        try:
            command = parse_command(message.data)
        except CommandError as error:
            self._notices.warn("command", str(error))
            self._refuse(str(error), error.command, camera)
            return
        self.get_logger().info(f"command: {_quoted(command.text)}" if command.text
                               else "empty command: stopped, nothing is published until the next command")
        for name, forgotten in self._worker.put_command(command, camera):
            reason = f"forgotten: {COMMANDS_KEPT} later commands came before it was answered"
            self._notices.warn("forgotten", f"{_quoted(forgotten.text)}: {reason}")
            self._refuse(reason, forgotten, name)

    def _refuse(self, reason: str, command: Command, camera: str | None) -> None:
        for name in self._cameras if camera is None else [camera]:
            self._cameras[name].outputs.publish_failure(reason, Header(), command)

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._worker.set_enabled(request.data)
        response.success = True
        response.message = "enabled" if request.data else "disabled"
        return response

    def _on_segment(self, camera: str | None, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        reason = self._worker.repeat(camera)
        response.success = not reason
        response.message = reason or "the answer follows on ~/result"
        return response

    def _on_parameters(self, changes: list[Any]) -> SetParametersResult:
        try:
            values = parameters.accepted(changes, self._config)
            config = None if self._config is None else self._config.replace(values)
            if config is not None and config.target_frame != self._config.target_frame:
                self._target = self._target_frame(config)
        except RisError as error:
            return SetParametersResult(successful=False, reason=str(error))
        if config is not None and values:
            self._config = config
            self._worker.configure(**_pace(self._config))
            for camera in self._cameras.values():
                if camera.inputs is not None:
                    camera.inputs.configure(self._config)
        return SetParametersResult(successful=True)

    def _on_clock_jump(self, _: Any) -> None:
        self.get_logger().info("the time jumped: frames from before are forgotten")
        for camera in self._cameras.values():
            if camera.inputs is not None:
                camera.inputs.forget()

    def _on_second(self) -> None:
        self._look_around()
        for camera in self._cameras.values():
            if camera.inputs is not None:
                camera.inputs.check()
        self._diagnostics.publish(self._report())

    def _look_around(self) -> None:
        name, namespace = self.get_name(), self.get_namespace()
        if self.get_node_names_and_namespaces().count((name, namespace)) > 1:
            self._notices.warn("name", f"another node is called {self.get_fully_qualified_name()} too, and calls of "
                               "services and parameters reach either: start one with -r __node:=ANOTHER_NAME")
        if self.get_parameter("use_sim_time").value and self.get_clock().now().nanoseconds == 0:
            self._notices.warn("time", "use_sim_time is set but no time comes on /clock: latencies are not known")

    def _report(self) -> DiagnosticArray:
        who = self.get_fully_qualified_name().lstrip("/")
        config = self._config
        values = {"state": "active" if self._is_active else "unconfigured" if config is None else "inactive"}
        if config is not None:
            values |= {"mode": config.mode, "method": config.method, "device": self._device,
                       "proposals model": config.proposals.checkpoint or config.proposals.method,
                       "encoder model": f"{config.encoder.model} ({config.encoder.dtype})",
                       "language model": config.language.model, "commands waiting": str(self._worker.waiting)}
        warnings = self._notices.current()
        for camera in list(self._cameras.values())[:1]:  # The models are the same for all.
            warnings += [note for note in camera.notes if not any(note in warning for warning in warnings)]
        array = DiagnosticArray()
        array.header.stamp = self.get_clock().now().to_msg()
        array.status = [diagnostics.status(f"{who}: node", values["state"], values | diagnostics.memory(),
                                           warnings=warnings, error=self._failure)]
        array.status += [diagnostics.camera_status(f"{who}: camera {name}".rstrip(), camera.inputs, camera.statistics)
                         for name, camera in self._cameras.items() if camera.inputs is not None]
        return array

    # Work: slow, on the worker's thread

    def _answer(self, job: Job) -> None:
        result, seconds = self._cameras[job.camera].answer(job, self._config, self._target)
        text = f"{_quoted(job.command.text)}: {_outcome(result)} ({seconds * 1000:.0f} ms)"
        if job.follows:
            self.get_logger().info(text, throttle_duration_sec=THROTTLE)
        else:
            self.get_logger().info(text)

    def _on_failure(self, job: Job, error: Exception) -> None:
        # Between Ctrl-C and the end of the thread nothing can be published, and nobody needs to know.
        if not self.context.ok() or not self._worker.is_wanted(job):
            return
        reason = one_line(error)
        camera = self._cameras[job.camera]
        self.get_logger().error(f"{_quoted(job.command.text)}: {reason}", throttle_duration_sec=THROTTLE)
        camera.statistics.fail(reason)
        camera.outputs.publish_failure(reason, job.frame.header, job.command)


def _pace(config: Config) -> dict[str, Any]:
    return {"continuous": config.mode == "continuous", "max_rate": config.max_rate}


def _give_memory_back() -> None:
    gc.collect()
    if "torch" in sys.modules:
        sys.modules["torch"].cuda.empty_cache()
    # Freed memory stays with the allocator, and a robot's other nodes could use it.
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)


def _outcome(result: Result) -> str:
    return (f"box {box_to_list(result.box)}, score {result.score:.2f}, confidence {result.confidence:.2f}"
            if result.found else f"not found: {result.reason}")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
