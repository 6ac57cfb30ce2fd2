"""Where the proposals of an image are: in the picture, on the ground, and against each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from ris_ros.geometry import rays
from ris_ros.types import CameraModel, Depth, Proposals

# Without depth the picture is taken for a floor, or a table, seen from above by an ordinary camera: this view, in
# radians across the picture's longer side, and this pitch below the horizon.
FIELD_OF_VIEW = np.radians(60)
PITCH = np.radians(35)
# Longer side, in pixels, of the copies on which masks are held against each other.
SMALL = 192
# Points of an object that its ends are found from.
ENOUGH = 1000
# Share of them, at each end, that may be stray.
STRAY = 0.04


@dataclass(frozen=True, eq=False)
class Layout:
    """N proposals in the picture and on the ground.

    Attributes
    ----------
    centre : float64 [N, 2], centroid of the mask, as a share of the picture's width and height
    extent : float64 [N, 2], width and height of the box, likewise
    area : float64 [N], share of the picture
    low, high : float64 [N, 3], ends of the object along right, forward (away from the viewer along the ground) and up;
        metres with depth; else in heights of the viewer above the ground, with the object's base on the ground
    inside : float64 [N, N], share of mask i that lies in mask j
    contact : float64 [N, N], share of mask i's lower edge below which mask j begins
    surround : float64 [N, N], share of mask i's whole edge beyond which mask j begins
    metric : whether it was measured with depth

    """

    centre: np.ndarray
    extent: np.ndarray
    area: np.ndarray
    low: np.ndarray
    high: np.ndarray
    inside: np.ndarray
    contact: np.ndarray
    surround: np.ndarray
    metric: bool

    def __len__(self) -> int:
        return len(self.area)

    @cached_property
    def middle(self) -> np.ndarray:
        """Float64 [N, 3], half-way between low and high."""
        return (self.low + self.high) / 2

    @cached_property
    def nested(self) -> np.ndarray:
        """Float64 [N, N], share of the smaller of two masks that lies in the other."""
        return np.maximum(self.inside, self.inside.T)

    @cached_property
    def coincident(self) -> np.ndarray:
        """Float64 [N, N], share of the larger of two masks that lies in the other: 1 for the same mask."""
        return np.minimum(self.inside, self.inside.T)

    @cached_property
    def size(self) -> np.ndarray:
        """Float64 [N, 3], along right, forward and up."""
        return self.high - self.low


def measure(proposals: Proposals, depth: Depth | None = None) -> Layout:
    """The layout of an image's proposals, with `depth` as seen in space."""
    masks, boxes = proposals.masks, proposals.boxes.astype(np.float64)
    height, width = masks.shape[1:]
    small = _small(masks)
    rows, columns = np.arange(small.shape[1]) + 0.5, np.arange(small.shape[2]) + 0.5
    pixels = small.sum(axis=(1, 2)).clip(1)
    centre = np.stack([small.sum(axis=1) @ columns / pixels / len(columns),
                       small.sum(axis=2) @ rows / pixels / len(rows)], axis=1)
    extent = (boxes[:, 2:] - boxes[:, :2]) / (width, height)
    area = masks.reshape(len(masks), -1).sum(axis=1) / (width * height)
    low, high = _on_flat_ground(boxes, width, height) if depth is None else _in_space(masks, boxes, depth)
    return Layout(centre, extent, area, low, high, *_against_each_other(small), metric=depth is not None)


def _small(masks: np.ndarray) -> np.ndarray:
    scale = min(1.0, SMALL / max(masks.shape[1:]))
    size = tuple(max(1, round(side * scale)) for side in reversed(masks.shape[1:]))
    small = np.zeros((len(masks), size[1], size[0]), bool)
    for target, mask in zip(small, masks, strict=True):
        target[:] = cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return small


