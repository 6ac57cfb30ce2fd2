"""The node in a process of its own, with real models. Every test leaves it active, in mode on_command, without work."""

import signal
import time

import numpy as np
import psutil
import pytest

pytest.importorskip("rclpy")

from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

TEXT = "the cup of coffee"


@pytest.fixture(scope="module")
def node(start_node):
    node = start_node()
    node.log("active: ")
    return node


@pytest.fixture
def robot(_robot, node):
    _robot.clear()
    yield _robot
    if node.process.poll() is None:
        _robot.restart()


def pixels(message):
    dtype = np.uint16 if message.encoding == "mono16" else np.uint8
    values = np.frombuffer(message.data, dtype)
    return values.reshape(message.height, message.width, -1).squeeze()


def test_an_answer_belongs_to_its_frame(robot, node, photograph):
    robot.send_image(photograph, (12, 345))
    robot.send_command(TEXT)
    result = robot.answer(TEXT)
    assert result["found"] is True
    assert result["stamp"] == {"sec": 12, "nanosec": 345}
    assert result["frame_id"] == "camera_optical"
    assert 0 <= result["score"] <= 1
    assert 0 <= result["confidence"] <= 1
    assert result["candidates"][0]["box"] == result["box"]
    assert {"proposals", "visual", "text"} <= set(result["timings"])

    mask = robot.matching("mask", (12, 345))
    assert (mask.encoding, mask.height, mask.width) == ("mono8", 213, 320)
    assert mask.header.frame_id == "camera_optical"
    values = pixels(mask)
    assert set(np.unique(values)) == {0, 255}
    x1, y1, x2, y2 = result["box"]
    rows, columns = np.nonzero(values)
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (x1, y1, x2, y2)
    roi = robot.received["roi"][-1]
    assert (roi.x_offset, roi.y_offset, roi.width, roi.height) == (x1, y1, x2 - x1, y2 - y1)
    assert node.log(rf'"{TEXT}": box \[{x1}, {y1}, {x2}, {y2}\], score .* ms', 5)


def test_a_second_command_reuses_the_encoded_frame(robot, photograph):
    robot.send_image(photograph)
    robot.send_command(TEXT)
    robot.answer(TEXT)
    robot.send_command("the spoon")
    timings = robot.answer("the spoon")["timings"]
    assert "text" in timings
    assert not {"proposals", "visual"} & set(timings)


def test_overlay_and_candidates_are_published_for_subscribers(robot, photograph):
    robot.listen("overlay", Image)
    robot.listen("candidates", Image)
    robot.connect()
    robot.send_image(photograph, (90, 0))
    robot.send_command(TEXT)
    result = robot.answer(TEXT)
    overlay = robot.matching("overlay", (90, 0))
    assert overlay.encoding == "rgb8"
    mask = pixels(robot.matching("mask", (90, 0))) > 0
    changed = (pixels(overlay) != photograph).any(axis=2)
    assert changed[mask].mean() > 0.9
    ranks = pixels(robot.matching("candidates", (90, 0)))
    np.testing.assert_array_equal(ranks == 1, mask)
    assert ranks.max() <= len(result["candidates"])
    robot.unlisten("overlay")
    robot.unlisten("candidates")


def test_a_live_parameter_affects_the_next_answer(robot, photograph):
    robot.send_image(photograph)
    robot.send_command(TEXT)
    assert len(robot.answer(TEXT)["candidates"]) > 1
    assert robot.set("matching.max_candidates", 1).successful
    robot.clear()
    assert robot.call(Trigger, "ris/segment").success
    assert len(robot.answer(TEXT)["candidates"]) == 1
    assert robot.set("matching.max_candidates", 5).successful


def test_the_lifecycle_can_go_on_after_a_failed_transition(robot, node, photograph):
    def memory():
        return psutil.Process(node.process.pid).memory_info().rss

    assert robot.change_state("deactivate")
    before = memory()
    assert robot.change_state("cleanup")
    assert robot.state() == "unconfigured"
    assert before - memory() > 50e6, "the models' memory is freed"
    assert robot.set("encoder.model", "no-such-model/at-all").successful
    assert not robot.change_state("configure")
    assert robot.state() == "unconfigured"
    assert node.log("cannot configure: .*no-such-model", 5)
    assert robot.set("encoder.model", "bundled").successful
    assert robot.change_state("configure")
    assert robot.state() == "inactive"
    assert robot.change_state("activate")
    robot.connect()
    robot.send_image(photograph)
    robot.send_command(TEXT)
    assert robot.answer(TEXT)["found"]


def test_the_node_ends_cleanly_during_a_job_and_without_tracebacks(robot, node, photograph):
    robot.send_image(photograph[::-1])
    robot.send_command(TEXT)
    time.sleep(0.3)
    assert node.end(signal.SIGINT) == 0
    assert "Traceback" not in node.text
