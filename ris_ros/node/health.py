"""Once a second: looks for what is wrong around the node, and tells how it does on /diagnostics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock, ClockType

from ris_ros.node import memory
from ris_ros.node.diagnostics import camera_status, status

if TYPE_CHECKING:
    from ris_ros.node.node import RisNode

PERIOD = 1.0  # seconds


class HealthMonitor:
    """Watches a node on the node's own executor, in every state."""

    def __init__(self, node: RisNode):
        self._node = node
        self._diagnostics = node.create_publisher(DiagnosticArray, "/diagnostics", 1)
        # By a clock that runs while simulated time stands still.
        node.create_timer(PERIOD, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _look(self) -> None:
        node = self._node
        who, name, namespace = node.get_fully_qualified_name(), node.get_name(), node.get_namespace()
        if node.get_node_names_and_namespaces().count((name, namespace)) > 1:
            node.notices.warn("name", f"another node is called {who} too, and calls of services and parameters reach "
                              "either: start one with -r __node:=ANOTHER_NAME")
        if node.get_parameter("use_sim_time").value and node.get_clock().now().nanoseconds == 0:
            node.notices.warn("time", "use_sim_time is set but no time comes on /clock: latencies are not known")
        cameras = [camera for camera in node.cameras.values() if camera.inputs is not None]
        for camera in cameras:
            camera.inputs.check()
        array = DiagnosticArray()
        array.header.stamp = node.get_clock().now().to_msg()
        who = who.lstrip("/")
        array.status = [self._node_status(f"{who}: node")]
        array.status += [camera_status(f"{who}: camera {camera.name}".rstrip(), camera.inputs, camera.statistics)
                         for camera in cameras]
        self._diagnostics.publish(array)

    def _node_status(self, name: str) -> DiagnosticStatus:
        node, config = self._node, self._node.config
        values = {"state": node.state}
        if config is not None:
            values |= {"mode": config.mode, "method": config.method, "device": node.device,
                       "proposals model": config.proposals.checkpoint or config.proposals.method,
                       "encoder model": f"{config.encoder.model} ({node.arithmetic})",
                       "language model": config.language.model, "commands waiting": str(node.worker.waiting)}
        values["memory [MB]"] = f"{memory.resident() / 1e6:.0f}"
        if (on_gpu := memory.on_gpu()) is not None:
            values["GPU memory [MB]"] = f"{on_gpu / 1e6:.0f}"
        warnings = node.notices.current()
        for camera in list(node.cameras.values())[:1]:  # The models are the same for all.
            warnings += [note for note in camera.notes if not any(note in warning for warning in warnings)]
        return status(name, node.state, values, warnings=warnings, error=node.failure)
