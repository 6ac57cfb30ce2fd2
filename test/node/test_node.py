"""One node, many conversations: every test leaves it active, in mode on_command, with nothing to do."""

import signal
import time

import numpy as np
import pytest

pytest.importorskip("rclpy")

from rcl_interfaces.srv import DescribeParameters
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool, Trigger

TEXT = "the cup of coffee"


@pytest.fixture(scope="module")
def node(start_node):
    node = start_node()
    node.log("active: ")
    return node


@pytest.fixture(scope="module")
def _robot(node, make_robot):
    robot = make_robot()
    robot.connect()
    return robot


@pytest.fixture
def robot(_robot, node):
    _robot.clear()
    yield _robot
    if node.process.poll() is not None:
        return
    _robot.say("")
    _robot.set("mode", "on_command")
    _robot.call(SetBool, "ris/enable", data=True)
    _robot.restart()


def pixels(message):
    dtype = np.uint16 if message.encoding == "mono16" else np.uint8
    values = np.frombuffer(message.data, dtype)
    return values.reshape(message.height, message.width, -1).squeeze()


def test_an_answer_belongs_to_its_frame(robot, node, photograph):
    robot.show(photograph, (12, 345))
    robot.say(TEXT)
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
    robot.show(photograph)
    robot.say(TEXT)
    robot.answer(TEXT)
    robot.say("the spoon")
    timings = robot.answer("the spoon")["timings"]
    assert "text" in timings
    assert not {"proposals", "visual"} & set(timings)


def test_each_of_several_commands_is_answered(robot, photograph):
    robot.show(photograph)
    texts = ["the cup", "the spoon", "the saucer"]
    for text in texts:
        robot.say(text)
    robot.answer(texts[-1])
    assert [result["text"] for result in robot.results()] == texts


def test_a_command_before_any_image_waits_for_one(robot, photograph):
    robot.say(TEXT)
    robot.rest()
    assert not robot.results()
    robot.show(photograph, (20, 0))
    assert robot.answer(TEXT)["stamp"]["sec"] == 20
    robot.show(photograph, (21, 0))
    robot.rest()
    assert len(robot.results()) == 1, "on_command answers once"


def test_an_image_before_any_command_is_kept_for_it(robot, photograph):
    robot.show(photograph, (30, 0))
    robot.rest()
    assert not robot.results()
    robot.say(TEXT)
    assert robot.answer(TEXT)["stamp"]["sec"] == 30


def test_continuous_mode_follows_the_frames_until_an_empty_command(robot, photograph):
    assert robot.set("mode", "continuous").successful
    robot.say(TEXT)
    for second in (40, 41):
        robot.clear()
        robot.show(photograph, (second, 0))
        assert robot.answer(TEXT)["stamp"]["sec"] == second
    robot.say("  ")
    robot.rest(0.5)
    robot.clear()
    robot.show(photograph, (42, 0))
    robot.rest()
    assert not robot.results()


def test_frames_that_cannot_be_used_are_passed_over(robot, node, photograph):
    robot.show(photograph, (50, 0))
    robot.rest(0.5)
    warnings = len([line for line in node.lines if "frame ignored" in line])
    for second, change in ((51, {"width": 0, "height": 0}), (52, {"encoding": "rainbow9"}), (53, {"height": 1000})):
        robot.show(photograph, (second, 0), **change)
        robot.rest(0.3)  # Each is seen, none is overtaken.
    assert len([line for line in node.lines if "frame ignored" in line]) == warnings + 1, "one line, not a flood"
    assert node.log("frame ignored: image of 0 x 0 pixels", 5)
    robot.say(TEXT)
    assert robot.answer(TEXT)["stamp"]["sec"] == 50, "the last good frame counts"
    robot.clear()
    robot.show(photograph, (54, 0))
    robot.rest(0.5)
    robot.say("the spoon")
    assert robot.answer("the spoon")["stamp"]["sec"] == 54


def test_every_layout_of_a_picture_gives_the_same_answer(robot, photograph):
    padded = np.zeros((*photograph.shape[:1], photograph.shape[1] + 8, 3), np.uint8)
    padded[:, :photograph.shape[1]] = photograph[..., ::-1]
    robot.show(photograph, (60, 0))
    robot.say(TEXT)
    first = robot.answer(TEXT)
    robot.clear()
    robot.show(padded, (61, 0), "bgr8", width=photograph.shape[1])
    robot.rest(0.5)
    robot.say(TEXT)
    second = robot.answer(TEXT)
    assert second["stamp"]["sec"] == 61
    assert second["box"] == first["box"]
    assert second["score"] == pytest.approx(first["score"], abs=1e-5)


def test_a_text_that_cannot_be_understood_is_answered_too(robot, node, photograph):
    robot.show(photograph, (65, 0))
    robot.say("?!")
    result = robot.answer("?!")
    assert result["found"] is False
    assert result["reason"]
    assert result["box"] is None
    robot.say(TEXT)
    assert robot.answer(TEXT)["found"]


