"""Which of the masks that SAM offers are kept, decided on low-resolution logits before any mask is enlarged."""

from __future__ import annotations

import cv2
import numpy as np

INSIDE = 0.85
"""Share of a mask that must lie in another for it to be a part of that one."""
PART = 0.2, 0.8
"""Least and most share of a whole that a part may take, for what is left to be worth a mask of its own."""
MOST_REMAINDERS = 8
"""Most masks that are made so; where all things have parts, as a person has, there would be dozens."""
LARGEST_WHOLE = 0.5
"""Share of the image above which a whole is taken for a surface, of which each thing on it is a part."""


def stability(logits: np.ndarray) -> np.ndarray:
    """How little each mask changes with its threshold: IoU of logits > 1 and logits > -1, float64 [N].

    The measure of Segment Anything (arXiv 2304.02643, section 5) for logits float32 [N, H, W].
    """
    inner = np.count_nonzero(logits > 1, axis=(1, 2))
    outer = np.count_nonzero(logits > -1, axis=(1, 2))
    return inner / np.maximum(outer, 1)


def tidy(logits: np.ndarray, smallest: float) -> np.ndarray:
    """Logits float32 [H, W] whose mask has neither islands nor holes of fewer than `smallest` pixels.

    The largest island stays whatever its size.
    """
    logits = logits.copy()
    for hole, value in ((True, 1.0), (False, -1.0)):
        _, labels, stats, _ = cv2.connectedComponentsWithStats(((logits > 0) ^ hole).astype(np.uint8))
        small = stats[:, cv2.CC_STAT_AREA] < smallest
        small[0] = False
        if not hole:
            small[1 + stats[1:, cv2.CC_STAT_AREA].argmax()] = False
        logits[small[labels]] = value
    return logits


def remainders(logits: np.ndarray, smallest: float) -> tuple[np.ndarray, np.ndarray]:
    """What is left of each mask without another that lies in it: a bowl without its ball, a plate without its bread.

    SAM offers what is in a thing, and the thing with all that is in it, but seldom the thing alone.

    Parameters
    ----------
    logits : float32 [N, H, W], tidy masks
    smallest : pixels of the smallest remainder worth having

    Returns
    -------
    rest, whole : at most eight remainders' logits float32 [M, H, W] and the indices [M] of the masks they are of

    """
    shared = _shared(logits > 0)
    area = shared.diagonal()
    whole, part = np.nonzero(
        (shared > INSIDE * area) & (area > PART[0] * area[:, None]) & (area < PART[1] * area[:, None])
        & (area[:, None] < LARGEST_WHOLE * logits.shape[1] * logits.shape[2]))
    # Those first from which the most is taken: the others differ less from the whole, which stays.
    order = np.argsort(-area[part] / area[whole], kind="stable")
    whole, part = whole[order], part[order]
    rest = [tidy(np.minimum(logits[i], -logits[j]), smallest) for i, j in zip(whole, part, strict=True)]
    good = [k for k, one in enumerate(rest) if _compact(one > 0, smallest)][:MOST_REMAINDERS]
    return np.array([rest[k] for k in good]).reshape(-1, *logits.shape[1:]), whole[good]


def _shared(masks: np.ndarray) -> np.ndarray:
    """Pixels that each two of bool masks [N, H, W] share, float32 [N, N]."""
    flat = masks.reshape(len(masks), masks.shape[1] * masks.shape[2]).astype(np.float32)
    return flat @ flat.T


def _compact(mask: np.ndarray, smallest: float) -> bool:
    """Whether a mask is in one piece but for little, and of no less than `smallest` pixels."""
    area = cv2.connectedComponentsWithStats(mask.astype(np.uint8))[2][1:, cv2.CC_STAT_AREA]
    return area.sum() >= smallest and area.max(initial=0) > 0.9 * area.sum()


def distinct(masks: np.ndarray, rank: np.ndarray, most_iou: float) -> np.ndarray:
    """Indices, best `rank` first, of bool masks [N, H, W] that overlap no better one by more than `most_iou`.

    Overlap is intersection over union of masks, so that a part, its whole and their difference all stay.
    """
    shared = _shared(masks)
    area = shared.diagonal()
    iou = shared / np.maximum(area[:, None] + area - shared, 1)
    kept: list[int] = []
    for index in np.argsort(-rank, kind="stable"):
        if not (iou[index, kept] > most_iou).any():
            kept.append(index)
    return np.array(kept, int)
