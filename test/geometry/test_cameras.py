"""Rays and projection, for every lens model."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ris_ros.errors import InputError
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


@pytest.mark.parametrize("model", ["plumb_bob", "rational_polynomial", "equidistant"])
@pytest.mark.parametrize(("centre", "distortion"), [
    (1e30, ()), (-1e300, ()), (4.0, (1e30, 0, 0, 0)), (4.0, (0, -1e200, 0, 0)), (1e6, (0.1, 0, 0, 0))])
def test_absurd_numbers_give_no_rays_rather_than_huge_ones(centre, distortion, model):
    if model == "rational_polynomial" and distortion:
        distortion += (0, 0, 0, 0)
    directions = rays(CameraModel(np.array([[60.0, 0, centre], [0, 60, 2], [0, 0, 1]]), distortion, model), 6, 8)
    assert (np.isnan(directions) | (np.abs(directions) <= 1000)).all()


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


def test_a_pinholes_rays_are_pixels_from_the_principal_point_by_the_focal_length():
    directions = rays(CameraModel(np.array([[200.0, 0, 4], [0, 100, 2], [0, 0, 1]]), (0.0,) * 7), 6, 8)
    assert directions.dtype == np.float32
    assert not directions.flags.writeable
    rows, columns = np.indices((6, 8))
    np.testing.assert_allclose(directions, np.dstack([(columns - 4) / 200, (rows - 2) / 100, np.ones((6, 8))]))


@pytest.mark.parametrize("model", ["plumb_bob", "equidistant"])
@pytest.mark.parametrize("depth", [1e-3, 0.0, -2.0])
def test_a_point_that_is_not_in_front_of_the_camera_has_no_pixel(model, depth):
    camera = CameraModel(np.array([[200.0, 0, 4], [0, 100, 2], [0, 0, 1]]), (), model)
    pixels = project(camera, np.array([[0.0, 0, 2], [0.01, 0.02, depth], [0, 0, 1.1e-3]]))
    np.testing.assert_allclose(pixels[[0, 2]], [[4, 2], [4, 2]])
    assert np.isnan(pixels[1]).all()
    assert project(camera, np.zeros((0, 3))).shape == (0, 2)


def test_a_fisheye_bends_rays_even_without_coefficients():
    # The equidistant model: the angle from the axis, in radians, is the distance from the middle by the focal length.
    directions = rays(CameraModel(np.array([[100.0, 0, 0], [0, 100, 0], [0, 0, 1]]), (), "equidistant"), 1, 81)
    np.testing.assert_allclose(directions[0, [0, 40, 80], 0], np.tan([0, 0.4, 0.8]), rtol=1e-4)


@pytest.mark.parametrize(("intrinsics", "distortion", "model", "words"), [
    ([[0, 1], [0, 1]], (), "plumb_bob", "no focal length"), ([[1, 0], [-1, 0]], (), "plumb_bob", "no focal length"),
    ([[1, 0], [0, 0]], (), "plumb_bob", "no focal length"), ([[1, 0], [1e-120, 0]], (), "plumb_bob", "no focal length"),
    ([[1, np.nan], [1, 0]], (), "plumb_bob", "no focal length"),
    ([[1, 0], [1, 0]], (0, np.inf, 0, 0), "plumb_bob", "not finite"),
    ([[1, 0], [1, 0]], (), "thin_prism", "unknown distortion model 'thin_prism'; known are plumb_bob, "),
    ([[1, 0], [1, 0]], (0.1,) * 5, "equidistant", "equidistant takes 4 coefficients, not 5"),
    ([[1, 0], [1, 0]], (0.1,) * 13, "rational_polynomial", "takes 8 or 12 or 14 coefficients, not 13")])
def test_a_camera_without_a_usable_calibration_is_refused(intrinsics, distortion, model, words):
    [fx, cx], [fy, cy] = intrinsics
    with pytest.raises(InputError, match=words):
        rays(CameraModel(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]]), distortion, model), 2, 2)
