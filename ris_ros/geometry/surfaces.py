"""Which pixels of a depth image are on one surface."""

from __future__ import annotations

import cv2
import numpy as np

# Fewer points than this are no surface.
LEAST_POINTS = 20
# Pixels around the mask that are looked at for what the object touches.
MARGIN = 6


def on_surface(z: np.ndarray, seen: np.ndarray, jump: np.ndarray, xyz: np.ndarray) -> np.ndarray:
    """Those of the `seen` pixels that are on the object's surface, bool [h, w].

    Dropped are flying pixels, which a sensor sets between a near and a far surface, and whatever is not connected to
    the largest connected surface and not near it either, such as background that the mask's edge strayed over.
    """
    flying = np.zeros_like(seen)
    padded = np.pad(z, 1, constant_values=np.nan)
    height, width = z.shape
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        ahead = padded[1 + dy:1 + dy + height, 1 + dx:1 + dx + width] - z
        behind = z - padded[1 - dy:1 - dy + height, 1 - dx:1 - dx + width]
        flying |= (np.minimum(ahead, behind) > jump) | (np.maximum(ahead, behind) < -jump)
    seen = seen & ~flying
    # Pixels and the links between them as one binary picture, whose connected parts are the connected surfaces.
    lattice = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
    lattice[::2, ::2] = seen
    lattice[::2, 1::2] = seen[:, 1:] & seen[:, :-1] & (np.abs(np.diff(z, axis=1)) <= jump[:, 1:])
    lattice[1::2, ::2] = seen[1:] & seen[:-1] & (np.abs(np.diff(z, axis=0)) <= jump[1:])
    labels = cv2.connectedComponents(lattice, connectivity=4)[1][::2, ::2]
    sizes = np.bincount(labels[seen], minlength=1)
    if not sizes.any():
        return seen
    largest = int(sizes.argmax())
    main = sampled(xyz[labels == largest], 500)
    near = max(0.02, 0.1 * float(np.linalg.norm(np.ptp(main, axis=0))))
    surface = labels == largest
    for part in np.flatnonzero(sizes >= max(3, sizes[largest] // 200)):
        pixels = labels == part
        if part != largest and np.linalg.norm(main - sampled(xyz[pixels], 50)[:, None], axis=2).min() < near:
            surface |= pixels
    return surface & seen


def touched(inside: np.ndarray, surface: np.ndarray, z: np.ndarray, jump: np.ndarray) -> np.ndarray:
    """Where the surface goes on beyond the mask's edge without a jump, bool [h, w]: what the object touches."""
    kernel = np.ones((2 * MARGIN - 3,) * 2, np.uint8)
    close = cv2.dilate(inside.astype(np.uint8), np.ones((5, 5), np.uint8))
    beyond = cv2.dilate(inside.astype(np.uint8), kernel) > close
    nearest = cv2.erode(np.where(surface, z, np.inf), kernel)
    farthest = cv2.dilate(np.where(surface, z, -np.inf), kernel)
    return beyond & (z >= nearest - jump) & (z <= farthest + jump)


def sampled(points: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the points, evenly taken."""
    return points if len(points) <= most else points[np.linspace(0, len(points) - 1, most).astype(int)]
