"""What an object stands on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ris_ros.geometry.surfaces import LEAST_POINTS, sampled
from ris_ros.types import Depth


@dataclass(frozen=True, eq=False)
class Support:
    """The level below an object: points p with p @ up = level are on it."""

    up: np.ndarray
    level: float
    up_from: str

    def heights(self, xyz: np.ndarray) -> np.ndarray:
        """Metres of points [P, 3] above it, [P]."""
        return xyz @ self.up - self.level

    def above(self, xyz: np.ndarray) -> np.ndarray:
        """Which points are not the support itself, where the mask's edge strayed over it."""
        heights = self.heights(xyz)
        above = heights > min(0.005, 0.2 * np.percentile(heights, 98))
        return above if above.sum() >= LEAST_POINTS else np.ones(len(xyz), bool)


def find_support(objects: np.ndarray, around: np.ndarray, touched: np.ndarray, up: np.ndarray | None) -> Support:
    """What an object stands on, from points [., 3] of the object, around it, and of what it touches."""
    tolerance = 0.003 + 0.003 * float(np.median(objects[:, 2])) ** 2
    level = None
    if up is not None:
        up, up_from = np.asarray(up, np.float64) / np.linalg.norm(up), "given"
        level = _densest_level(around @ up, objects @ up, tolerance)
    elif (plane := _fit_plane(around, objects, tolerance)) is not None:
        (up, level), up_from = plane, "support"
    else:
        up, up_from = np.array([0.0, -1.0, 0.0]), "camera"
    low, middle = np.percentile(objects @ up, (1, 50))
    contacts = touched @ up
    contacts = contacts[contacts < middle]
    if len(contacts) >= 10:
        contact = float(np.percentile(contacts, 25))
        # A plane of many pixels is the better measure, if that is what it stands on.
        if level is None or abs(contact - level) > 2.5 * tolerance:
            level = contact
    return Support(up, float(low) if level is None else level, up_from)


def surroundings(mask: np.ndarray, depth: Depth, directions: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """Some of the points, float64 [N, 3], around the object and not on it; those near it are the likeliest."""
    stride = max(1, round(np.sqrt(mask.size / 20_000)))
    z = depth.metres[::stride, ::stride]
    wide = cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8))[::stride, ::stride]
    known = (wide == 0) & np.isfinite(z) & (z > 0) & np.isfinite(directions[::stride, ::stride, 0])
    xyz = directions[::stride, ::stride][known] * z[known, None].astype(np.float64)
    middle = np.median(objects, axis=0)
    size = np.percentile(np.linalg.norm(objects - middle, axis=1), 95)
    distance = np.linalg.norm(xyz - middle, axis=1)
    # A fixed draw, so that the same picture gives the same answer.
    likely = np.random.default_rng(0).random(len(xyz)) < 1 / (1 + (distance / (2 * size + 0.10)) ** 4)
    return sampled(xyz[likely], 1500)


def _fit_plane(around: np.ndarray, objects: np.ndarray, tolerance: float) -> tuple[np.ndarray, float] | None:
    """The plane, (normal, level), that most points around lie on and that has object and camera above it.

    RANSAC (Fischler and Bolles, 1981) over triples, then least squares over the points that agree.
    """
    if len(around) < 50:
        return None
    a, b, c = around[np.random.default_rng(0).integers(len(around), size=(3, 200))]
    normals = np.cross(b - a, c - a)
    lengths = np.linalg.norm(normals, axis=1)
    proper = lengths > 1e-6
    normals, a = normals[proper] / lengths[proper, None], a[proper]
    # The camera is at the origin, above the plane: its level is negative.
    normals[(normals * a).sum(1) > 0] *= -1
    levels = (normals * a).sum(1)
    above = (objects @ normals.T > levels - 2 * tolerance).mean(0) > 0.9
    agreeing = (np.abs(around @ normals.T - levels) < tolerance).sum(0) * above
    if not agreeing.size or agreeing.max() < 0.2 * len(around):
        return None
    normal, level = normals[agreeing.argmax()], levels[agreeing.argmax()]
    for _ in range(3):
        agree = around[np.abs(around @ normal - level) < tolerance]
        middle = agree.mean(0)
        refined = np.linalg.svd(agree - middle, full_matrices=False)[2][2]
        normal = refined if refined @ normal > 0 else -refined
        level = float(normal @ middle)
    return normal, level


def _densest_level(around: np.ndarray, of_object: np.ndarray, tolerance: float) -> float | None:
    """The level that most of the heights `around` share, among those that the object is above."""
    levels = around[around < np.percentile(of_object, 10) + 2 * tolerance]
    if len(levels) < 50:
        return None
    near = np.abs(levels[:, None] - levels) < tolerance
    return float(levels[near[near.sum(0).argmax()]].mean())
