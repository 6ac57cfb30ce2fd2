"""What the node answers, on which frame, and when, with a fake segmenter."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy")

from std_srvs.srv import SetBool, Trigger

TEXT = "the cup of coffee"


@pytest.fixture
def robot(robot):
    yield robot
    robot.set("mode", "on_command")
    robot.call(SetBool, "ris/enable", data=True)


def test_each_of_several_commands_is_answered(robot, photograph):
    robot.send_image(photograph)
    texts = ["the cup", "the spoon", "the saucer"]
    for text in texts:
        robot.send_command(text)
    robot.answer(texts[-1])
    assert [result["text"] for result in robot.results()] == texts


def test_a_command_before_any_image_waits_for_one(robot, photograph):
    robot.send_command(TEXT)
    robot.wait(0.3)
    assert not robot.results()
    robot.send_image(photograph, (20, 0))
    assert robot.answer(TEXT)["stamp"]["sec"] == 20
    robot.send_image(photograph, (21, 0))
    robot.wait(0.3)
    assert len(robot.results()) == 1, "on_command answers once"


def test_a_command_is_answered_on_an_image_that_came_before_it(robot, photograph):
    robot.send_image(photograph, (30, 0))
    robot.wait(0.3)
    assert not robot.results()
    robot.send_command(TEXT)
    assert robot.answer(TEXT)["stamp"]["sec"] == 30


def test_continuous_mode_answers_every_frame_until_an_empty_command(robot, photograph):
    assert robot.set("mode", "continuous").successful
    robot.send_command(TEXT)
    for second in (40, 41):
        robot.clear()
        robot.send_image(photograph, (second, 0))
        assert robot.answer(TEXT)["stamp"]["sec"] == second
    robot.send_command("  ")
    robot.wait(0.3)
    robot.clear()
    robot.send_image(photograph, (42, 0))
    robot.wait(0.3)
    assert not robot.results()


def test_unusable_frames_are_ignored(robot, photograph):
    robot.send_image(photograph, (50, 0))
    robot.wait(0.3)
    for second, change in ((51, {"width": 0, "height": 0}), (52, {"encoding": "rainbow9"}), (53, {"height": 1000})):
        robot.send_image(photograph, (second, 0), **change)
    robot.log("frame ignored: ")
    robot.send_command(TEXT)
    assert robot.answer(TEXT)["stamp"]["sec"] == 50, "the last usable frame counts"
    robot.send_image(photograph, (54, 0))
    robot.wait(0.3)
    robot.send_command("the spoon")
    assert robot.answer("the spoon")["stamp"]["sec"] == 54
    assert len([line for line in robot.logs if "frame ignored" in line]) == 1, "repeated warnings are throttled"


def test_padding_and_channel_order_are_accounted_for(robot, node, photograph):
    padded = np.zeros((*photograph.shape[:1], photograph.shape[1] + 8, 3), np.uint8)
    padded[:, :photograph.shape[1]] = photograph[..., ::-1]
    robot.send_image(padded, (61, 0), "bgr8", width=photograph.shape[1])
    robot.send_command(TEXT)
    assert robot.answer(TEXT)["stamp"]["sec"] == 61
    np.testing.assert_array_equal(node.seen[-1][0], photograph)


def test_a_frame_is_encoded_once_for_all_its_commands(robot, node, photograph):
    robot.send_image(photograph, (64, 0))
    robot.wait(0.3)
    before = len(node.seen)
    for text in ("the cup", "the spoon"):
        robot.send_command(text)
        robot.answer(text)
    assert len(node.seen) == before + 1


def test_a_text_without_words_is_answered_too(robot, photograph):
    robot.send_image(photograph, (65, 0))
    robot.send_command("?!")
    result = robot.answer("?!")
    assert result["found"] is False
    assert result["reason"] == "the text names nothing"
    assert result["box"] is None
    robot.send_command(TEXT)
    assert robot.answer(TEXT)["found"]


def test_services_pause_and_repeat(robot, photograph):
    assert not robot.call(Trigger, "ris/segment").success
    robot.send_image(photograph, (70, 0))
    robot.wait(0.3)
    robot.send_command(TEXT)
    robot.answer(TEXT)
    robot.clear()
    assert robot.call(Trigger, "ris/segment").success
    assert robot.answer(TEXT)["stamp"]["sec"] == 70

    assert robot.call(SetBool, "ris/enable", data=False).success
    refusal = robot.call(Trigger, "ris/segment")
    assert not refusal.success
    assert "disabled" in refusal.message
    robot.clear()
    robot.send_command("the spoon")
    robot.wait(0.3)
    assert not robot.results()
    assert robot.call(SetBool, "ris/enable", data=True).success
    assert robot.answer("the spoon")["stamp"]["sec"] == 70


def test_an_inactive_node_does_nothing(robot, photograph):
    assert robot.change_state("deactivate")
    assert robot.state() == "inactive"
    robot.send_image(photograph)
    robot.send_command(TEXT)
    robot.wait(0.3)
    assert not robot.call(Trigger, "ris/segment").success
    assert robot.change_state("activate")
    robot.connect()
    robot.wait(0.3)
    assert not robot.results()


@pytest.mark.parametrize(("name", "value", "words"), [
    ("encoder.model", "RN50/random", "takes effect at configure"),
    ("device", "cuda", "takes effect at configure"),
    ("cameras", ["front"], "takes effect at configure"),
    ("mode", "always", "one of on_command, continuous"),
    ("proposals.max_prompts", 0, ""),
    ("matching.text_weight", 1.5, ""),
    ("matching.text_weight", "much", "must be a number"),
    ("proposals.max_prompts", 2.5, ""),
    ("max_rate", -1.0, ""),
])
def test_an_invalid_or_fixed_parameter_is_refused(robot, name, value, words):
    result = robot.set(name, value)
    assert not result.successful
    assert result.reason
    assert words in result.reason


@pytest.mark.parametrize("value", [0.25, 1, 0.5])
def test_a_live_parameter_is_applied(robot, node, value):
    assert robot.set("matching.text_weight", value).successful
    assert node.node.config.matching.text_weight == value
