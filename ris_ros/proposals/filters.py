"""Filters for SAM's masks, which work on low-resolution logits before any mask is resized to the image."""

from __future__ import annotations

import cv2
import numpy as np

from ris_ros.utils.masks import pairwise_intersection, pairwise_iou

MIN_PART_INSIDE = 0.85
"""Share of a mask that must lie in another one for it to be a part of that one."""

PART_AREAS = 0.2, 0.8
"""Smallest and largest share of a whole that a part may cover for the remainder to be a useful mask."""

MAX_WHOLE_AREA = 0.5
"""Share of the image above which a whole is assumed to be a surface, of which every object on it would be a part."""

MAX_REMAINDERS = 8
"""Remainders that are returned; objects with many parts, such as persons, would give dozens."""

MIN_LARGEST_PIECE = 0.9
"""Share of a remainder that its largest piece must hold."""


def stability_score(logits: np.ndarray) -> np.ndarray:
    """Return the stability of each mask against a change of its threshold: the IoU of logits > 1 and logits > -1.

    This is the measure of Segment Anything (arXiv 2304.02643, section 5).

    Parameters
    ----------
    logits : float32 [N, H, W]

    Returns
    -------
    scores : float64 [N], 0..1

    """
    inner = np.count_nonzero(logits > 1, axis=(1, 2))
    outer = np.count_nonzero(logits > -1, axis=(1, 2))
    scores: np.ndarray = inner / np.maximum(outer, 1)
    return scores


def remove_small_regions(logits: np.ndarray, min_area: float) -> np.ndarray:
    """Return logits, float32 [H, W], whose mask has no islands or holes of fewer than `min_area` pixels.

    The largest island stays, however small.
    """
    rows, columns = (np.flatnonzero((logits > 0).any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return logits
    # The mask's box with one row or column around it, which connects all of the background beyond.
    near = (slice(max(rows[0] - 1, 0), rows[-1] + 2), slice(max(columns[0] - 1, 0), columns[-1] + 2))
    cleaned = logits.copy()
    cleaned[near] = _without_small_regions(logits[near], min_area)
    return cleaned


def _without_small_regions(logits: np.ndarray, min_area: float) -> np.ndarray:
    logits = logits.copy()
    for is_hole, value in ((True, 1.0), (False, -1.0)):
        _, labels, stats, _ = cv2.connectedComponentsWithStats(((logits > 0) ^ is_hole).astype(np.uint8))
        is_small = stats[:, cv2.CC_STAT_AREA] < min_area
        is_small[0] = False
        if not is_hole:
            is_small[1 + stats[1:, cv2.CC_STAT_AREA].argmax()] = False
        logits[is_small[labels]] = value
    return logits


def remainders(logits: np.ndarray, min_area: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the remainders of masks without other masks that lie in them: a bowl without its ball.

    SAM proposes the contents of an object, and the object together with its contents, but rarely the object alone.

    Parameters
    ----------
    logits : float32 [N, H, W], masks without small regions
    min_area : of a remainder, pixels

    Returns
    -------
    logits : of the remainders, at most `MAX_REMAINDERS`, float32 [M, H, W]
    wholes : index [M] of the mask that each is a remainder of

    """
    masks = logits > 0
    shared = pairwise_intersection(masks, masks)
    area = shared.diagonal()
    smallest, largest = PART_AREAS
    wholes, parts = np.nonzero(
        (shared > MIN_PART_INSIDE * area) & (area > smallest * area[:, None]) & (area < largest * area[:, None])
        & (area[:, None] < MAX_WHOLE_AREA * logits.shape[1] * logits.shape[2]))
    # Large parts first: the remainder without a small part differs little from the whole.
    by_share = np.argsort(-area[parts] / area[wholes], kind="stable")
    wholes, parts = wholes[by_share], parts[by_share]
    rest: list[np.ndarray] = []
    kept: list[int] = []
    for whole, part in zip(wholes.tolist(), parts.tolist(), strict=True):
        remainder = remove_small_regions(np.minimum(logits[whole], -logits[part]), min_area)
        if _is_compact(remainder > 0, min_area):
            rest.append(remainder)
            kept.append(whole)
        if len(rest) == MAX_REMAINDERS:
            break
    return np.array(rest, np.float32).reshape(-1, *logits.shape[1:]), np.array(kept, int)


def mask_nms(masks: np.ndarray, scores: np.ndarray, max_iou: float) -> np.ndarray:
    """Return the masks that overlap no better one by more than `max_iou` (non-maximum suppression).

    Overlap is the IoU of the masks, not of their boxes, so that a part, its whole and their difference are all kept.

    Parameters
    ----------
    masks : bool [N, H, W]
    scores : float [N]
    max_iou : 0..1

    Returns
    -------
    kept : indices, best first

    """
    iou = pairwise_iou(masks, masks)
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable"):
        if not (iou[index, kept] > max_iou).any():
            kept.append(index)
    return np.array(kept, int)


def _is_compact(mask: np.ndarray, min_area: float) -> bool:
    """Return whether a mask has at least `min_area` pixels, nearly all in one piece."""
    areas = cv2.connectedComponentsWithStats(mask.astype(np.uint8))[2][1:, cv2.CC_STAT_AREA]
    return bool(areas.sum() >= min_area and areas.max(initial=0) > MIN_LARGEST_PIECE * areas.sum())
