"""The poses that the examples compute from an answer, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("ris_interfaces.msg", reason="ris_interfaces is not built")

from hypothesis import given, settings
from hypothesis import strategies as st
from ris_interfaces.msg import Answer
from scipy.spatial.transform import Rotation

METRES = st.floats(-5, 5)
ANGLES = st.floats(-math.pi, math.pi)


def position(pose):
    return np.array([pose.pose.position.x, pose.pose.position.y, pose.pose.position.z])


def rotation(pose):
    orientation = pose.pose.orientation
    return Rotation.from_quat([orientation.x, orientation.y, orientation.z, orientation.w]).as_matrix()


POSES = {"x": METRES, "y": METRES, "z": METRES, "yaw": ANGLES, "tilt": ANGLES}


@pytest.fixture(scope="module")
def pick(example):
    return example("pick_the_object")


@pytest.fixture(scope="module")
def drive(example):
    return example("drive_to_the_object")


@settings(max_examples=50, deadline=None, derandomize=True)
@given(pose=st.fixed_dictionaries(POSES), retreat=st.floats(0, 0.5))
def test_the_gripper_comes_along_the_approach_and_closes_across(pick, make_target, pose, retreat):
    target = make_target(**pose)
    before, at = pick.plan(Answer(found=True, targets=[target]), "base_link", retreat, 0.08)
    np.testing.assert_allclose(position(at), [pose["x"], pose["y"], pose["z"]], atol=1e-9)
    for planned in (before, at):
        axes = rotation(planned)
        assert np.linalg.det(axes) == pytest.approx(1)
        approach, closing = target.grasp.approach, target.grasp.closing
        np.testing.assert_allclose(axes[:, 2], [approach.x, approach.y, approach.z], atol=1e-9)
        np.testing.assert_allclose(axes[:, 1], [closing.x, closing.y, closing.z], atol=1e-9)
        assert planned.header == target.pose.header
    # Above the object, whose grasp is half-way up.
    np.testing.assert_allclose(position(before) + (0.1 + retreat) * rotation(at)[:, 2], position(at), atol=1e-9)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(pose=st.fixed_dictionaries(POSES), distance=st.floats(0.1, 2))
def test_the_robot_stops_before_the_object_and_faces_it(drive, make_target, pose, distance):
    goal = drive.goal_in_front_of(make_target(**pose), distance)
    assert goal.header.frame_id == "base_link"
    x, y, z = position(goal)
    assert z == 0
    away = np.array([pose["x"] - x, pose["y"] - y])
    assert np.linalg.norm(away) == pytest.approx(distance)
    ahead = rotation(goal)[:, 0]
    np.testing.assert_allclose(ahead * distance, [*away, 0], atol=1e-9)
    # On the robot's side of the object.
    assert math.hypot(x, y) <= math.hypot(pose["x"], pose["y"]) + distance + 1e-9
    if math.hypot(pose["x"], pose["y"]) > distance:
        assert math.hypot(x, y) < math.hypot(pose["x"], pose["y"])


@pytest.mark.parametrize(("fields", "changes", "reason"), [
    ({"reason": "nothing looks like a cup"}, None, "nothing looks like a cup"),
    ({}, None, "not in the image"),
    ({"found": True}, {"has_pose": False}, "no usable depth"),
    ({"found": True}, {"frame": "camera"}, "target_frame to 'base_link'")],
    ids=["absent", "without a reason", "without depth", "of another frame"])
def test_what_has_no_pose_is_refused_with_the_reason(pick, make_target, fields, changes, reason):
    answer = Answer(targets=[] if changes is None else [make_target(**changes)], **fields)
    with pytest.raises(ValueError, match=reason):
        pick.target_in(answer, "base_link")


def test_what_is_wider_than_the_gripper_is_refused(pick, make_target):
    answer = Answer(found=True, targets=[make_target()])
    with pytest.raises(ValueError, match=r"0\.060 m wide"):
        pick.plan(answer, "base_link", 0.1, 0.05)
