"""The lifecycle node `ris`: parameters, services, commands and transitions."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from typing import TYPE_CHECKING, Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from std_msgs.msg import Header, String
from std_srvs.srv import SetBool, Trigger

from ris_ros.detection import describe_detector
from ris_ros.errors import InputError, MissingError, RisError, one_line, printable
from ris_ros.messages import check_interfaces, has_interfaces, image_converter
from ris_ros.node.camera_pipeline import CameraPipeline
from ris_ros.node.commands import QUEUE_DEPTH, Command, CommandError, check_command_text, parse_command, quote
from ris_ros.node.health import HealthMonitor, NodeSnapshot
from ris_ros.node.parameters import check_changes, declare_parameters, read_config
from ris_ros.node.target_frame import TargetFrame
from ris_ros.node.throttled_warnings import LibraryLogHandler, ThrottledWarnings, Trouble, with_anchor
from ris_ros.node.worker import MAX_WAITING_COMMANDS, WITHDRAWN, Worker
from ris_ros.serialization import query_to_dict, to_json
from ris_ros.utils.memory import large_imports, release_memory

if TYPE_CHECKING:
    from ris_ros.config import Config
    from ris_ros.node.find import FindServer
    from ris_ros.segmenter import ReferringSegmenter

    Transition = Callable[["RisNode", LifecycleState], TransitionCallbackReturn]

INTERRUPT_SECONDS = 0.1
"""How soon a signal is noticed while models load."""
PROGRESS_SECONDS = 10.0
"""Time between two lines that say that models still load."""
CANCEL_SECONDS = 1.0
"""How long deactivation waits for the current job to be cancelled."""


def _log_exceptions(transition: Transition) -> Transition:
    """Log why a transition raised: rclpy goes to the error state silently."""
    @functools.wraps(transition)
    def wrapped(self: RisNode, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(self, state)
        except Exception as error:
            self._log_error("transition-failed", f"{transition.__name__}: {one_line(error)}")
            raise
    return wrapped


def _load_from_config(config: Config) -> ReferringSegmenter:
    with large_imports():
        # Imported late, because this imports torch: a node that waits for its lifecycle manager starts at once.
        from ris_ros.segmenter import ReferringSegmenter
        from ris_ros.tracking import load_memory

    segmenter = ReferringSegmenter.from_config(config)
    if config.follow:
        load_memory(segmenter)  # So that a missing model is told now.
    return segmenter


class RisNode(LifecycleNode):
    """Answers commands on the newest images of its cameras.

    The callbacks of the executor only pass work on to a :class:`Worker`. Its thread alone receives images and uses the
    segmenters, and services respond while it computes.

    Parameters
    ----------
    load : creates a segmenter from a configuration; None for ReferringSegmenter.from_config
    kwargs : are passed to :class:`LifecycleNode`

    Attributes
    ----------
    config : configuration in use; None while unconfigured
    cameras : pipelines of the cameras by name; empty while unconfigured
    worker : answers the commands; has no cameras while unconfigured
    warnings : the warnings that hold now

    """

    def __init__(self, *, load: Callable[[Config], ReferringSegmenter] | None = None, **kwargs: Any) -> None:
        super().__init__("ris", **kwargs)
        declare_parameters(self)
        self.add_on_set_parameters_callback(self._on_parameters)
        self.config: Config | None = None
        self.cameras: dict[str, CameraPipeline] = {}
        self.worker = Worker({})
        self.warnings = ThrottledWarnings(self.get_logger().warning)
        self._load = load
        self._is_active = False
        self._device = self._arithmetic = ""
        self._failure = ""
        self._target: TargetFrame | None = None
        self._ris_services: list[Any] = []
        self._find_server: FindServer | None = None
        self._parser: Any = None
        self._command_subscriptions: list[Any] = []
        self._library_log = LibraryLogHandler(self.warnings.warn_permanently)
        self._health_monitor = HealthMonitor(self, self.warnings, self.snapshot, self._restart_worker)
        self._jump_callback = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True),
            post_callback=self._on_clock_jump)

    def autostart(self) -> None:
        """Configure and activate, unless the parameter of that name is false."""
        if not self.get_parameter("autostart").value:
            self.get_logger().info("unconfigured: waiting for lifecycle transitions")
        elif self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def snapshot(self) -> NodeSnapshot:
        """Return the state of the node; during a transition, the lifecycle state before it."""
        state = "active" if self._is_active else "unconfigured" if self.config is None else "inactive"
        return NodeSnapshot(state, self._failure, self.config, self._device, self._arithmetic, self.worker.waiting,
                            list(self.cameras.values()))

    # Lifecycle

    @_log_exceptions
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the models; on failure log why in one line and stay unconfigured."""
        started = time.perf_counter()
        try:
            self._library_log.attach()
            config = read_config(self)
            self._target = self._target_frame(config)
            image_converter()
            self._warn_of_other_interfaces()
            segmenter = self._load_segmenter(config)
        except Exception as error:  # Bad weights make torch, onnxruntime and open_clip raise nearly anything.
            self._failure = f"cannot configure: {one_line(error)}"
            self._log_error("cannot-configure", self._failure)
            self._free()
            return TransitionCallbackReturn.FAILURE
        self._failure = ""
        self.config = config
        self._device, self._arithmetic = segmenter.device, segmenter.arithmetic
        model_lock = threading.Lock()
        self.cameras = {name: CameraPipeline(self, name, segmenter.sibling(), config, self._target, self.warnings,
                                             model_lock) for name in config.cameras}
        self.worker = Worker(self.cameras, continuous=config.mode == "continuous", max_rate=config.max_rate)
        self._parser = getattr(segmenter, "parser", None)
        self._create_services()
        tracking = ", tracking by sam2" if config.follow and config.following.method == "sam2" else ""
        appearance, backend = config.matching.appearance, getattr(segmenter, "backend", "")
        self.get_logger().info(
            f"configured in {time.perf_counter() - started:.1f} s: {printable(config.proposals.model)} proposals"
            f"{backend and f' ({backend})'}, "
            f"{'no' if appearance == 'detector' else printable(config.encoder.model)} features ({self._arithmetic})"
            f"{tracking}, device {self._device}")
        if appearance != "clip":
            self.get_logger().info(f"detector.model {printable(describe_detector(config.detector))}")
        return super().on_configure(state)

    @_log_exceptions
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and start to work."""
        self._subscribe()
        self.worker.activate()
        self._is_active = True
        for camera in self.cameras.values():
            image, depth, _ = camera.topics
            self.get_logger().info(
                f"active: images from {image}, depth from {depth}, commands from "
                f"{' and '.join(subscription.topic_name for subscription in self._command_subscriptions)}")
        return super().on_activate(state)

    @_log_exceptions
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe, discard commands and frames, and free all memory but that of the models."""
        self._stop()
        if self.worker.wait_idle(CANCEL_SECONDS):
            for camera in self.cameras.values():
                camera.release_image()
            release_memory()
        else:
            self.get_logger().warning(with_anchor(
                "slow-cancel",
                f"the current job takes longer than {CANCEL_SECONDS:g} s to cancel; its result is not published"))
        return super().on_deactivate(state)

    @_log_exceptions
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the models once the current job has ended."""
        self.close()
        return super().on_cleanup(state)

    @_log_exceptions
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the models once the current job has ended."""
        self.close()
        return super().on_shutdown(state)

    @_log_exceptions
    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Return to unconfigured after a transition that raised."""
        self._failure = f"a transition from {state.label} failed; the node is unconfigured again"
        self._log_error("transition-failed", self._failure)
        self.close()
        # LifecycleNode's own callback is not called: close() has freed all that the failed transition left half done.
        return TransitionCallbackReturn.SUCCESS

    def close(self, timeout: float | None = None) -> bool:
        """Stop working and free everything that configure created.

        Returns
        -------
        Whether the current job, and the verification of a tracked object, have ended within `timeout` seconds; if not,
        nothing is freed.

        """
        self._stop()
        end = None if timeout is None else time.monotonic() + timeout
        # No variable here may hold a camera, or its models would not be freed below.
        if not self.worker.close(timeout) or not all(
                camera.wait_idle(None if end is None else max(0.0, end - time.monotonic()))
                for camera in self.cameras.values()):
            return False
        self._free()
        if self.context.ok():  # Otherwise the process ends, maybe in the middle of an import.
            release_memory(of_models=True)
        return True

    def _load_segmenter(self, config: Config) -> ReferringSegmenter:
        """Load the models on another thread, because nothing interrupts that.

        Raises
        ------
        KeyboardInterrupt
            When a signal has come: unlike other exceptions it passes through rclpy, which would log it as an error.

        """
        logger = self.get_logger()
        loading: Future[ReferringSegmenter] = Future()

        def run() -> None:
            try:
                loading.set_result((self._load or _load_from_config)(config))
            except BaseException as error:  # Raised where the result is read.
                loading.set_exception(error)

        logger.info(f"loading {printable(config.proposals.model)} proposals, "
                    f"{printable(config.encoder.model)} features and the language model "
                    f"{printable(config.language.model)}, device {config.device}")
        started = logged = time.monotonic()
        threading.Thread(target=run, name="ris-loading", daemon=True).start()
        while not wait([loading], INTERRUPT_SECONDS).done:
            if not self.context.ok():
                raise KeyboardInterrupt
            if (now := time.monotonic()) - logged > PROGRESS_SECONDS:
                logger.info(f"still loading models, for {now - started:.0f} s now")
                logged = now
        return loading.result()

    def _log_error(self, trouble: Trouble, text: str) -> None:
        if self.context.ok():  # After Ctrl-C nearly everything fails, and nobody needs to know.
            self.get_logger().error(with_anchor(trouble, text))

    def _target_frame(self, config: Config) -> TargetFrame | None:
        """Return the frame that objects are published in, the same listener as before if it has not changed."""
        if not config.target_frame:
            return None
        if self._target is not None and self._target.name == config.target_frame:
            return self._target
        return TargetFrame(self, config.target_frame)

    def _warn_of_other_interfaces(self) -> None:
        """Warn if there is no action and no typed answer though ris_interfaces is installed."""
        try:
            check_interfaces()
        except ImportError:
            pass  # It is optional.
        except MissingError as error:
            self.warnings.warn_permanently("other-interfaces", f"no ~/find, ~/answer and ~/parse: {error}")

    def _create_services(self) -> None:
        self._ris_services = [self.create_service(SetBool, "~/enable", self._on_enable),
                              self.create_service(Trigger, "~/segment", partial(self._on_segment, None))]
        self._ris_services += [self.create_service(Trigger, f"~/{name}/segment", partial(self._on_segment, name))
                               for name in self.cameras if name]
        if has_interfaces():
            from ris_interfaces.srv import Parse

            from ris_ros.node.find import FindServer

            self._ris_services.append(self.create_service(Parse, "~/parse", self._on_parse))
            self._find_server = FindServer(self, self.worker, self.cameras)

    def _subscribe(self) -> None:
        topics = {"command": None} | {f"{name}/command": name for name in self.cameras if name}
        self._command_subscriptions = [
            self.create_subscription(String, topic, partial(self._on_command, camera), QUEUE_DEPTH)
            for topic, camera in topics.items()]
        for camera in self.cameras.values():
            camera.open()

    def _stop(self) -> None:
        self._is_active = False
        self.worker.deactivate()
        if self._find_server is not None:
            self._find_server.abort_all("the node was deactivated")
        for subscription in self._command_subscriptions:
            self.destroy_subscription(subscription)
        self._command_subscriptions = []
        for camera in self.cameras.values():
            camera.close()

    def _free(self) -> None:
        if self._find_server is not None:
            self._find_server.close()
        for service in self._ris_services:
            self.destroy_service(service)
        for camera in self.cameras.values():
            camera.outputs.close()
        self._ris_services, self.cameras, self.worker, self.config = [], {}, Worker({}), None
        self._find_server, self._parser = None, None
        self._library_log.detach()
        self.warnings.clear()

    # Callbacks, on the executor's thread: they return quickly

    def _on_command(self, camera: str | None, message: String) -> None:
        try:
            command = parse_command(message.data)
        except CommandError as error:
            self.warnings.warn("command-ignored", str(error))
            for name in self.cameras if camera is None else [camera]:
                self._publish_rejection(str(error), error.command, name)
            return
        self.get_logger().info(f"command: {quote(command.text)}" if command.text
                               else "empty command: stopped, nothing is published until the next command")
        reason = WITHDRAWN
        for name, dropped in self.worker.put_command(command, camera):
            if command.text:
                reason = f"dropped: {MAX_WAITING_COMMANDS} later commands came before it was answered"
                self.warnings.warn("command-dropped", f"{quote(dropped.text)}: {reason}")
            self._publish_rejection(reason, dropped, name)

    def _publish_rejection(self, reason: str, command: Command, camera: str) -> None:
        self.cameras[camera].outputs.publish_failure(reason, Header(), command)

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self.worker.set_enabled(request.data)
        response.success = True
        response.message = "enabled" if request.data else "disabled"
        return response

    def _on_segment(self, camera: str | None, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        reason = self.worker.repeat_standing_command(camera)
        response.success = not reason
        response.message = reason or "the answer follows on ~/result"
        return response

    def _on_parse(self, request: Any, response: Any) -> Any:
        try:
            check_command_text(request.text)
            query = self._parser.parse(request.text)
        except InputError as error:
            response.message = str(error)
            return response
        response.success = True
        response.target_phrase, response.head = query.target_phrase, query.target.head
        response.query = to_json(query_to_dict(query))
        return response

    def _on_parameters(self, changes: list[Any]) -> SetParametersResult:
        try:
            values = check_changes(changes, self.config)
            if self.config is None or not values:
                return SetParametersResult(successful=True)
            config = self.config.replace(values)
            target = self._target_frame(config)
        except RisError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self.config, self._target = config, target
        self.worker.configure(continuous=config.mode == "continuous", max_rate=config.max_rate)
        for camera in self.cameras.values():
            camera.configure(config, target)
        return SetParametersResult(successful=True)

    def _restart_worker(self) -> None:
        if reason := self.worker.restart():
            self.warnings.warn("worker-restarted",
                               f"the thread that answers commands had ended and was started again: {reason}")

    def _on_clock_jump(self, _: Any) -> None:
        self.get_logger().info("the time jumped: earlier frames are discarded")
        for camera in self.cameras.values():
            camera.discard_frames()
