"""Health monitoring: once a second, check the node's surroundings and publish its state on /diagnostics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined]  # Humble has it nowhere else.

from ris_ros.node.diagnostics import make_status
from ris_ros.utils.memory import gpu_memory, resident_memory

if TYPE_CHECKING:
    from rclpy.node import Node

    from ris_ros.config import Config
    from ris_ros.node.camera_pipeline import CameraPipeline
    from ris_ros.node.throttled_warnings import ThrottledWarnings

PERIOD_SECONDS = 1.0
"""Time between two checks."""


@dataclass(frozen=True, eq=False)
class NodeSnapshot:
    """The state of the node at one moment.

    Attributes
    ----------
    state : lifecycle state
    failure : why the last transition failed; empty when it succeeded
    config : configuration in use; None while unconfigured
    device : device that the models are on
    arithmetic : data type in which the encoder computes
    waiting_commands : commands that have not been answered yet
    cameras : pipelines of all cameras; none while unconfigured

    """

    state: str
    failure: str
    config: Config | None
    device: str
    arithmetic: str
    waiting_commands: int
    cameras: Sequence[CameraPipeline]


class HealthMonitor:
    """Monitors a node on the node's own executor, in every lifecycle state.

    Parameters
    ----------
    node : creates the publisher and the timer
    warnings : takes new warnings, and knows which hold
    take_snapshot : returns the state of the node
    supervise : is called before each check

    """

    def __init__(self, node: Node, warnings: ThrottledWarnings, take_snapshot: Callable[[], NodeSnapshot],
                 supervise: Callable[[], None]):
        self._node = node
        self._warnings = warnings
        self._take_snapshot = take_snapshot
        self._supervise = supervise
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 1)
        # The steady clock goes on while simulated time stands still.
        node.create_timer(PERIOD_SECONDS, self._check, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _check(self) -> None:
        self._supervise()
        self._check_surroundings()
        snapshot = self._take_snapshot()
        name = self._node.get_fully_qualified_name().lstrip("/")
        # The cameras come first, because checking them may raise warnings, which the node's status lists.
        cameras = [status for camera in snapshot.cameras if (status := camera.check(name)) is not None]
        array = DiagnosticArray()
        array.status = [self._node_status(f"{name}: node", snapshot), *cameras]
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)

    def _check_surroundings(self) -> None:
        node = self._node
        name = node.get_name(), node.get_namespace()
        if node.get_node_names_and_namespaces().count(name) > 1:
            self._warnings.warn("same-name", f"another node is called {node.get_fully_qualified_name()} too, and "
                                "service and parameter calls may reach either: start one with -r __node:=ANOTHER_NAME")
        if node.get_parameter("use_sim_time").value and node.get_clock().now().nanoseconds == 0:
            self._warnings.warn("no-clock", "use_sim_time is set but no time comes on /clock: latencies are unknown")

    def _node_status(self, name: str, snapshot: NodeSnapshot) -> DiagnosticStatus:
        values = {"state": snapshot.state}
        if (config := snapshot.config) is not None:
            values |= {"mode": config.mode, "method": config.method, "device": snapshot.device,
                       "proposals model": config.proposals.model,
                       "encoder model": f"{config.encoder.model} ({snapshot.arithmetic})",
                       "language model": config.language.model, "commands waiting": str(snapshot.waiting_commands)}
            if config.matching.appearance != "clip":
                values["detector model"] = config.detector.model
            if config.matching.appearance == "detector":
                values["encoder model"] = "none"
        values["memory [MB]"] = f"{resident_memory() / 1e6:.0f}"
        if (on_gpu := gpu_memory()) is not None:
            values["GPU memory [MB]"] = f"{on_gpu / 1e6:.0f}"
        warnings = self._warnings.current()
        for camera in snapshot.cameras[:1]:  # All cameras share the same models.
            values["confidence calibrated by"] = camera.calibrated_by
            warnings += [note for note in camera.notes if not any(note in warning for warning in warnings)]
        return make_status(name, snapshot.state, values, warnings=warnings, error=snapshot.failure)
