"""Degradation of true masks to masks with the typical errors of a segmentation model."""

from __future__ import annotations

import cv2
import numpy as np

from ris_ros.sim.scene import Rendering


def degrade_mask(mask: np.ndarray, rendering: Rendering, rng: np.random.Generator) -> np.ndarray:
    """Return a mask as a segmentation model might predict it, bool [H, W].

    It is slightly too large or too small, has an uneven edge, lacks a piece or includes a piece of a neighbour.

    Parameters
    ----------
    mask : bool [H, W]
    rendering : the rendering that the mask belongs to
    rng : chooses the errors

    """
    degraded: np.ndarray = mask.astype(np.uint8)
    radius = int(rng.integers(1, 4))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    kind = rng.integers(5)
    if kind in (0, 3):
        degraded = cv2.dilate(degraded, kernel)
    elif kind in (1, 4):
        degraded = cv2.erode(degraded, kernel)
    if kind in (2, 3, 4):               # An uneven edge, like that of a mask predicted at a quarter of the resolution.
        noise = cv2.GaussianBlur(rng.standard_normal(mask.shape, np.float32), (0, 0), 3)
        soft = cv2.GaussianBlur(degraded.astype(np.float32), (0, 0), 3)
        degraded = ((soft > 0.05) & (soft + 1.2 * noise > 0.5)).astype(np.uint8)
    degraded = degraded.astype(bool)
    if rng.random() < 0.25:
        degraded &= ~cut_mask(mask, rng.uniform(0.03, 0.15), rng)
    if rng.random() < 0.25:
        near = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
        neighbours = np.setdiff1d(rendering.instances[near & ~mask], [0])
        if len(neighbours):
            neighbour = rendering.instances == rng.choice(neighbours)
            share = min(1.0, 0.12 * mask.sum() / neighbour.sum())
            distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 3)
            degraded |= neighbour & (distance <= np.quantile(distance[neighbour], share))
    return degraded if degraded.sum() >= 0.5 * mask.sum() else mask


def cut_mask(mask: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return the share, 0..1, of a mask's pixels that lies on one side of a random straight line, bool [H, W]."""
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = np.indices(mask.shape)
    along = rows * np.sin(angle) + columns * np.cos(angle)
    cut: np.ndarray = mask & (along <= np.quantile(along[mask], share))
    return cut
