"""Estimation of the support surface that an object stands on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ris_ros.geometry.planes import fit_support_plane
from ris_ros.geometry.surfaces import subsample
from ris_ros.geometry.thresholds import (
    CONTACT_PERCENTILE,
    MAX_CONTACT_TOLERANCES,
    MIN_CONTACT_POINTS,
    MIN_PLANE_POINTS,
    MIN_SURFACE_POINTS,
    PLANE_TOLERANCE_METRES,
    PLANE_TOLERANCE_PER_SQUARE_METRE,
    SUPPORT_MARGIN_METRES,
    SUPPORT_MARGIN_SHARE,
)
from ris_ros.types import Depth

MAX_PIXELS = 20_000
"""Approximate number of pixels of an image from which the surroundings are sampled."""
MAX_SURROUNDING_POINTS = 1500
"""Points of the surroundings that a support plane is fitted to."""


@dataclass(frozen=True, eq=False)
class Support:
    """The horizontal plane below an object: points p with p @ up == level are on it.

    Attributes
    ----------
    up : float64 [3], unit
    level : metres along `up`
    up_from : "given", "support" or "camera", see :class:`Object3D`

    """

    up: np.ndarray
    level: float
    up_from: str

    def heights(self, xyz: np.ndarray) -> np.ndarray:
        """Return the heights above the support, metres [P], of points [P, 3]."""
        return xyz @ self.up - self.level

    def is_above(self, xyz: np.ndarray) -> np.ndarray:
        """Return which points [P, 3], metres, belong to the object and not to its support, bool [P].

        A mask may reach over the object's edge onto the support. If too few points are above it, all of them count.
        """
        heights = self.heights(xyz)
        above = heights > min(SUPPORT_MARGIN_METRES, SUPPORT_MARGIN_SHARE * np.percentile(heights, 98))
        return above if above.sum() >= MIN_SURFACE_POINTS else np.ones(len(xyz), bool)


def find_support(object_points: np.ndarray, surroundings: np.ndarray, contacts: np.ndarray, up: np.ndarray | None
                 ) -> Support:
    """Estimate the support of an object.

    Parameters
    ----------
    object_points, surroundings, contacts : float64 [., 3], metres: points of the object, around it, and of the surfaces
        that touch it
    up : float [3], the direction away from the ground; None to take the normal of the plane around the object, and
        the camera's own up where there is no such plane

    """
    tolerance = (PLANE_TOLERANCE_METRES
                 + PLANE_TOLERANCE_PER_SQUARE_METRE * float(np.median(object_points[:, 2])) ** 2)
    level = None
    if up is not None:
        up, up_from = np.asarray(up, np.float64) / np.linalg.norm(up), "given"
        level = _densest_level(surroundings @ up, object_points @ up, tolerance)
    elif (plane := fit_support_plane(surroundings, object_points, tolerance)) is not None:
        (up, level), up_from = plane, "support"
    else:
        up, up_from = np.array([0.0, -1.0, 0.0]), "camera"
    lowest, middle = np.percentile(object_points @ up, (1, 50))
    contact_levels = contacts @ up
    contact_levels = contact_levels[contact_levels < middle]
    if len(contact_levels) >= MIN_CONTACT_POINTS:
        contact_level = float(np.percentile(contact_levels, CONTACT_PERCENTILE))
        # A plane of many pixels is the more accurate measurement, if it is the one that the object stands on.
        if level is None or abs(contact_level - level) > MAX_CONTACT_TOLERANCES * tolerance:
            level = contact_level
    return Support(up, float(lowest) if level is None else level, up_from)


def sample_surroundings(mask: np.ndarray, depth: Depth, directions: np.ndarray, object_points: np.ndarray
                        ) -> np.ndarray:
    """Sample points around the object, nearer ones with a higher probability.

    Parameters
    ----------
    mask : bool [H, W], of the object
    depth : of the whole image
    directions : float32 [H, W, 3], its rays
    object_points : float64 [P, 3], metres, on the object

    Returns
    -------
    float64 [N, 3], metres, none of them on the object

    """
    stride = max(1, round(np.sqrt(mask.size / MAX_PIXELS)))
    z = depth.metres[::stride, ::stride]
    covered = cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8))[::stride, ::stride]
    known = (covered == 0) & np.isfinite(z) & (z > 0) & np.isfinite(directions[::stride, ::stride, 0])
    xyz = directions[::stride, ::stride][known] * z[known, None].astype(np.float64)
    middle = np.median(object_points, axis=0)
    radius = np.percentile(np.linalg.norm(object_points - middle, axis=1), 95)
    distance = np.linalg.norm(xyz - middle, axis=1)
    # A fixed seed: the same image must give the same answer.
    drawn = np.random.default_rng(0).random(len(xyz)) < 1 / (1 + (distance / (2 * radius + 0.10)) ** 4)
    return subsample(xyz[drawn], MAX_SURROUNDING_POINTS)


def _densest_level(surroundings: np.ndarray, object_levels: np.ndarray, tolerance: float) -> float | None:
    """Return the level that most of the surroundings share, among those below the object; None for too few points.

    Parameters
    ----------
    surroundings, object_levels : metres along the up direction, [N] and [P]
    tolerance : metres by which levels that count as shared may differ

    """
    levels = surroundings[surroundings < np.percentile(object_levels, 10) + 2 * tolerance]
    if len(levels) < MIN_PLANE_POINTS:
        return None
    is_near = np.abs(levels[:, None] - levels) < tolerance
    return float(levels[is_near[is_near.sum(0).argmax()]].mean())
