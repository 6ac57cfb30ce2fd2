"""Conversion between pixels and rays, for the lens models of ``sensor_msgs/CameraInfo``."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from ris_ros.errors import InputError
from ris_ros.types import CameraModel

COEFFICIENTS = {"plumb_bob": (4, 5), "rational_polynomial": (8, 12, 14), "equidistant": (4,)}
"""Distortion models, and the numbers of coefficients that each may have."""
MAX_REPROJECTION_PIXELS = 0.5
"""Reprojection error of an undistorted pixel above which the model has no ray for it."""
UNDISTORTION_CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-4)
"""Iterations and accuracy of undistortion. OpenCV's default is off by 20 pixels in the corners of a wide lens."""
MIN_FOCAL_PIXELS = 1.0
"""Focal length below which a calibration is no camera's."""
MAX_SLOPE = 1e3
"""Distance from the optical axis of a point at depth 1 beyond which it is no ray: depth along the axis says nothing."""
MIN_DEPTH_METRES = 1e-3
"""Depth above which a point is in front of the camera."""


def rays(camera: CameraModel, height: int, width: int) -> np.ndarray:
    """Return the point at depth 1 of each pixel of an image, with lens distortion undone.

    Returns
    -------
    float32 [H, W, 3], read-only and cached. NaN where the model has no ray, in the outermost corners of some
    calibrations.

    Raises
    ------
    InputError
        When the model is unknown, has the wrong number of coefficients, or is all zeros as an uncalibrated camera's.

    """
    return _rays(np.asarray(camera.intrinsics, np.float64).tobytes(), tuple(camera.distortion), camera.model, height,
                 width)


def project(camera: CameraModel, points: np.ndarray) -> np.ndarray:
    """Project points [N, 3], metres in the camera's frame, to pixels (column, row), float64 [N, 2]; NaN behind it."""
    is_ahead = points[:, 2] > MIN_DEPTH_METRES
    pixels = np.full((len(points), 2), np.nan)
    if is_ahead.any():
        pixels[is_ahead] = _projection(camera.model)(
            points[is_ahead, None].astype(np.float64), np.zeros(3), np.zeros(3), camera.intrinsics,
            _coefficients(camera.distortion))[0][:, 0]
    return pixels


@lru_cache(maxsize=4)
def _rays(intrinsics: bytes, distortion: tuple[float, ...], model: str, height: int, width: int) -> np.ndarray:
    k = np.frombuffer(intrinsics).reshape(3, 3)
    _check_calibration(k, distortion, model)
    pixels = np.moveaxis(np.mgrid[:height, :width][::-1], 0, -1).reshape(-1, 1, 2).astype(np.float64)
    # An equidistant model bends the rays even without coefficients.
    if model == "equidistant" or any(distortion):
        plane = _undistort(pixels, k, distortion, model)
    else:
        plane = (pixels - k[:2, 2]) / (k[0, 0], k[1, 1])
    plane[~(np.abs(plane).max(axis=-1) <= MAX_SLOPE)] = np.nan
    directions = np.ones((height, width, 3), np.float32)
    directions[..., :2] = plane.reshape(height, width, 2)
    directions.flags.writeable = False
    return directions


def _undistort(pixels: np.ndarray, k: np.ndarray, distortion: tuple[float, ...], model: str) -> np.ndarray:
    """Return the points at depth 1 of pixels, float64 [P, 1, 2]; NaN for pixels without a ray."""
    coefficients = _coefficients(distortion)
    plane: np.ndarray
    if model == "equidistant":
        plane = cv2.fisheye.undistortPoints(pixels, k, coefficients, None, None, None, UNDISTORTION_CRITERIA)
    else:
        plane = (cv2.undistortImagePoints(pixels, k, coefficients, None, UNDISTORTION_CRITERIA)
                 - k[:2, 2]) / (k[0, 0], k[1, 1])
    # Far from the centre many distortion models are not invertible: such a pixel gets NaN instead of a wrong ray.
    points = np.pad(plane, ((0, 0), (0, 0), (0, 1)), constant_values=1)
    projected = _projection(model)(points, np.zeros(3), np.zeros(3), k, coefficients)[0]
    plane[np.abs(projected.reshape(pixels.shape) - pixels).max(axis=-1) > MAX_REPROJECTION_PIXELS] = np.nan
    return plane


def _check_calibration(k: np.ndarray, distortion: tuple[float, ...], model: str) -> None:
    if not np.isfinite(k).all() or min(k[0, 0], k[1, 1]) < MIN_FOCAL_PIXELS:
        raise InputError("the camera matrix has no focal length: calibrate the camera, or set its camera_info")
    if not np.isfinite(distortion).all():
        raise InputError("the distortion coefficients are not finite: calibrate the camera, or set its camera_info")
    if model not in COEFFICIENTS:
        raise InputError(f"unknown distortion model {model!r}; known are {', '.join(COEFFICIENTS)}")
    counts = COEFFICIENTS[model]
    if any(distortion) and len(distortion) not in counts:
        raise InputError(f"{model} takes {' or '.join(map(str, counts))} coefficients, not {len(distortion)}")


def _projection(model: str) -> Callable[..., Any]:
    """Return OpenCV's function that projects points through a lens of this model."""
    return cv2.fisheye.projectPoints if model == "equidistant" else cv2.projectPoints


def _coefficients(distortion: tuple[float, ...]) -> np.ndarray:
    """Return distortion coefficients as OpenCV takes them, float64; four zeros for none, or for any number of zeros."""
    return np.array(distortion if any(distortion) else (0.0,) * 4)
