"""Localization in 3-D of the object that a mask and a depth image show."""

from __future__ import annotations

import numpy as np

from ris_ros.errors import InputError
from ris_ros.geometry.boxes import fit_box
from ris_ros.geometry.cameras import rays
from ris_ros.geometry.grasps import fit_grasp
from ris_ros.geometry.objects import Object3D, Points
from ris_ros.geometry.support import find_support, sample_surroundings
from ris_ros.geometry.surfaces import contact_pixels, object_surface, subsample
from ris_ros.geometry.thresholds import (
    CONTACT_MARGIN_PIXELS,
    DEPTH_NOISE_METRES,
    MAX_DEPTH_METRES,
    MIN_SURFACE_POINTS,
    MIN_VIEWING_ANGLE,
)
from ris_ros.types import Depth
from ris_ros.utils.masks import mask_box

MAX_OBJECT_SAMPLES = 1000
"""Points of the object from which its support is estimated."""


def locate(mask: np.ndarray, depth: Depth, image: np.ndarray | None = None, *,
           up: np.ndarray | None = None) -> Object3D:
    """Locate the object of a mask in the camera's frame: its points, its oriented box and a top-down grasp.

    Parameters
    ----------
    mask : bool [H, W]; it may stray a few pixels over the object's edge
    depth : of the same size; pixels of unknown depth (0, NaN, infinite) are left out
    image : uint8 RGB [H, W, 3], for the points' colours
    up : float [3], the direction away from the ground, in the camera's frame; None to estimate it as the normal of the
        surface that the object stands on, fitted to the depth around the object

    Raises
    ------
    InputError
        When mask, image and depth differ in size, the camera model is unusable, or too little of the object has depth.

    """
    _check_shapes(mask, depth, image)
    window = _window(mask)
    rows, columns = window
    directions = rays(depth.camera, *mask.shape)
    z = depth.metres[window].astype(np.float64)
    z[~(np.isfinite(z) & (z > 0) & np.isfinite(directions[rows, columns, 0]))] = np.nan
    inside = mask[window]
    known = inside & ~np.isnan(z)
    _check_depth(z[known], int(inside.sum()))
    xyz = directions[window] * z[..., None]
    max_step = z / depth.camera.intrinsics[0, 0] / np.tan(MIN_VIEWING_ANGLE) + DEPTH_NOISE_METRES

    surface = object_surface(z, known, max_step, xyz)
    if surface.sum() < MIN_SURFACE_POINTS:
        raise InputError("the object's depth has no connected surface that is large enough")
    object_points = subsample(xyz[surface], MAX_OBJECT_SAMPLES)
    surroundings = sample_surroundings(mask, depth, directions, object_points)
    contacts = xyz[contact_pixels(inside, surface, z, max_step)]
    support = find_support(object_points, surroundings, contacts, up)
    kept = surface.copy()
    kept[surface] = support.is_above(xyz[surface])

    pixels = np.argwhere(kept)[:, ::-1] + (columns.start, rows.start)
    colours = np.zeros((len(pixels), 3), np.uint8) if image is None else image[window][kept]
    points = Points(xyz[kept].astype(np.float32), pixels.astype(np.int32), colours)
    box = fit_box(xyz[kept], support)
    return Object3D(points, xyz[kept].mean(0), box, fit_grasp(xyz[kept], box), support.up, support.up_from)


def _check_shapes(mask: np.ndarray, depth: Depth, image: np.ndarray | None) -> None:
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise InputError(f"a mask must be bool [H, W], not {mask.dtype} {list(mask.shape)}")
    for name, other in (("depth", depth.metres), ("image", image)):
        if other is not None and other.shape[:2] != mask.shape:
            raise InputError(f"the {name} is {other.shape[1]} x {other.shape[0]} pixels, but the mask "
                             f"{mask.shape[1]} x {mask.shape[0]}: register depth to the colour image")
    if not mask.any():
        raise InputError("the mask is empty")


def _check_depth(z: np.ndarray, mask_pixels: int) -> None:
    """Raise an InputError unless enough of the object has depth, float64 [P], and it is plausibly in metres."""
    if len(z) < MIN_SURFACE_POINTS:
        raise InputError(f"depth is known at {len(z)} of the object's {mask_pixels} pixels; at least "
                         f"{MIN_SURFACE_POINTS} are needed")
    if np.median(z) > MAX_DEPTH_METRES:
        raise InputError(f"the object would be {np.median(z):.0f} m away: is its depth in millimetres?")


def _window(mask: np.ndarray) -> tuple[slice, slice]:
    """Return the rows and columns of the mask and of a margin in which other objects may touch it."""
    x1, y1, x2, y2 = (int(edge) for edge in mask_box(mask))
    return (slice(max(0, y1 - CONTACT_MARGIN_PIXELS), y2 + CONTACT_MARGIN_PIXELS),
            slice(max(0, x1 - CONTACT_MARGIN_PIXELS), x2 + CONTACT_MARGIN_PIXELS))
