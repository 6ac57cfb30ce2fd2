"""Masks and boxes: overlaps, bounding boxes and run-length encoding, for the whole package.

Masks are bool [H, W] or [N, H, W]. Boxes are (x1, y1, x2, y2) in pixels, x2 and y2 exclusive, so that
``mask[y1:y2, x1:x2]`` holds every pixel of the mask.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def mask_box(mask: np.ndarray) -> np.ndarray:
    """Return the tight box of a mask, bool [H, W], as int64 [4] xyxy; zeros for an empty mask."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return np.zeros(4, np.int64)
    columns = np.flatnonzero(mask[rows[0]:rows[-1] + 1].any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def box_to_list(box: np.ndarray) -> list[int]:
    """Return a box as [x1, y1, x2, y2] in whole pixels."""
    return [round(float(edge)) for edge in box]


def mask_overlap(a: np.ndarray, b: np.ndarray) -> tuple[int, int]:
    """Return the number of pixels in the intersection and in the union of two masks, bool [H, W] each."""
    return int(np.count_nonzero(a & b)), int(np.count_nonzero(a | b))


def mask_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Return the intersection over union, 0..1, of two masks, bool [H, W] each; 0 when both are empty."""
    intersection, union = mask_overlap(a, b)
    return intersection / max(1, union)


def mask_ious(masks: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the intersection over union, float64 [N], of masks bool [N, H, W] with one mask bool [H, W]."""
    return np.array([mask_iou(other, mask) for other in masks], np.float64)


def pairwise_intersection(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the shared pixels of masks bool [N, H, W] and [M, H, W], float32 [N, M]."""
    flat_a = _flattened(a)
    # The product of a matrix with its own transpose takes half the time of a general one.
    flat_b = flat_a if b is a else _flattened(b)
    return flat_a @ flat_b.T


def pairwise_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the intersection over union of masks bool [N, H, W] and [M, H, W], float32 [N, M]."""
    shared = pairwise_intersection(a, b)
    areas = [np.count_nonzero(masks, axis=(1, 2)).astype(np.float32) for masks in (a, b)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None, :] - shared, 1)


def box_iou(a: np.ndarray, b: np.ndarray) -> float:
    """Return the intersection over union, 0..1, of two boxes [4], xyxy pixels; 0 when either is empty."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = float(np.prod(np.maximum(sides, 0)))
    areas = [float(np.prod(np.maximum(box[2:] - box[:2], 0))) for box in (a, b)]
    return shared / (sum(areas) - shared) if all(areas) else 0.0


def mask_to_rle(mask: np.ndarray) -> dict[str, Any]:
    """Return COCO's compressed run-length encoding, {"size": [H, W], "counts": text}, of a mask bool [H, W]."""
    from pycocotools import mask as coco

    encoded = coco.encode(np.asfortranarray(mask, np.uint8))
    return {"size": [int(side) for side in encoded["size"]], "counts": encoded["counts"].decode("ascii")}


def _flattened(masks: np.ndarray) -> np.ndarray:
    """Return masks [N, H, W] as float32 [N, H * W]."""
    return masks.reshape(len(masks), math.prod(masks.shape[1:])).astype(np.float32)
