"""Boxes, grasps and objects in other frames."""

from __future__ import annotations

import numpy as np
import pytest

from ris_ros.geometry import Grasp, Object3D, OrientedBox, Points
from ris_ros.geometry.objects import level_axes
from ris_ros.sim.poses import rotation


def test_corners_span_the_box():
    turn = rotation("z", 0.3)
    box = OrientedBox(np.array([1.0, 2, 3]), turn, np.array([0.4, 0.2, 0.1]))
    local = (box.corners - box.centre) @ turn
    np.testing.assert_allclose(np.abs(local), np.tile([0.2, 0.1, 0.05], (8, 1)))
    assert len(np.unique(np.sign(local), axis=0)) == 8


@pytest.mark.parametrize("yaw", np.radians([-89, -30, 0, 45, 90]))
def test_yaw_is_the_angle_of_the_closing_direction(yaw):
    for sign in (1, -1):
        closing = sign * np.array([np.cos(yaw), np.sin(yaw), 0])
        grasp = Grasp(np.zeros(3), closing, np.array([0.0, 0, -1]), 0.1)
        assert grasp.yaw == pytest.approx(yaw, abs=1e-9)


def test_a_transform_and_its_inverse_cancel(table):
    found = table.locate("box")
    back = found.transformed(table.camera_pose).transformed(np.linalg.inv(table.camera_pose))
    np.testing.assert_allclose(back.points.xyz, found.points.xyz, atol=1e-6)
    np.testing.assert_allclose(back.box.corners, found.box.corners, atol=1e-9)
    np.testing.assert_allclose(back.grasp.closing, found.grasp.closing, atol=1e-9)
    assert back.to_dict() == found.to_dict()


HALF = 0.5 ** 0.5


@pytest.mark.parametrize(("axis", "angle", "quaternion"), [
    ("z", 0.0, (0, 0, 0, 1)), ("z", np.pi / 2, (0, 0, HALF, HALF)), ("x", np.pi / 3, (0.5, 0, 0, 0.75 ** 0.5))])
def test_the_quaternion_is_x_y_z_w(axis, angle, quaternion):
    box = OrientedBox(np.zeros(3), rotation(axis, angle), np.ones(3))
    np.testing.assert_allclose(box.quaternion, quaternion, atol=1e-12)


def test_points_are_packed_as_ros_reads_them():
    packed = Points(np.array([[1, 2, 3]], np.float32), np.array([[7, 8]], np.int32), np.array([[10, 20, 30]], np.uint8))
    # Little-endian floats, then blue, green and red.
    assert packed.packed().tobytes() == np.array([1, 2, 3], "<f4").tobytes() + bytes([30, 20, 10, 0])
    assert len(packed) == 1


def test_level_axes_are_x_and_what_is_left_of_it_seen_from_above():
    ahead, side = level_axes(np.array([0.0, 0, 1]))
    np.testing.assert_allclose([ahead, side], [(1, 0, 0), (0, 1, 0)])
    # A level camera's: up is -y, so that the second axis is forward.
    np.testing.assert_allclose(level_axes(np.array([0.0, -1, 0])), [(1, 0, 0), (0, 0, 1)], atol=1e-12)
    # Where x is upright, y is level.
    np.testing.assert_allclose(level_axes(np.array([1.0, 0, 0])), [(0, 1, 0), (0, 0, 1)], atol=1e-12)
    np.testing.assert_allclose(level_axes(np.array([-1.0, 0, 0])), [(0, 1, 0), (0, 0, -1)], atol=1e-12)
    # On a slope x follows it.
    np.testing.assert_allclose(level_axes(np.array([0.6, 0, 0.8])), [(0.8, 0, -0.6), (0, 1, 0)], atol=1e-12)


@pytest.fixture
def cup():
    box = OrientedBox(np.array([0.1, 0.2, 1.0]), np.eye(3), np.array([0.3, 0.2, 0.123456]))
    grasp = Grasp(np.array([0.1, 0.2, 1.1]), np.array([0.0, 1, 0]), np.array([0.0, 0, -1]), 0.051234567)
    points = Points(np.array([[0, 0, 1], [0, 1, 1]], np.float32), np.zeros((2, 2), np.int32),
                    np.zeros((2, 3), np.uint8))
    return Object3D(points, np.array([0.0, 0.5, 1]), box, grasp, np.array([0.0, 0, 1]), "given")


def test_another_frame_turns_directions_and_moves_places(cup):
    pose = np.eye(4)
    pose[:3] = [[0, -1, 0, 10], [1, 0, 0, 20], [0, 0, 1, 30]]      # A quarter turn about z: x becomes y.
    there = cup.transformed(pose)
    np.testing.assert_allclose(there.points.xyz, [(10, 20, 31), (9, 20, 31)])
    assert there.points.xyz.dtype == np.float32
    np.testing.assert_allclose(there.centroid, (9.5, 20, 31))
    np.testing.assert_allclose(there.box.centre, (9.8, 20.1, 31))
    np.testing.assert_allclose(there.box.axes, pose[:3, :3])
    np.testing.assert_allclose(there.box.size, cup.box.size)
    np.testing.assert_allclose(there.grasp.centre, (9.8, 20.1, 31.1))
    np.testing.assert_allclose(there.grasp.closing, (-1, 0, 0))
    np.testing.assert_allclose(there.grasp.approach, (0, 0, -1))
    assert (there.grasp.opening, there.up.tolist(), there.up_from) == (cup.grasp.opening, [0, 0, 1], "given")


def test_the_object_as_plain_data(cup):
    assert cup.to_dict() == {
        "points": 2, "centroid": [0, 0.5, 1],
        "box": {"centre": [0.1, 0.2, 1], "size": [0.3, 0.2, 0.12346], "axes": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
                "quaternion": [0, 0, 0, 1]},
        "grasp": {"centre": [0.1, 0.2, 1.1], "closing": [0, 1, 0], "approach": [0, 0, -1], "yaw": 1.5708,
                  "opening": 0.05123},
        "up": [0, 0, 1], "up_from": "given"}
