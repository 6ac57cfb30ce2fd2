"""What the node publishes about itself on /diagnostics, with a fake segmenter."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticStatus

IMAGE = np.zeros((48, 64, 3), np.uint8)
IMAGE[:, :32] = 200


@pytest.fixture
def robot(robot, node):
    node.node.warnings.clear()  # Every warning counts as new.
    yield robot
    node.gate.set()


def test_a_failed_job_is_answered_and_shown_until_the_next_success(robot):
    robot.send_image(IMAGE)
    robot.send_command('{"id": 9, "text": "break"}')
    result = robot.answer("break")
    assert (result["found"], result["id"], result["reason"]) == (False, 9, "ValueError: broken for the test")
    assert (result["note"], result["calibrated"]) == ("", False)
    status, values = robot.status("camera", lambda status, _: status.level == DiagnosticStatus.ERROR)
    assert values["last error"] == status.message == "ValueError: broken for the test"
    robot.send_command("the cup")
    assert robot.answer("the cup")["found"]
    robot.status("camera", lambda status, _: status.level == DiagnosticStatus.OK)


def test_the_diagnostics_describe_node_and_camera(robot):
    robot.status("ris: node")
    seconds = count(1)

    def has_rate(_, values):
        """Send images until a status has their rate, which is zero again soon after the last of them."""
        robot.send_image(IMAGE, (next(seconds), 0))
        robot.wait(0.3)
        return 1 < float(values["image rate [Hz]"]) < 6
    robot.status("camera", has_rate)
    robot.send_command("the cup")
    robot.answer("the cup")
    status, values = robot.status("camera", lambda _, values: "total p50, p95 [ms]" in values)
    assert status.name == "ris: camera"
    assert values["image topic"] == "/image"
    assert values["image size"] == "64 x 48"
    assert int(values["answers"]) >= 1
    median, high = map(float, values["total p50, p95 [ms]"].split(", "))
    assert 0 <= median <= high
    status, values = robot.status("ris: node", lambda status, _: status.level == DiagnosticStatus.OK)
    assert (values["state"], values["device"], values["encoder model"]) == ("active", "fake", "bundled (float32)")
    assert values["confidence calibrated by"] == "labels"
    assert float(values["memory [MB]"]) > 10


def test_notes_of_the_models_are_warnings_in_the_diagnostics(robot, node):
    node.node.cameras[""]._segmenter.notes.append("MobileSAM runs on the CPU")
    status, _ = robot.status("ris: node", lambda status, _: status.level == DiagnosticStatus.WARN)
    assert "MobileSAM runs on the CPU" in status.message


def test_two_nodes_with_one_name_are_warned_of(robot, local_node):
    other = local_node({"autostart": False})
    robot.log("another node is called /ris too.*-r __node:=", 20)
    other.close()
