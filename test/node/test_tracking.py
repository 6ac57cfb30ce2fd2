"""Following by a real node with real models, a camera that moves over the simulated tabletop, and the truth of it."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

pytest.importorskip("rclpy")

from ris_ros.sim.render import Renderer
from ris_ros.sim.sequences import frames, sample_sequence

SEED, LENGTH = 100_000, 24


@pytest.fixture(scope="module")
def film():
    """Pictures of 320 x 240 pixels, the target's masks, and the words for it."""
    film = sample_sequence("swing", SEED, 2 * LENGTH)
    small = tuple(dataclasses.replace(scene, camera=dataclasses.replace(scene.camera, width=320, height=240))
                  for scene in film.scenes[:LENGTH])
    thing = film.scenes[0].objects[film.target]
    with Renderer() as renderer:
        shown = list(frames(dataclasses.replace(film, scenes=small), renderer))
    return [frame.rendering.image for frame in shown], [frame.mask for frame in shown], \
        f"the {thing.colour} {thing.category}"


@pytest.fixture(scope="module")
def _robot(start_node, make_robot):
    node = start_node({"mode": "continuous", "follow": True, "proposals.max_prompts": 24})
    node.log("active: ")
    robot = make_robot()
    robot.connect()
    return robot


@pytest.fixture
def robot(_robot, film):
    """One whose node follows the target since the film's first frame."""
    _robot.set("follow", True)
    _robot.set("following.give_up", 30.0)
    _robot.restart()
    pictures, _, text = film
    _robot.show(pictures[0], (1, 0))
    _robot.say(text)
    first = _robot.answer(text, 120)
    assert first["found"] and first["following"] == "tracking" and "proposals" in first["timings"]
    return _robot


def shown(robot, picture, second):
    """The result for a picture that is shown with a stamp of its own."""
    robot.show(picture, (second, 0))
    return wait_for(lambda: next((r for r in robot.results() if r["stamp"]["sec"] == second), None), 60,
                    f"the result for second {second}")


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.01)
    return value


def overlap(message, truth):
    mask = np.frombuffer(message.data, np.uint8).reshape(truth.shape) > 0
    return np.count_nonzero(mask & truth) / np.count_nonzero(mask | truth)


def test_every_frame_is_answered_by_tracking_as_the_camera_moves(robot, film):
    pictures, masks, text = film
    for second, (picture, truth) in enumerate(zip(pictures[1:], masks[1:], strict=True), 2):
        result = shown(robot, picture, second)
        assert result["found"] and result["following"] == "tracking" and result["text"] == text
        assert set(result["timings"]) == {"tracking"}
        assert overlap(robot.matching("mask", (second, 0)), truth) > 0.5
        x1, y1, x2, y2 = result["box"]
        assert 0 <= x1 < x2 <= 320 and 0 <= y1 < y2 <= 240


def test_a_target_that_is_hidden_is_lost_and_comes_back(robot, film):
    pictures, masks, _ = film
    hand = np.full_like(pictures[0], (205, 160, 130))
    results = [shown(robot, hand, second) for second in (50, 51)]
    assert [(result["found"], result["following"], result["box"]) for result in results] == [(False, "lost", None)] * 2
    assert "hidden" in results[0]["reason"]
    states = []
    for second in range(60, 460):  # Its looks are examined beside, which takes a while.
        states.append(shown(robot, pictures[0], second)["following"])
        if states[-1] == "tracking":
            break
        time.sleep(0.05)
    assert states[0] == "lost" and states[-1] == "tracking" and states.count("regained") == 1
    assert overlap(robot.matching("mask", (second, 0)), masks[0]) > 0.5


def test_one_that_stays_away_is_asked_for_anew(robot, film):
    assert robot.set("following.give_up", 0.0).successful
    hand = np.full_like(film[0][0], (205, 160, 130))
    assert shown(robot, hand, 100)["following"] == "lost"
    assert "proposals" in shown(robot, hand, 101)["timings"]


def test_following_ends_when_it_is_switched_off_and_begins_anew_with_pictures_of_another_size(robot, film):
    pictures, _, _ = film
    smaller = np.ascontiguousarray(pictures[0][::2, ::2])
    anew = shown(robot, smaller, 110)
    assert anew["found"] and anew["following"] == "tracking" and "proposals" in anew["timings"]
    assert set(shown(robot, smaller, 111)["timings"]) == {"tracking"}
    assert robot.set("follow", False).successful
    plain = shown(robot, pictures[1], 112)
    assert plain["found"] and plain["following"] is None and "proposals" in plain["timings"]