def test_services_pause_and_repeat(robot, photograph):
    assert not robot.call(Trigger, "ris/segment").success
    robot.show(photograph, (70, 0))
    robot.say(TEXT)
    robot.answer(TEXT)
    robot.clear()
    assert robot.call(Trigger, "ris/segment").success
    assert robot.answer(TEXT)["stamp"]["sec"] == 70

    assert robot.call(SetBool, "ris/enable", data=False).success
    refusal = robot.call(Trigger, "ris/segment")
    assert not refusal.success
    assert "disabled" in refusal.message
    robot.clear()
    robot.say("the spoon")
    robot.rest()
    assert not robot.results()
    assert robot.call(SetBool, "ris/enable", data=True).success
    assert robot.answer("the spoon")["stamp"]["sec"] == 70


def test_callbacks_answer_while_the_worker_computes(robot, photograph):
    assert robot.set("proposals.max_prompts", 48).successful
    robot.show(photograph[:, ::-1], (80, 0))
    robot.say(TEXT)
    robot.rest(0.1)
    assert robot.state() == "active"
    assert not robot.results(), "the service should have answered first"
    robot.answer(TEXT)
    assert robot.set("proposals.max_prompts", 6).successful


def test_overlay_and_candidates_come_when_someone_listens(robot, photograph):
    robot.listen("overlay", Image)
    robot.listen("candidates", Image)
    robot.connect()
    robot.show(photograph, (90, 0))
    robot.say(TEXT)
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


@pytest.mark.parametrize(("name", "value", "words"), [
    ("encoder.model", "RN50/random", "takes effect at configure"),
    ("device", "cuda", "takes effect at configure"),
    ("mode", "always", "one of on_command, continuous"),
    ("proposals.max_prompts", 0, ""),
    ("matching.text_weight", 1.5, ""),
    ("matching.text_weight", "much", "float"),
    ("proposals.max_prompts", 2.5, ""),
])
def test_a_parameter_that_cannot_be_taken_over_is_refused(robot, name, value, words):
    outcome = robot.set(name, value)
    assert not outcome.successful
    assert outcome.reason
    assert words in outcome.reason


@pytest.mark.parametrize("value", [0.25, 1, 0.5])
def test_a_live_parameter_is_taken_over(robot, value):
    assert robot.set("matching.text_weight", value).successful


def test_a_live_parameter_shows_in_the_next_answer(robot, photograph):
    robot.show(photograph)
    robot.say(TEXT)
    assert len(robot.answer(TEXT)["candidates"]) > 1
    assert robot.set("matching.max_candidates", 1).successful
    robot.clear()
    assert robot.call(Trigger, "ris/segment").success
    assert len(robot.answer(TEXT)["candidates"]) == 1
    assert robot.set("matching.max_candidates", 5).successful


def test_parameters_describe_themselves(robot):
    names = ["mode", "proposals.max_prompts", "matching.text_weight"]
    mode, prompts, weight = robot.call(DescribeParameters, "ris/describe_parameters", names=names).descriptors
    assert "standing command" in mode.description
    assert mode.additional_constraints == "one of: on_command, continuous"
    assert (prompts.integer_range[0].from_value, prompts.integer_range[0].to_value) == (1, 4096)
    assert (weight.floating_point_range[0].from_value, weight.floating_point_range[0].to_value) == (0.0, 1.0)


def test_an_inactive_node_does_nothing(robot, photograph):
    assert robot.change_state("deactivate")
    assert robot.state() == "inactive"
    robot.show(photograph)
    robot.say(TEXT)
    robot.rest()
    assert not robot.results()
    assert not robot.call(Trigger, "ris/segment").success
    assert robot.change_state("activate")
    robot.rest()
    assert not robot.results()


def test_the_lifecycle_can_be_walked_again_after_a_mistake(robot, node, photograph):
    assert robot.change_state("deactivate")
    assert robot.change_state("cleanup")
    assert robot.state() == "unconfigured"
    assert robot.set("encoder.model", "no-such-model/at-all").successful
    assert not robot.change_state("configure")
    assert robot.state() == "unconfigured"
    assert node.log("cannot configure: .*no-such-model", 5)
    assert robot.set("encoder.model", "bundled").successful
    assert robot.change_state("configure")
    assert robot.state() == "inactive"
    assert robot.change_state("activate")
    robot.connect()
    robot.show(photograph)
    robot.say(TEXT)
    assert robot.answer(TEXT)["found"]


def test_the_log_holds_no_traceback_and_the_node_ends_cleanly_in_the_middle_of_its_work(robot, node, photograph):
    robot.show(photograph[::-1])
    robot.say(TEXT)
    time.sleep(0.3)
    assert node.end(signal.SIGINT) == 0
    assert "Traceback" not in node.text
