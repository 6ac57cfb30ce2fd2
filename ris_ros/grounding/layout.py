"""Position and size of the proposals of an image, and how their masks lie against each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from ris_ros.geometry import ground_frame, rays
from ris_ros.grounding import thresholds as t
from ris_ros.types import Depth, Proposals


@dataclass(frozen=True, eq=False)
class Layout:
    """Position, size and overlaps of N proposals.

    Attributes
    ----------
    centre : float64 [N, 2], centroid of the mask, as a share of the image's width and height
    extent : float64 [N, 2], width and height of the box, likewise
    area : float64 [N], share of the image
    low, high : float64 [N, 3], ends of the object along right, forward (away from the camera along the ground) and up;
        metres with depth; else in heights of the camera above the ground, with the object's base on the ground
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

    @classmethod
    def measure(cls, proposals: Proposals, depth: Depth | None = None) -> Layout:
        """Measure the layout of an image's proposals, in metres where there is depth."""
        masks, boxes = proposals.masks, proposals.boxes.astype(np.float64)
        height, width = masks.shape[1:]
        small = _downsized(masks)
        rows, columns = np.arange(small.shape[1]) + 0.5, np.arange(small.shape[2]) + 0.5
        pixels = small.sum(axis=(1, 2)).clip(1)
        centre = np.stack([small.sum(axis=1) @ columns / pixels / len(columns),
                           small.sum(axis=2) @ rows / pixels / len(rows)], axis=1)
        extent = (boxes[:, 2:] - boxes[:, :2]) / (width, height)
        area = masks.reshape(len(masks), -1).sum(axis=1) / (width * height)
        low, high = (_ends_on_flat_ground(boxes, width, height) if depth is None
                     else _ends_by_depth(masks, boxes, depth))
        return cls(centre, extent, area, low, high, *_overlaps(small), metric=depth is not None)

    def __len__(self) -> int:
        return len(self.area)

    @cached_property
    def middle(self) -> np.ndarray:
        """The point half-way between low and high, float64 [N, 3]."""
        return (self.low + self.high) / 2

    @cached_property
    def nested(self) -> np.ndarray:
        """The share of the smaller of two masks that lies in the other, float64 [N, N]."""
        return np.maximum(self.inside, self.inside.T)

    @cached_property
    def coincident(self) -> np.ndarray:
        """The share of the larger of two masks that lies in the other, float64 [N, N]; 1 for the same mask."""
        return np.minimum(self.inside, self.inside.T)

    @cached_property
    def size(self) -> np.ndarray:
        """The size along right, forward and up, float64 [N, 3]."""
        return self.high - self.low


def _downsized(masks: np.ndarray) -> np.ndarray:
    scale = min(1.0, t.COMPARED_SIDE / max(masks.shape[1:]))
    height, width = (max(1, round(side * scale)) for side in masks.shape[1:])
    small = np.zeros((len(masks), height, width), bool)
    for target, mask in zip(small, masks, strict=True):
        target[:] = cv2.resize(mask.view(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    return small


def _overlaps(small: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return `inside`, `contact` and `surround`, [N, N] each, of masks bool [N, h, w]."""
    padded = np.pad(small, ((0, 0), (2, 2), (2, 2)))
    core = np.s_[:, 2:-2, 2:-2]
    above, below = np.roll(padded, 2, axis=1)[core], np.roll(padded, -2, axis=1)[core]
    left, right = np.roll(padded, 2, axis=2)[core], np.roll(padded, -2, axis=2)[core]
    # What lies just below a mask, and just beyond it on any side.
    lower = above & ~small
    beyond = (above | below | left | right) & ~small

    def share(parts: np.ndarray, wholes: np.ndarray) -> np.ndarray:
        flat = parts.reshape(len(parts), -1).astype(np.float32)
        shares: np.ndarray = flat @ wholes.reshape(len(wholes), -1).T.astype(np.float32)
        return (shares / flat.sum(axis=1, keepdims=True).clip(1)).astype(np.float64)

    return share(small, small), share(lower, small), share(beyond, small)


def _ends_on_flat_ground(boxes: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    focal = max(width, height) / 2 / np.tan(t.FIELD_OF_VIEW / 2)
    x1, y1, x2, y2 = boxes.T
    # The angle below the horizon; what reaches above it is taken to be very far.
    depression = (t.PITCH + np.arctan((y2 - height / 2) / focal)).clip(np.radians(2))
    forward = 1 / np.tan(depression)
    optical_depth = np.hypot(forward, 1) * np.cos(depression - t.PITCH)  # along the optical axis
    left, right = ((x - width / 2) / focal * optical_depth for x in (x1, x2))
    # Objects are taken to be as deep as they are wide; seen from above, part of the height in the image is depth.
    length = right - left
    visible_height = (y2 - y1) / focal * optical_depth - length * np.sin(depression)
    height_up = visible_height.clip(0.2 * length) / np.cos(depression).clip(0.3)
    return (np.stack([left, forward, np.zeros_like(left)], axis=1),
            np.stack([right, forward + length, height_up], axis=1))


def _ends_by_depth(masks: np.ndarray, boxes: np.ndarray, depth: Depth) -> tuple[np.ndarray, np.ndarray]:
    directions = rays(depth.camera, *masks.shape[1:])
    metres = np.where(np.isfinite(depth.metres) & (depth.metres > 0), depth.metres, np.nan)
    rotation = ground_frame(metres, depth.camera)
    low, high = np.full((len(masks), 3), np.nan), np.full((len(masks), 3), np.nan)
    for i, (mask, box) in enumerate(zip(masks, boxes.astype(int), strict=True)):
        window = np.s_[box[1]:box[3], box[0]:box[2]]
        known = np.flatnonzero(mask[window] & ~np.isnan(metres[window]))
        known = known[::max(1, len(known) // t.MAX_EXTENT_POINTS)]
        if len(known):
            points = directions[window].reshape(-1, 3)[known] * metres[window].ravel()[known, None]
            low[i], high[i] = np.quantile(points @ rotation.T, (t.STRAY_POINTS, 1 - t.STRAY_POINTS), axis=0)
    return low, high
