"""The ground of a whole image."""

from __future__ import annotations

import numpy as np

from ris_ros.geometry import ground_frame
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
