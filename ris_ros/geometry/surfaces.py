"""Connected surfaces in a depth image: the pixels of an object, and of what touches it."""

from __future__ import annotations

import cv2
import numpy as np

from ris_ros.geometry.thresholds import (
    CONTACT_MARGIN_PIXELS,
    MAX_PART_GAP_METRES,
    MAX_PART_GAP_SHARE,
    MAX_PART_RATIO,
    MIN_PART_PIXELS,
)

MAX_SURFACE_SAMPLES, MAX_PART_SAMPLES = 500, 50
"""Points of the largest part, and of each other part, between which the distance is measured."""


def object_surface(z: np.ndarray, known: np.ndarray, max_step: np.ndarray, xyz: np.ndarray) -> np.ndarray:
    """Return the pixels that are on the object's surface.

    Two kinds of pixels are dropped: flying pixels, which a sensor reports between a near and a far surface, and parts
    that are neither connected to the largest surface nor near it, such as background inside the mask's edge.

    Parameters
    ----------
    z : float64 [h, w], depth in metres; NaN where unknown
    known : bool [h, w], pixels of the mask with depth
    max_step : float64 [h, w], metres by which the depth of neighbours on one surface may differ
    xyz : float64 [h, w, 3], metres

    Returns
    -------
    bool [h, w]

    """
    solid = known & ~_flying_pixels(z, max_step)
    labels = _connected_surfaces(z, solid, max_step)
    sizes = np.bincount(labels[solid], minlength=1)
    if not sizes.any():
        return solid
    largest = int(sizes.argmax())
    surface = labels == largest
    samples = subsample(xyz[surface], MAX_SURFACE_SAMPLES)
    max_gap = max(MAX_PART_GAP_METRES, MAX_PART_GAP_SHARE * float(np.linalg.norm(np.ptp(samples, axis=0))))
    for label in np.flatnonzero(sizes >= max(MIN_PART_PIXELS, sizes[largest] // MAX_PART_RATIO)):
        part = labels == label
        if label != largest and _distance(samples, subsample(xyz[part], MAX_PART_SAMPLES)) < max_gap:
            surface |= part
    return surface & solid


def contact_pixels(mask: np.ndarray, surface: np.ndarray, z: np.ndarray, max_step: np.ndarray) -> np.ndarray:
    """Return the pixels beyond the mask's edge that continue its surface without a depth step: contacts of the object.

    Parameters
    ----------
    mask, surface : bool [h, w], the object's mask and the part of it on its surface
    z : float64 [h, w], depth in metres; NaN where unknown
    max_step : float64 [h, w], metres by which the depth of neighbours on one surface may differ

    Returns
    -------
    bool [h, w]

    """
    kernel = np.ones((2 * CONTACT_MARGIN_PIXELS - 3,) * 2, np.uint8)
    edge = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8))
    beyond = cv2.dilate(mask.astype(np.uint8), kernel) > edge
    nearest = cv2.erode(np.where(surface, z, np.inf), kernel)
    farthest = cv2.dilate(np.where(surface, z, -np.inf), kernel)
    return beyond & (z >= nearest - max_step) & (z <= farthest + max_step)


def subsample(points: np.ndarray, max_points: int) -> np.ndarray:
    """Return at most `max_points` of the points [P, ...], at even steps of their index."""
    if len(points) <= max_points:
        return points
    return points[np.linspace(0, len(points) - 1, max_points).astype(int)]


def _flying_pixels(z: np.ndarray, max_step: np.ndarray) -> np.ndarray:
    """Return the pixels, bool [h, w], whose depth lies isolated between those of two opposite neighbours."""
    flying = np.zeros(z.shape, bool)
    padded = np.pad(z, 1, constant_values=np.nan)
    height, width = z.shape
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        ahead = padded[1 + dy:1 + dy + height, 1 + dx:1 + dx + width] - z
        behind = z - padded[1 - dy:1 - dy + height, 1 - dx:1 - dx + width]
        flying |= (np.minimum(ahead, behind) > max_step) | (np.maximum(ahead, behind) < -max_step)
    return flying


def _connected_surfaces(z: np.ndarray, known: np.ndarray, max_step: np.ndarray) -> np.ndarray:
    """Return a label, int32 [h, w], for each connected surface among the known pixels; 0 elsewhere."""
    # Pixels, and the links between them, as one binary image whose connected components are the surfaces.
    height, width = z.shape
    lattice = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
    lattice[::2, ::2] = known
    lattice[::2, 1::2] = known[:, 1:] & known[:, :-1] & (np.abs(np.diff(z, axis=1)) <= max_step[:, 1:])
    lattice[1::2, ::2] = known[1:] & known[:-1] & (np.abs(np.diff(z, axis=0)) <= max_step[1:])
    return cv2.connectedComponents(lattice, connectivity=4)[1][::2, ::2]


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the smallest distance between points [N, 3] and [M, 3]."""
    return float(np.linalg.norm(a - b[:, None], axis=2).min())
