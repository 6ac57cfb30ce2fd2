"""Plane fitting in point clouds, by RANSAC (Fischler and Bolles, 1981) and least squares: supports and the ground."""

from __future__ import annotations

import numpy as np

from ris_ros.geometry.cameras import rays
from ris_ros.geometry.thresholds import (
    GROUND_TOLERANCE_SHARE,
    MIN_GROUND_SHARE,
    MIN_GROUND_UP,
    MIN_OBJECT_ABOVE_SHARE,
    MIN_PLANE_POINTS,
    MIN_SUPPORT_SHARE,
    PLANE_SAMPLES,
)
from ris_ros.types import CameraModel

GROUND_SAMPLES = 80
"""Pixels along the longer side of the image that the ground is fitted to."""
REFINEMENTS = 3
"""Rounds of least squares that refine a support plane, each on the inliers of the round before."""


def fit_support_plane(points: np.ndarray, object_points: np.ndarray, tolerance: float
                      ) -> tuple[np.ndarray, float] | None:
    """Fit the plane that most points around an object lie on and that has the object and the camera above it.

    Parameters
    ----------
    points : float64 [N, 3], metres, around the object
    object_points : float64 [P, 3], metres, on the object
    tolerance : metres, how far from the plane its points may be

    Returns
    -------
    The unit normal, float64 [3], and the offset of the plane along it, metres; None where there is no such plane.

    """
    if len(points) < MIN_PLANE_POINTS:
        return None
    normals, anchors = _sample_planes(points, min_length=1e-6)
    # The camera is at the origin, above the plane: its level is negative.
    normals[(normals * anchors).sum(1) > 0] *= -1
    levels = (normals * anchors).sum(1)
    is_below = (object_points @ normals.T > levels - 2 * tolerance).mean(0) > MIN_OBJECT_ABOVE_SHARE
    inliers = (np.abs(points @ normals.T - levels) < tolerance).sum(0) * is_below
    if not inliers.size or inliers.max() < MIN_SUPPORT_SHARE * len(points):
        return None
    normal, level = normals[inliers.argmax()], levels[inliers.argmax()]
    for _ in range(REFINEMENTS):
        support_points = points[np.abs(points @ normal - level) < tolerance]
        if len(support_points) < MIN_PLANE_POINTS:  # Coordinates so large that rounding moves the plane off its points.
            return None
        refined, centroid = _least_squares_plane(support_points)
        normal = refined if refined @ normal > 0 else -refined
        level = float(normal @ centroid)
    return normal, level


def ground_frame(metres: np.ndarray, camera: CameraModel) -> np.ndarray:
    """Return the rotation, float64 [3, 3], from the camera's optical frame to right, forward and up.

    Up is the normal of the largest plane in view, which can be a floor or a table. Without one, the camera is assumed
    to be level.

    Parameters
    ----------
    metres : float [H, W], depth along the optical axis; NaN where unknown
    camera : the model of the camera that took it

    """
    directions = rays(camera, *metres.shape)
    step = max(1, max(metres.shape) // GROUND_SAMPLES)
    points = (directions[::step, ::step] * metres[::step, ::step, None]).reshape(-1, 3).astype(np.float64)
    up = _ground_normal(points[~np.isnan(points).any(axis=1)])
    if up is None:
        up = np.array([0.0, -1.0, 0.0])
    right = np.cross([0.0, 0.0, 1.0], up)
    right = right / np.linalg.norm(right) if np.linalg.norm(right) > 1e-6 else np.array([1.0, 0.0, 0.0])
    return np.stack([right, np.cross(up, right), up])


def _ground_normal(points: np.ndarray) -> np.ndarray | None:
    """Return the upward unit normal of the largest plane among points [N, 3], or None where no plane is large."""
    if len(points) < MIN_PLANE_POINTS:
        return None
    normals, anchors = _sample_planes(points, min_length=1e-9)
    normals *= -np.sign(normals[:, 1:2])
    faces_up = normals[:, 1] < -MIN_GROUND_UP
    normals, anchors = normals[faces_up], anchors[faces_up]
    if not len(normals):
        return None
    levels = np.sum(anchors * normals, axis=1)
    inliers = np.abs(np.einsum("pk,nk->np", points, normals) - levels[:, None]) < (
        GROUND_TOLERANCE_SHARE * np.median(points[:, 2]))
    largest = inliers[inliers.sum(axis=1).argmax()]
    if largest.mean() <= MIN_GROUND_SHARE:
        return None
    normal, _ = _least_squares_plane(points[largest])
    return -normal * np.sign(normal[1])


def _sample_planes(points: np.ndarray, min_length: float) -> tuple[np.ndarray, np.ndarray]:
    """Sample planes through triples of points [N, 3]; the seed is fixed, so equal points give equal planes.

    Returns
    -------
    Unit normals and a point of each plane, float64 [K, 3] each. Triples whose cross product is no longer than
    `min_length` are left out.

    """
    a, b, c = points[np.random.default_rng(0).integers(len(points), size=(3, PLANE_SAMPLES))]
    normals = np.cross(b - a, c - a)
    lengths = np.linalg.norm(normals, axis=1)
    is_plane = lengths > min_length
    return normals[is_plane] / lengths[is_plane, None], a[is_plane]


def _least_squares_plane(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the unit normal [3] and the centroid [3] of the plane closest to points [N, 3]."""
    centroid = points.mean(axis=0)
    return np.linalg.svd(points - centroid, full_matrices=False)[2][2], centroid
