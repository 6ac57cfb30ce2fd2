"""Rays and projection, for every lens model."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ris_ros.geometry import project, rays
from ris_ros.types import CameraModel


@pytest.mark.parametrize(("model", "distortion"), [
    ("plumb_bob", (-0.28, 0.07, 0.0008, -0.0005, 0.0)),
    ("rational_polynomial", (0.63, -2.9, 0.0003, -0.0002, 1.66, 0.51, -2.7, 1.58)),
    ("equidistant", (-0.02, 0.004, -0.003, 0.0007))])
def test_rays_undo_the_distortion(model, distortion):
    k = np.array([[520.0, 0, 320], [0, 530, 235], [0, 0, 1]])
    directions = rays(CameraModel(k, distortion, model), 480, 640)
    rows, columns = np.mgrid[40:440:40, 40:600:40].reshape(2, -1)
    points = directions[rows, columns].astype(np.float64)[:, None]
    project_points = cv2.fisheye.projectPoints if model == "equidistant" else cv2.projectPoints
    pixels, _ = project_points(points, np.zeros((3, 1)), np.zeros((3, 1)), k, np.array(distortion))
    np.testing.assert_allclose(pixels.reshape(-1, 2), np.column_stack([columns, rows]), atol=0.02)


def test_a_pixel_without_a_ray_is_nan():
    # Such coefficients fold the image's corners back into it.
    directions = rays(CameraModel(np.array([[300.0, 0, 320], [0, 300, 240], [0, 0, 1]]), (-0.5, 0.0, 0.0, 0.0)),
                      480, 640)
    assert np.isnan(directions[0, 0, 0]) and np.isfinite(directions[200:280, 260:380]).all()


@pytest.mark.parametrize("camera", [
    CameraModel(np.array([[520.0, 0, 320], [0, 530, 235], [0, 0, 1]])),
    CameraModel(np.array([[520.0, 0, 320], [0, 530, 235], [0, 0, 1]]), (-0.28, 0.07, 0.0008, -0.0005, 0.0)),
    CameraModel(np.array([[420.0, 0, 320], [0, 420, 235], [0, 0, 1]]), (-0.02, 0.004, 0, 0), "equidistant")],
    ids=["pinhole", "distorted", "fisheye"])
def test_projection_inverts_the_rays(camera):
    directions = rays(camera, 480, 640)
    rows, columns = np.mgrid[60:420:60, 60:600:60].reshape(2, -1)
    np.testing.assert_allclose(project(camera, 0.7 * directions[rows, columns]),
                               np.column_stack([columns, rows]), atol=0.05)
    assert np.isnan(project(camera, np.array([[0.1, 0.1, -1.0], [0, 0, 0]]))).all()
