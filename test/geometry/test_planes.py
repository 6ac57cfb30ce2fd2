"""The ground of a whole image."""

from __future__ import annotations

import numpy as np
import pytest

from ris_ros.geometry import ground_frame, rays
from ris_ros.types import CameraModel

LEVEL = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])


def test_up_is_the_normal_of_the_table(table):
    rotation = ground_frame(table.metres.astype(np.float64), CameraModel(table.intrinsics))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(table.camera_pose[:3, :3] @ rotation[2], (0, 0, 1), atol=0.01)
    np.testing.assert_allclose(rotation[0], (1, 0, 0), atol=0.01)  # The camera is upright.


def test_without_a_large_plane_the_camera_is_assumed_level(table):
    camera = CameraModel(table.intrinsics)
    scattered = np.random.default_rng(0).uniform(0.5, 3, table.metres.shape)
    for metres in (np.full(table.metres.shape, np.nan), scattered):
        np.testing.assert_array_equal(ground_frame(metres, camera), LEVEL)


def view_of_floor(pitch, roll, height=1.0, shape=(60, 80), noise=0.0):
    """Return depth, camera and the rotation to right, forward and up of a camera above an endless floor."""
    camera = CameraModel(np.array([[50.0, 0, shape[1] / 2], [0, 50, shape[0] / 2], [0, 0, 1]]))
    cos, sin, c, s = np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    # Up in the camera's frame: against y for a level camera, turned about x by the pitch, and about z by the roll.
    up = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ (0, -cos, -sin)
    slope = rays(camera, *shape).astype(np.float64) @ up
    metres = np.where(slope < -0.1, -height / slope, np.nan)
    metres *= 1 + noise * np.random.default_rng(0).normal(size=shape)
    right = np.cross((0, 0, 1), up) / np.linalg.norm(np.cross((0, 0, 1), up))
    return metres, camera, np.stack([right, np.cross(up, right), up])


@pytest.mark.parametrize("degrees", [(35, 0), (60, 0), (35, 20), (50, -30), (5, 0)], ids=str)
def test_the_ground_gives_right_forward_and_up(degrees):
    metres, camera, expected = view_of_floor(*np.radians(degrees))
    np.testing.assert_allclose(ground_frame(metres, camera), expected, atol=1e-6)
    metres, camera, expected = view_of_floor(*np.radians(degrees), noise=0.002)
    np.testing.assert_allclose(ground_frame(metres, camera), expected, atol=0.02)


def test_a_camera_that_looks_straight_down_has_its_x_axis_to_the_right():
    metres, camera, _ = view_of_floor(np.radians(60), 0)
    np.testing.assert_allclose(np.linalg.det(ground_frame(metres, camera)), 1)
    # A steeper floor than 75 degrees from the image's vertical is taken for a wall.
    np.testing.assert_array_equal(ground_frame(*view_of_floor(np.radians(80), 0)[:2]), LEVEL)
    np.testing.assert_allclose(ground_frame(*view_of_floor(np.radians(70), 0)[:2])[2],
                               (0, -np.cos(np.radians(70)), -np.sin(np.radians(70))), atol=1e-6)


@pytest.mark.parametrize(("share", "is_ground"), [(0.12, False), (0.3, True)])
def test_the_ground_is_more_than_a_seventh_of_what_is_seen(share, is_ground):
    metres, camera, expected = view_of_floor(np.radians(60), 0)
    other = np.random.default_rng(1).random(metres.shape) > share
    metres[other] = np.random.default_rng(2).uniform(0.5, 3, metres.shape)[other]
    found = ground_frame(metres, camera)
    np.testing.assert_allclose(found, expected if is_ground else LEVEL, atol=0.03)


@pytest.mark.parametrize(("count", "is_enough"), [(49, False), (50, True)])
def test_the_ground_needs_fifty_points(count, is_enough):
    metres, camera, expected = view_of_floor(np.radians(60), 0)
    metres[np.indices(metres.shape).sum(0) > 9] = np.nan       # 55 pixels in a corner are left.
    metres.ravel()[np.flatnonzero(np.isfinite(metres))[count:]] = np.nan
    np.testing.assert_allclose(ground_frame(metres, camera), expected if is_enough else LEVEL, atol=1e-6)
