"""Faults: whatever comes from outside, the program goes on and tells the truth.

Each module feeds one kind of input (commands, images, parameters, transitions, ...) with what is hostile or broken,
most of it from generators: hypothesis strategies, or every member of one list with every member of another. A fault has
one of two answers: one clear line that says what is wrong, or a right result. After each of them the same is asserted
(see the fixture `assert_well`): the node lives, answers the next good command on the next good image, and nothing that
is older comes after that. The node is not restarted between the tests of a module, so that a fault may show later.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from ros_fixtures import (  # noqa: F401
    _private_ros_domain,
    _robot,
    _wait_for,
    local_node,
    make_robot,
    node,
    photograph,
    start_node,
)

IMAGE = np.zeros((48, 64, 3), np.uint8)
IMAGE[:, :32] = 200
BRIGHT_HALF = [0, 0, 32, 48]


@pytest.fixture(scope="module")
def _numbers():
    return itertools.count(1000)


@pytest.fixture
def robot(_robot):  # noqa: F811
    """A robot whose node is active."""
    _robot.clear()
    return _robot


@pytest.fixture
def assert_well(robot, _numbers):
    """A function that asserts that the node answers the next good command on the next good image, and only that."""
    def assert_well(robot=robot):
        number = next(_numbers)
        text = f"the cup {number}"
        robot.send_image(IMAGE, (number, 0))
        robot.wait(0.05)
        robot.send_command(text)
        result = robot.answer(text)
        assert (result["found"], result["box"]) == (True, BRIGHT_HALF)
        assert result["stamp"] == {"sec": number, "nanosec": 0}
        assert robot.results()[-1]["text"] == text, "an older answer came after a newer one"

    return assert_well