def _against_each_other(small: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`inside`, `contact` and `surround`, [N, N] each, from masks bool [N, h, w]."""
    padded = np.pad(small, ((0, 0), (2, 2), (2, 2)))
    core = np.s_[:, 2:-2, 2:-2]
    above, below = np.roll(padded, 2, axis=1)[core], np.roll(padded, -2, axis=1)[core]
    left, right = np.roll(padded, 2, axis=2)[core], np.roll(padded, -2, axis=2)[core]
    # What lies just below a mask, and just beyond it on any side.
    lower = above & ~small
    beyond = (above | below | left | right) & ~small

    def share(parts: np.ndarray, wholes: np.ndarray) -> np.ndarray:
        flat = parts.reshape(len(parts), -1).astype(np.float32)
        return (flat @ wholes.reshape(len(wholes), -1).T.astype(np.float32)
                / flat.sum(axis=1, keepdims=True).clip(1)).astype(np.float64)

    return share(small, small), share(lower, small), share(beyond, small)


def _on_flat_ground(boxes: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    focal = max(width, height) / 2 / np.tan(FIELD_OF_VIEW / 2)
    x1, y1, x2, y2 = boxes.T
    # The angle below the horizon; what reaches above it is taken to be very far.
    fall = (PITCH + np.arctan((y2 - height / 2) / focal)).clip(np.radians(2))
    forward = 1 / np.tan(fall)
    away = np.hypot(forward, 1) * np.cos(fall - PITCH)  # along the optical axis
    left, right = ((x - width / 2) / focal * away for x in (x1, x2))
    # Things are taken to be as deep as they are wide; of what is seen from above, part of the height is depth.
    deep = right - left
    tall = ((y2 - y1) / focal * away - deep * np.sin(fall)).clip(0.2 * deep) / np.cos(fall).clip(0.3)
    return (np.stack([left, forward, np.zeros_like(left)], axis=1),
            np.stack([right, forward + deep, tall], axis=1))


def _in_space(masks: np.ndarray, boxes: np.ndarray, depth: Depth) -> tuple[np.ndarray, np.ndarray]:
    directions = rays(depth.camera, *masks.shape[1:])
    metres = np.where(np.isfinite(depth.metres) & (depth.metres > 0), depth.metres, np.nan)
    turn = ground_frame(metres, depth.camera)
    low, high = np.full((len(masks), 3), np.nan), np.full((len(masks), 3), np.nan)
    for i, (mask, box) in enumerate(zip(masks, boxes.astype(int), strict=True)):
        window = np.s_[box[1]:box[3], box[0]:box[2]]
        at = np.flatnonzero(mask[window] & ~np.isnan(metres[window]))
        at = at[::max(1, len(at) // ENOUGH)]
        if len(at):
            points = directions[window].reshape(-1, 3)[at] * metres[window].ravel()[at, None]
            low[i], high[i] = np.quantile(points @ turn.T, (STRAY, 1 - STRAY), axis=0)
    return low, high


def ground_frame(metres: np.ndarray, camera: CameraModel) -> np.ndarray:
    """A rotation, float64 [3, 3], from the camera's optical frame to right, forward and up.

    Up is the normal of the largest plane that is seen (RANSAC, Fischler and Bolles 1981) and can be a floor or a table;
    where there is none, the camera is taken to stand level. `metres` float [H, W], NaN where unknown.
    """
    directions = rays(camera, *metres.shape)
    step = max(1, max(metres.shape) // 80)
    points = (directions[::step, ::step] * metres[::step, ::step, None]).reshape(-1, 3).astype(np.float64)
    points = points[~np.isnan(points).any(axis=1)]
    up = np.array([0.0, -1.0, 0.0])
    if len(points) >= 50:
        rng = np.random.default_rng(0)
        a, b, c = points[rng.integers(len(points), size=(3, 200))]
        normals = np.cross(b - a, c - a)
        length = np.linalg.norm(normals, axis=1)
        normals, a = normals[length > 1e-9] / length[length > 1e-9, None], a[length > 1e-9]
        normals *= -np.sign(normals[:, 1:2])
        # A floor faces up, within 75 degrees of the camera's own idea of it.
        normals, a = normals[normals[:, 1] < -0.26], a[normals[:, 1] < -0.26]
        if len(normals):
            near = np.abs(np.einsum("pk,nk->np", points, normals) - np.sum(a * normals, axis=1)[:, None]) < (
                0.01 * np.median(points[:, 2]))
            best = near[near.sum(axis=1).argmax()]
            if best.mean() > 0.15:
                flat = points[best] - points[best].mean(axis=0)
                normal = np.linalg.svd(flat, full_matrices=False)[2][2]
                up = -normal * np.sign(normal[1])
    right = np.cross([0.0, 0.0, 1.0], up)
    right = right / np.linalg.norm(right) if np.linalg.norm(right) > 1e-6 else np.array([1.0, 0.0, 0.0])
    return np.stack([right, np.cross(up, right), up])
