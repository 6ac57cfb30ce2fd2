"""Fitting of the upright box of an object."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ris_ros.geometry.objects import OrientedBox, level_axes
from ris_ros.geometry.support import Support
from ris_ros.geometry.surfaces import subsample
from ris_ros.geometry.thresholds import (
    EDGE_DISTANCE_WEIGHT,
    HEIGHT_PERCENTILE,
    MAX_CIRCLE_ERROR,
    MAX_CIRCLE_REACH,
    MAX_CIRCLE_WIDTH,
    MAX_CYLINDER_MISMATCH,
    MIN_CIRCLE_DEPTH,
    MIN_CIRCLE_WIDTH,
    MIN_OUTLINE_BINS,
    OUTLIER_PERCENT,
    OUTLINE_BINS,
)

MAX_BOX_POINTS = 3000
"""Points that the box is fitted to."""


class Circle(NamedTuple):
    """A circle: its centre, float64 [2], and its radius, metres."""

    centre: np.ndarray
    radius: float


def fit_box(xyz: np.ndarray, support: Support) -> OrientedBox:
    """Fit the smallest upright box on the support to points [P, 3], metres; the hidden half of round sides is added."""
    xyz = subsample(xyz, MAX_BOX_POINTS)
    horizontal = np.stack(level_axes(support.up))
    flat, heights = xyz @ horizontal.T, support.heights(xyz)
    height = max(float(np.percentile(heights, HEIGHT_PERCENTILE)), 1e-3)
    viewer = -flat.mean(0)
    if (circle := _fit_circle(flat, viewer)) is not None:
        # Turned so that a gripper closes across the line of sight, where both sides of the object are visible.
        sides = np.stack([viewer, (-viewer[1], viewer[0])]) / np.linalg.norm(viewer)
        middle, size = sides @ circle.centre, np.array([2 * circle.radius, 2 * circle.radius])
    else:
        sides = _longer_side_first(flat, _rectangle_angle(flat))
        low, high = extent(flat @ sides.T)
        middle, size = (low + high) / 2, high - low
        # A lying cylinder: its section across the longer side is a circle as high as the object.
        section = np.column_stack([flat @ sides[1], heights])
        circle = _fit_circle(section, np.array([viewer @ sides[1], -support.level]))
        if circle is not None and abs(2 * circle.radius / height - 1) < MAX_CYLINDER_MISMATCH:
            middle[1], size[1] = circle.centre[0], 2 * circle.radius
    axes = np.column_stack([*(sides @ horizontal), support.up])
    centre = axes @ np.array([*middle, support.level + height / 2])
    return OrientedBox(centre, axes, np.array([*size, height]))


def extent(values: np.ndarray) -> np.ndarray:
    """Return the low and the high end, [2] or [2, K], of values [P] or of each column of [P, K], without outliers."""
    return np.percentile(values, (OUTLIER_PERCENT, 100 - OUTLIER_PERCENT), axis=0)


def _fit_circle(points: np.ndarray, viewer: np.ndarray) -> Circle | None:
    """Fit a circle to points whose near outline is an arc of it, by least squares (Kasa, 1976).

    The circle must be as wide as all points are and must hold them. The outline of a box, however it is turned, misses
    every circle by 8 % of the radius or more.

    Parameters
    ----------
    points : float64 [P, 2], metres
    viewer : float64 [2], the direction of the camera

    Returns
    -------
    The circle, or None where none fits.

    """
    viewer = viewer / np.linalg.norm(viewer)
    sides = np.array([[-viewer[1], viewer[0]], viewer])
    across, towards = sides @ points.T
    low, high = extent(across)
    bins = np.floor((across - low) / (high - low + 1e-9) * OUTLINE_BINS).astype(int)
    outline = np.array([(np.median(across[bins == i]), np.percentile(towards[bins == i], 99))
                        for i in range(1, OUTLINE_BINS - 1) if (bins == i).sum() >= 3])
    if len(outline) < MIN_OUTLINE_BINS:
        return None
    solution = np.linalg.lstsq(np.column_stack([2 * outline, np.ones(len(outline))]), (outline**2).sum(1),
                               rcond=None)[0]
    centre, radius = solution[:2], float(np.sqrt(solution[2] + solution[:2] @ solution[:2]))
    errors = np.linalg.norm(outline - centre, axis=1) / radius - 1
    reach = np.percentile(np.linalg.norm(np.column_stack([across, towards]) - centre, axis=1), 97)
    width, depth = (high - low) / radius, np.ptp(extent(towards)) / radius
    # A bent object that shows its outer side is an arc too, but a shallow one.
    if (np.sqrt((errors**2).mean()) > MAX_CIRCLE_ERROR or not MIN_CIRCLE_WIDTH < width < MAX_CIRCLE_WIDTH
            or depth < MIN_CIRCLE_DEPTH or reach > MAX_CIRCLE_REACH * radius):
        return None
    return Circle(centre @ sides, radius)


def _rectangle_angle(flat: np.ndarray) -> float:
    """Return the angle, radians, of the rectangle that fits points [P, 2] best."""
    angles = np.radians(np.arange(0, 90, 3.0))
    best = angles[_rectangle_costs(flat, angles).argmin()]
    angles = best + np.radians(np.arange(-3, 3.01, 0.2))
    return float(angles[_rectangle_costs(flat, angles).argmin()])


def _rectangle_costs(flat: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Return the cost, float64 [K], of rectangles around points [P, 2] at angles [K], radians.

    It grows with the area and with the mean distance of points from the nearest side. The area alone is ambiguous where
    only two sides of a box are visible and not its top. There the distance from the sides decides, as in L-shape
    fitting of cars in laser scans (Zhang et al., "Efficient L-shape fitting", 2017).
    """
    cos, sin = np.cos(angles), np.sin(angles)
    sides, distances = [], []
    for axis in ([cos, sin], [-sin, cos]):
        along = flat @ np.stack(axis)
        low, high = extent(along)
        sides.append(high - low)
        distances.append(np.abs(np.minimum(along - low, high - along)))
    area = sides[0] * sides[1]
    return area * (1 + EDGE_DISTANCE_WEIGHT * np.minimum(*distances).mean(0) / np.sqrt(area + 1e-12))


def _longer_side_first(flat: np.ndarray, angle: float) -> np.ndarray:
    """Return the axes, float64 [2, 2] in rows, of the rectangle at an angle around points [P, 2]."""
    sides = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    low, high = extent(flat @ sides.T)
    length, width = high - low
    return np.stack([sides[1], -sides[0]]) if width > length else sides
