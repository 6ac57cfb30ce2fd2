"""What is answered, on which frame, and when; the models are played by a fake."""

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
    robot.show(photograph)
    texts = ["the cup", "the spoon", "the saucer"]
    for text in texts:
        robot.say(text)
    robot.answer(texts[-1])
    assert [result["text"] for result in robot.results()] == texts


def test_a_command_before_any_image_waits_for_one(robot, photograph):
    robot.say(TEXT)
    robot.rest(0.3)
    assert not robot.results()
    robot.show(photograph, (20, 0))
    assert robot.answer(TEXT)["stamp"]["sec"] == 20
    robot.show(photograph, (21, 0))
    robot.rest(0.3)
    assert len(robot.results()) == 1, "on_command answers once"


def test_an_image_before_any_command_is_kept_for_it(robot, photograph):
    robot.show(photograph, (30, 0))
    robot.rest(0.3)
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
    robot.rest(0.3)
    robot.clear()
    robot.show(photograph, (42, 0))
    robot.rest(0.3)
    assert not robot.results()


def test_frames_that_cannot_be_used_are_passed_over(robot, photograph):
    robot.show(photograph, (50, 0))
    robot.rest(0.3)
    for second, change in ((51, {"width": 0, "height": 0}), (52, {"encoding": "rainbow9"}), (53, {"height": 1000})):
        robot.show(photograph, (second, 0), **change)
    robot.log("frame ignored: ")
    robot.say(TEXT)
    assert robot.answer(TEXT)["stamp"]["sec"] == 50, "the last good frame counts"
    robot.show(photograph, (54, 0))
    robot.rest(0.3)
    robot.say("the spoon")
    assert robot.answer("the spoon")["stamp"]["sec"] == 54
    assert len([line for line in robot.logs if "frame ignored" in line]) == 1, "one line, not a flood"


def test_every_layout_of_a_picture_is_the_same_picture(robot, node, photograph):
    padded = np.zeros((*photograph.shape[:1], photograph.shape[1] + 8, 3), np.uint8)
    padded[:, :photograph.shape[1]] = photograph[..., ::-1]
    robot.show(padded, (61, 0), "bgr8", width=photograph.shape[1])
    robot.say(TEXT)
    assert robot.answer(TEXT)["stamp"]["sec"] == 61
    np.testing.assert_array_equal(node.seen[-1][0], photograph)


def test_a_frame_is_encoded_once_for_all_its_commands(robot, node, photograph):
    robot.show(photograph, (64, 0))
    robot.rest(0.3)
    before = len(node.seen)
    for text in ("the cup", "the spoon"):
        robot.say(text)
        robot.answer(text)
    assert len(node.seen) == before + 1


def test_a_text_that_cannot_be_understood_is_answered_too(robot, photograph):
    robot.show(photograph, (65, 0))
    robot.say("?!")
    result = robot.answer("?!")
    assert result["found"] is False
    assert result["reason"] == "the text names nothing"
    assert result["box"] is None
    robot.say(TEXT)
    assert robot.answer(TEXT)["found"]


def test_services_pause_and_repeat(robot, photograph):
    assert not robot.call(Trigger, "ris/segment").success
    robot.show(photograph, (70, 0))
    robot.rest(0.3)
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
    robot.rest(0.3)
    assert not robot.results()
    assert robot.call(SetBool, "ris/enable", data=True).success
    assert robot.answer("the spoon")["stamp"]["sec"] == 70


def test_an_inactive_node_does_nothing(robot, photograph):
    assert robot.change_state("deactivate")
    assert robot.state() == "inactive"
    robot.show(photograph)
    robot.say(TEXT)
    robot.rest(0.3)
    assert not robot.call(Trigger, "ris/segment").success
    assert robot.change_state("activate")
    robot.connect()
    robot.rest(0.3)
    assert not robot.results()


@pytest.mark.parametrize(("name", "value", "words"), [
    ("encoder.model", "RN50/random", "takes effect at configure"),
    ("device", "cuda", "takes effect at configure"),
    ("cameras", ["front"], "takes effect at configure"),
    ("mode", "always", "one of on_command, continuous"),
    ("proposals.max_prompts", 0, ""),
    ("matching.text_weight", 1.5, ""),
    ("matching.text_weight", "much", "float"),
    ("proposals.max_prompts", 2.5, ""),
    ("max_rate", -1.0, ""),
])
def test_a_parameter_that_cannot_be_taken_over_is_refused(robot, name, value, words):
    outcome = robot.set(name, value)
    assert not outcome.successful
    assert outcome.reason
    assert words in outcome.reason


@pytest.mark.parametrize("value", [0.25, 1, 0.5])
def test_a_live_parameter_is_taken_over(robot, node, value):
    assert robot.set("matching.text_weight", value).successful
    assert node.node.config.matching.text_weight == value
