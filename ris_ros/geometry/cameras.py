"""Between pixels and rays, for the lenses that a ``sensor_msgs/CameraInfo`` can describe."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from ris_ros.errors import InputError
from ris_ros.types import CameraModel


def rays(camera: CameraModel, height: int, width: int) -> np.ndarray:
    """The point, float32 [H, W, 3], at depth 1 of each pixel of an image, lens distortion undone; read-only.

    NaN where the model has no ray, in the outermost corners of some calibrations.

    Raises
    ------
    InputError
        When the model is unknown, has the wrong number of coefficients, or is all zeros as an uncalibrated camera's.

    """
    return _rays(np.asarray(camera.intrinsics, np.float64).tobytes(), tuple(camera.distortion), camera.model, height,
                 width)


def project(camera: CameraModel, points: np.ndarray) -> np.ndarray:
    """The pixels (column, row), float64 [N, 2], of points [N, 3] in the camera's frame; NaN for what is behind it."""
    ahead = points[:, 2] > 1e-3
    pixels = np.full((len(points), 2), np.nan)
    if ahead.any():
        through = cv2.fisheye.projectPoints if camera.model == "equidistant" else cv2.projectPoints
        pixels[ahead] = through(points[ahead, None].astype(np.float64), np.zeros(3), np.zeros(3), camera.intrinsics,
                                np.array(camera.distortion or (0.0,) * 4))[0][:, 0]
    return pixels


def camera_model(info: Any) -> CameraModel:
    """The model in a ``sensor_msgs/CameraInfo``, by whichever library it was read."""
    return CameraModel(np.array(info.k, np.float64).reshape(3, 3), tuple(float(value) for value in info.d),
                       info.distortion_model or "plumb_bob")


@lru_cache(maxsize=4)
def _rays(intrinsics: bytes, distortion: tuple[float, ...], model: str, height: int, width: int) -> np.ndarray:
    k = np.frombuffer(intrinsics).reshape(3, 3)
    if not np.isfinite(k).all() or k[0, 0] <= 0 or k[1, 1] <= 0:
        raise InputError("the camera matrix has no focal length: calibrate the camera, or set its camera_info")
    lengths = {"plumb_bob": (4, 5), "rational_polynomial": (8, 12, 14), "equidistant": (4,)}
    if model not in lengths:
        raise InputError(f"unknown distortion model {model!r}; known are {', '.join(lengths)}")
    if any(distortion) and len(distortion) not in lengths[model]:
        raise InputError(f"{model} takes {' or '.join(map(str, lengths[model]))} coefficients, not {len(distortion)}")
    pixels = np.moveaxis(np.mgrid[:height, :width][::-1], 0, -1).reshape(-1, 1, 2).astype(np.float64)
    level = (pixels - k[:2, 2]) / (k[0, 0], k[1, 1])
    # Equidistant even without coefficients: the model itself bends the rays.
    if model == "equidistant" or any(distortion):
        coefficients = np.array(distortion or (0.0,) * 4)
        # The few rounds that OpenCV goes by default leave errors of 20 pixels in the corners of a wide lens.
        rounds = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-4)
        if model == "equidistant":
            level = cv2.fisheye.undistortPoints(pixels, k, coefficients, None, None, None, rounds)
            project = cv2.fisheye.projectPoints
        else:
            level = (cv2.undistortImagePoints(pixels, k, coefficients, None, rounds) - k[:2, 2]) / (k[0, 0], k[1, 1])
            project = cv2.projectPoints
        # Far out, many calibrations describe no lens at all: a pixel that has no ray must not get a wrong one.
        ahead = np.pad(level, ((0, 0), (0, 0), (0, 1)), constant_values=1)
        back = project(ahead, np.zeros(3), np.zeros(3), k, coefficients)[0]
        level[np.abs(back.reshape(pixels.shape) - pixels).max(axis=-1) > 0.5] = np.nan
    directions = np.ones((height, width, 3), np.float32)
    directions[..., :2] = level.reshape(height, width, 2)
    directions.flags.writeable = False
    return directions
