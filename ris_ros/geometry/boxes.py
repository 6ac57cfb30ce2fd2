"""The upright box that holds an object, and the grasp across it."""

from __future__ import annotations

import numpy as np

from ris_ros.geometry.objects import Grasp, OrientedBox, level_axes
from ris_ros.geometry.support import Support
from ris_ros.geometry.surfaces import LEAST_POINTS, sampled

# Most points that the box is fitted to.
_SAMPLE = 3000


def fit_box(xyz: np.ndarray, support: Support) -> OrientedBox:
    """The smallest upright box on the support; where round sides are seen, their hidden half is added."""
    xyz = sampled(xyz, _SAMPLE)
    horizontal = np.stack(level_axes(support.up))
    flat, heights = xyz @ horizontal.T, support.heights(xyz)
    height = max(float(np.percentile(heights, 99.5)), 1e-3)
    viewer = -flat.mean(0)
    if (disc := _fit_disc(flat, viewer)) is not None:
        # Turned so that the fingers close across the line of sight, where both its sides are seen.
        middle, radius = disc
        sides = np.stack([viewer, (-viewer[1], viewer[0])]) / np.linalg.norm(viewer)
        middle, size = sides @ middle, np.array([2 * radius, 2 * radius])
    else:
        angle = _rectangle_angle(flat)
        sides = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        low, high = _extent(flat @ sides.T)
        if (high - low)[1] > (high - low)[0]:
            sides = np.stack([sides[1], -sides[0]])
            low, high = _extent(flat @ sides.T)
        middle, size = (low + high) / 2, high - low
        # A lying cylinder: across its longer side it is a disc, as high as itself.
        section = np.column_stack([flat @ sides[1], heights])
        disc = _fit_disc(section, np.array([viewer @ sides[1], -support.level]))
        if disc is not None and abs(2 * disc[1] / height - 1) < 0.25:
            middle[1], size[1] = disc[0][0], 2 * disc[1]
    axes = np.column_stack([*(sides @ horizontal), support.up])
    centre = axes @ np.array([*middle, support.level + height / 2])
    return OrientedBox(centre, axes, np.array([*size, height]))


def fit_grasp(xyz: np.ndarray, box: OrientedBox) -> Grasp:
    """Across the middle of the box, between the object's own surfaces there: a bent thing does not fill its box."""
    along, across = ((xyz - box.centre) @ box.axes[:, :2]).T
    slice_ = across[np.abs(along) < max(0.01, 0.05 * box.size[0])]
    half = box.size[1] / 2
    low, high = _extent(slice_) if len(slice_) >= LEAST_POINTS else (-half, half)
    closing = box.axes[:, 1]
    return Grasp(box.centre + closing * (low + high) / 2, closing, -box.axes[:, 2], float(high - low))


def _fit_disc(flat: np.ndarray, viewer: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Middle [2] and radius of the disc whose rim points [P, 2] show to a viewer in direction [2]; None for no disc.

    The outline nearest to the viewer must be an arc of a circle (least squares, Kasa 1976) that is as wide as all
    points are and that holds them. The outline of a box, however turned, is off by 8 % of the radius or more.
    """
    viewer = viewer / np.linalg.norm(viewer)
    sides = np.array([[-viewer[1], viewer[0]], viewer])
    across, towards = sides @ flat.T
    low, high = _extent(across)
    bins = np.floor((across - low) / (high - low + 1e-9) * 26).astype(int)
    rim = np.array([(np.median(across[bins == i]), np.percentile(towards[bins == i], 99))
                    for i in range(1, 25) if (bins == i).sum() >= 3])
    if len(rim) < 18:
        return None
    solved = np.linalg.lstsq(np.column_stack([2 * rim, np.ones(len(rim))]), (rim**2).sum(1), rcond=None)[0]
    middle, radius = solved[:2], float(np.sqrt(solved[2] + solved[:2] @ solved[:2]))
    strays = np.linalg.norm(rim - middle, axis=1) / radius - 1
    reach = np.percentile(np.linalg.norm(np.column_stack([across, towards]) - middle, axis=1), 97)
    width, depth = (high - low) / radius, np.ptp(_extent(towards)) / radius
    # A bent thing that shows its outer side is an arc too, but a shallow one.
    if np.sqrt((strays**2).mean()) > 0.05 or not 1.6 < width < 2.3 or depth < 0.8 or reach > 1.1 * radius:
        return None
    return middle @ sides, radius


def _rectangle_angle(flat: np.ndarray) -> float:
    """The angle, radians, of the rectangle that fits points [P, 2] best."""
    angles = np.radians(np.arange(0, 90, 3.0))
    best = angles[_misfits(flat, angles).argmin()]
    angles = best + np.radians(np.arange(-3, 3.01, 0.2))
    return float(angles[_misfits(flat, angles).argmin()])


def _misfits(flat: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """How badly rectangles at `angles` [K] fit: by their area, and by how far points are from the nearest side.

    The area alone says nothing where only two sides of a box are seen and not its top; nearness to sides, by which
    laser scanners fit cars (Zhang et al., "Efficient L-shape fitting", 2017), decides there.
    """
    cos, sin = np.cos(angles), np.sin(angles)
    sides, nearest = [], np.inf
    for axis in ([cos, sin], [-sin, cos]):
        along = flat @ np.stack(axis)
        low, high = _extent(along)
        sides.append(high - low)
        nearest = np.minimum(nearest, np.abs(np.minimum(along - low, high - along)))
    area = sides[0] * sides[1]
    return area * (1 + 4 * nearest.mean(0) / np.sqrt(area + 1e-12))


def _extent(values: np.ndarray) -> np.ndarray:
    """Low and high end, [2] or [2, K], of values [P] or of each column of [P, K], but for a few outliers."""
    return np.percentile(values, (0.4, 99.6), axis=0)
