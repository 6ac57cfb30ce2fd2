"""Tracking by the node with real models, compared with the truth as a camera moves over the simulated tabletop."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

pytest.importorskip("rclpy")

from rclpy.action import ActionClient

from ris_ros.sim.render import Renderer
from ris_ros.sim.sequences import render_frames, sample_sequence
from ris_ros.utils.masks import mask_iou

SEED, LENGTH = 100_000, 24


@pytest.fixture(scope="module")
def sequence():
    """Images of 320 x 240 pixels, the target's masks, and an expression for it."""
    sequence = sample_sequence("swing", SEED, 2 * LENGTH)
    small = tuple(dataclasses.replace(scene, camera=dataclasses.replace(scene.camera, width=320, height=240))
                  for scene in sequence.scenes[:LENGTH])
    target = sequence.scenes[0].objects[sequence.target]
    with Renderer() as renderer:
        rendered = list(render_frames(dataclasses.replace(sequence, scenes=small), renderer))
    return [frame.rendering.image for frame in rendered], [frame.mask for frame in rendered], \
        f"the {target.colour} {target.category}"


@pytest.fixture(scope="module")
def _robot(start_node, make_robot):
    node = start_node({"mode": "continuous", "follow": True, "proposals.max_prompts": 24})
    node.log("active: ")
    robot = make_robot()
    robot.connect()
    return robot


@pytest.fixture
def robot(_robot, sequence):
    """A robot whose node tracks the target since the first frame of the sequence."""
    _robot.set("follow", True)
    _robot.set("following.give_up", 30.0)
    _robot.restart()
    images, _, text = sequence
    _robot.send_image(images[0], (1, 0))
    _robot.send_command(text)
    first = _robot.answer(text, 120)
    assert first["found"] and first["following"] == "tracking" and "proposals" in first["timings"]
    return _robot


def answer_on(robot, image, second):
    """Send an image with a stamp of its own and return its result."""
    robot.send_image(image, (second, 0))
    return wait_for(lambda: next((r for r in robot.results() if r["stamp"]["sec"] == second), None), 60,
                    f"the result for second {second}")


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.01)
    return value


def iou(message, truth):
    mask = np.frombuffer(message.data, np.uint8).reshape(truth.shape) > 0
    return mask_iou(mask, truth)


def test_every_frame_is_answered_by_tracking_as_the_camera_moves(robot, sequence):
    images, masks, text = sequence
    for second, (image, truth) in enumerate(zip(images[1:], masks[1:], strict=True), 2):
        result = answer_on(robot, image, second)
        assert result["found"] and result["following"] == "tracking" and result["text"] == text
        assert set(result["timings"]) == {"tracking"}
        assert iou(robot.matching("mask", (second, 0)), truth) > 0.5
        x1, y1, x2, y2 = result["box"]
        assert 0 <= x1 < x2 <= 320 and 0 <= y1 < y2 <= 240


def test_a_hidden_target_is_lost_and_found_again(robot, sequence):
    images, masks, _ = sequence
    hand = np.full_like(images[0], (205, 160, 130))
    results = [answer_on(robot, hand, second) for second in (50, 51)]
    assert [(result["found"], result["following"], result["box"]) for result in results] == [(False, "lost", None)] * 2
    assert "hidden" in results[0]["reason"]
    states = []
    for second in range(60, 460):  # Its verification runs in the background for a while.
        states.append(answer_on(robot, images[0], second)["following"])
        if states[-1] == "tracking":
            break
        time.sleep(0.05)
    assert states[0] == "lost" and states[-1] == "tracking" and states.count("regained") == 1
    assert iou(robot.matching("mask", (second, 0)), masks[0]) > 0.5


def test_the_command_is_answered_from_the_start_when_the_target_stays_lost(robot, sequence):
    assert robot.set("following.give_up", 0.0).successful
    hand = np.full_like(sequence[0][0], (205, 160, 130))
    assert answer_on(robot, hand, 100)["following"] == "lost"
    assert "proposals" in answer_on(robot, hand, 101)["timings"]


def test_tracking_ends_with_its_parameter_and_restarts_with_another_image_size(robot, sequence):
    images, _, _ = sequence
    smaller = np.ascontiguousarray(images[0][::2, ::2])
    restarted = answer_on(robot, smaller, 110)
    assert restarted["found"] and restarted["following"] == "tracking" and "proposals" in restarted["timings"]
    assert set(answer_on(robot, smaller, 111)["timings"]) == {"tracking"}
    assert robot.set("follow", False).successful
    plain = answer_on(robot, images[1], 112)
    assert plain["found"] and plain["following"] is None and "proposals" in plain["timings"]


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_goal_for_another_object_is_not_tracked(robot, sequence, side):
    """One of the two objects at the sides, at least, is not the target."""
    find = pytest.importorskip("ris_interfaces.action", reason="ris_interfaces is not built").Find
    images, truth, text = sequence
    client = ActionClient(robot.node, find, "ris/find")
    assert client.wait_for_server(60)
    sent = client.send_goal_async(find.Goal(text=f"the thing on the {side}"))
    wait_for(sent.done, 60, "the goal")
    ended = sent.result().get_result_async()
    wait_for(ended.done, 120, "the goal's answer")
    client.destroy()
    result = answer_on(robot, images[1], 2)
    assert result["found"] and result["text"] == text
    x1, y1, x2, y2 = map(int, result["box"])
    box = np.zeros_like(truth[1])
    box[y1:y2, x1:x2] = True
    assert (truth[1] & box).sum() > 0.8 * truth[1].sum()
