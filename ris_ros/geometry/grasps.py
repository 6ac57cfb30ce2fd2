"""Fitting of a top-down grasp across an object."""

from __future__ import annotations

import numpy as np

from ris_ros.geometry.boxes import extent
from ris_ros.geometry.objects import Grasp, OrientedBox
from ris_ros.geometry.thresholds import GRASP_SLICE_METRES, GRASP_SLICE_SHARE, MIN_SURFACE_POINTS


def fit_grasp(xyz: np.ndarray, box: OrientedBox) -> Grasp:
    """Fit a grasp across the middle of the box, between the object's own surfaces there.

    The surfaces and not the box give the width, because a bent object does not fill its box.

    Parameters
    ----------
    xyz : float64 [P, 3], metres, on the object
    box : the box around them

    """
    along, across = ((xyz - box.centre) @ box.axes[:, :2]).T
    slice_ = across[np.abs(along) < max(GRASP_SLICE_METRES, GRASP_SLICE_SHARE * box.size[0])]
    half = box.size[1] / 2
    low, high = extent(slice_) if len(slice_) >= MIN_SURFACE_POINTS else (-half, half)
    closing = box.axes[:, 1]
    return Grasp(box.centre + closing * (low + high) / 2, closing, -box.axes[:, 2], float(high - low))
