"""Boxes, grasps and objects in other frames."""

from __future__ import annotations

import numpy as np
import pytest

from ris_ros.geometry import Grasp, OrientedBox
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
