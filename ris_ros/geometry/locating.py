"""From a mask and a depth image to the object."""

from __future__ import annotations

import numpy as np

from ris_ros.errors import InputError
from ris_ros.geometry.boxes import fit_box, fit_grasp
from ris_ros.geometry.cameras import rays
from ris_ros.geometry.objects import Object3D, Points
from ris_ros.geometry.support import find_support, surroundings
from ris_ros.geometry.surfaces import LEAST_POINTS, MARGIN, on_surface, sampled, touched
from ris_ros.types import Depth
from ris_ros.utils.masks import mask_box

# Neighbouring pixels belong to one surface unless it would be seen at less than this angle, up to so much noise.
_GRAZING, _DEPTH_NOISE = np.radians(10), 0.005
# Median depth, metres, beyond which millimetres were taken for metres.
_FARTHEST = 100.0


def locate(mask: np.ndarray, depth: Depth, image: np.ndarray | None = None, *,
           up: np.ndarray | None = None) -> Object3D:
    """Where the object of a mask is, how large, how turned, and how to grasp it from above.

    Parameters
    ----------
    mask : bool [H, W]; it may stray a few pixels over the object's edge
    depth : of the same size; unknown depth (0, NaN, infinite) is left out
    image : uint8 RGB [H, W, 3], for the points' colours
    up : float [3], away from the ground, in the camera's frame; None: the normal of the surface that the object
        stands on, found around it in the depth image

    Raises
    ------
    InputError
        When mask, image and depth differ in size, the camera model is unusable, or too little of the object has depth.

    """
    _check(mask, depth, image)
    rows, columns = _window(mask)
    directions = rays(depth.camera, *mask.shape)
    z = depth.metres[rows, columns].astype(np.float64)
    z[~(np.isfinite(z) & (z > 0) & np.isfinite(directions[rows, columns, 0]))] = np.nan
    inside = mask[rows, columns]
    seen = inside & ~np.isnan(z)
    if seen.sum() < LEAST_POINTS:
        raise InputError(f"depth is known at {seen.sum()} of the object's {inside.sum()} pixels; at least "
                         f"{LEAST_POINTS} are needed")
    if np.median(z[seen]) > _FARTHEST:
        raise InputError(f"the object would be {np.median(z[seen]):.0f} m away: is its depth in millimetres?")
    xyz = directions[rows, columns] * z[..., None]
    jump = z / depth.camera.intrinsics[0, 0] / np.tan(_GRAZING) + _DEPTH_NOISE

    surface = on_surface(z, seen, jump, xyz)
    if surface.sum() < LEAST_POINTS:
        raise InputError("the object's depth is in pieces: no surface of it holds together")
    objects = sampled(xyz[surface], 1000)
    around = surroundings(mask, depth, directions, objects)
    support = find_support(objects, around, xyz[touched(inside, surface, z, jump)], up)
    kept = surface.copy()
    kept[surface] = support.above(xyz[surface])

    found = np.argwhere(kept)
    points = Points(xyz[kept].astype(np.float32), (found[:, ::-1] + (columns.start, rows.start)).astype(np.int32),
                    np.zeros((len(found), 3), np.uint8) if image is None else image[rows, columns][kept])
    box = fit_box(xyz[kept], support)
    return Object3D(points, xyz[kept].mean(0), box, fit_grasp(xyz[kept], box), support.up, support.up_from)


def _check(mask: np.ndarray, depth: Depth, image: np.ndarray | None) -> None:
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise InputError(f"a mask must be bool [H, W], not {mask.dtype} {list(mask.shape)}")
    for name, other in (("depth", depth.metres), ("image", image)):
        if other is not None and other.shape[:2] != mask.shape:
            raise InputError(f"the {name} is {other.shape[1]} x {other.shape[0]} pixels, but the mask "
                             f"{mask.shape[1]} x {mask.shape[0]}: register depth to the colour image")
    if not mask.any():
        raise InputError("the mask is empty")


def _window(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the mask and of what touches it."""
    x1, y1, x2, y2 = (int(edge) for edge in mask_box(mask))
    return slice(max(0, y1 - MARGIN), y2 + MARGIN), slice(max(0, x1 - MARGIN), x2 + MARGIN)
