"""Filters for SAM's masks, which work on low-resolution logits before any mask is resized to the image."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import cv2
import numpy as np

from ris_ros.utils.masks import pairwise_intersection, pairwise_iou

MIN_PART_INSIDE = 0.85
"""Share of a mask that must lie in another one for it to be a part of that one."""

MAX_PART_AREA = 0.8
"""Share of a whole above which the remainder without a part is no useful mask."""

MAX_WHOLE_AREA = 0.5
"""Share of the image above which a whole is assumed to be a surface, of which every object on it would be a part."""

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


def with_remainders(logits: np.ndarray, quality: np.ndarray, min_area: float, *, max_iou: float, max_count: int
                    ) -> tuple[np.ndarray, np.ndarray]:
    """Return masks, followed by the remainders of some without other masks that lie in them: a bowl without its ball.

    SAM proposes the contents of an object, and the object together with its contents, but rarely the object alone.
    The remainders of masks with high predicted IoU come first: they are more often objects than those of masks that
    end somewhere within an object.

    Parameters
    ----------
    logits : float32 [N, H, W], masks without small regions
    quality : predicted IoU of each mask, float [N], 0..1
    min_area : of a remainder, pixels
    max_iou : overlap, 0..1, of a remainder with each mask and each earlier remainder
    max_count : number of remainders

    Returns
    -------
    logits : float32 [N + M, H, W], with M <= `max_count`
    quality : [N + M]; a remainder has that of its whole

    """
    added = list(islice(_remainders(logits, quality, min_area, max_iou), max_count))
    if not added:
        return logits, quality
    rest, wholes = zip(*added, strict=True)
    return np.concatenate([logits, np.stack(rest)]), np.concatenate([quality, quality[list(wholes)]])


def _remainders(logits: np.ndarray, quality: np.ndarray, min_area: float, max_iou: float
                ) -> Iterator[tuple[np.ndarray, int]]:
    """Yield the remainders, float32 [H, W] each, with the index of their whole; see `with_remainders`."""
    masks = logits > 0
    wholes, parts = _wholes_with_parts(masks, max_iou)
    for pair in np.argsort(-quality[wholes] * quality[parts], kind="stable"):
        whole, part = int(wholes[pair]), int(parts[pair])
        remainder = remove_small_regions(np.minimum(logits[whole], -logits[part]), min_area)
        shown = remainder > 0
        if _is_compact(shown, min_area) and not _is_duplicate(shown, masks, max_iou):
            masks = np.concatenate([masks, shown[None]])
            yield remainder, whole


def _wholes_with_parts(masks: np.ndarray, max_iou: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices [P] of masks, and of another mask in each whose removal leaves a useful mask."""
    shared = pairwise_intersection(masks, masks)
    area = shared.diagonal()
    share = area / np.maximum(area[:, None], 1)
    # Without a smaller part the whole would be a duplicate of itself.
    wholes, parts = np.nonzero(
        (shared > MIN_PART_INSIDE * area) & (share > 1 - max_iou) & (share < MAX_PART_AREA)
        & (area[:, None] < MAX_WHOLE_AREA * masks.shape[1] * masks.shape[2]))
    return wholes, parts


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


def _is_duplicate(mask: np.ndarray, others: np.ndarray, max_iou: float) -> bool:
    """Return whether a mask, bool [H, W], overlaps one of `others`, bool [N, H, W], by an IoU above `max_iou`."""
    area, areas = np.count_nonzero(mask), np.count_nonzero(others, axis=(1, 2))
    # No IoU exceeds the ratio of the areas: most masks need no comparison of pixels.
    is_similar = np.minimum(area, areas) > max_iou * np.maximum(area, areas)
    return bool((pairwise_iou(mask[None], others[is_similar]) > max_iou).any())


def _is_compact(mask: np.ndarray, min_area: float) -> bool:
    """Return whether a mask has at least `min_area` pixels, nearly all in one piece."""
    areas = cv2.connectedComponentsWithStats(mask.astype(np.uint8))[2][1:, cv2.CC_STAT_AREA]
    return bool(areas.sum() >= min_area and areas.max(initial=0) > MIN_LARGEST_PIECE * areas.sum())
