"""Masks and boxes: overlaps, bounding boxes and run-length encoding, for the whole package.

Masks are bool [H, W] or [N, H, W]. Boxes are (x1, y1, x2, y2) in pixels, x2 and y2 exclusive, so that
``mask[y1:y2, x1:x2]`` holds every pixel of the mask.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ris_ros.errors import InputError, excerpt

MAX_RUN_BITS = 40
"""Bits of a run length in compressed text; an image of any size that can be read needs less."""


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


def rle_to_mask(rle: Any, height: int, width: int) -> np.ndarray:
    """Return the mask, bool [height, width], of COCO's run-length encoding.

    Parameters
    ----------
    rle : {"size": [H, W], "counts": ...}; the counts are a list of run lengths, column by column and the first outside
        of the mask, or COCO's compressed text of them
    height, width : that the mask must have

    Raises
    ------
    InputError
        If it has another size, or the run lengths are damaged or do not fill it.

    """
    if not isinstance(rle, dict) or not {"size", "counts"} <= rle.keys():
        raise InputError("run lengths must have a size and counts")
    if rle["size"] != [height, width] and rle["size"] != (height, width):
        raise InputError(f"a segmentation of {excerpt(rle['size'])} does not fit an image of {[height, width]}")
    counts = rle["counts"]
    runs = _run_lengths(counts) if isinstance(counts, str | bytes) else counts
    if not isinstance(runs, list) or not all(type(run) is int and 0 <= run <= height * width for run in runs):
        raise InputError("the run lengths of a segmentation must be whole numbers from 0 to its number of pixels")
    if sum(runs) != height * width:
        raise InputError("the run lengths of a segmentation do not fill the image")
    inside = np.arange(len(runs)) % 2 == 1
    return np.ascontiguousarray(np.repeat(inside, runs).reshape(width, height).T)


def _run_lengths(counts: str | bytes) -> list[int]:
    """Return the run lengths in COCO's compressed text. Its own library reads damaged ones without a word."""
    runs: list[int] = []
    value = shift = 0
    for character in counts.encode(errors="replace") if isinstance(counts, str) else counts:
        bits = character - 48
        if not 0 <= bits < 64 or shift > MAX_RUN_BITS:
            raise InputError("the compressed run lengths of a segmentation are damaged")
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            value -= (bits & 0x10) << shift - 4  # The highest bit of the last group is the sign.
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    if shift:
        raise InputError("the compressed run lengths of a segmentation end in the middle of a number")
    return runs


def _flattened(masks: np.ndarray) -> np.ndarray:
    """Return masks [N, H, W] as float32 [N, H * W]."""
    return masks.reshape(len(masks), math.prod(masks.shape[1:])).astype(np.float32)
