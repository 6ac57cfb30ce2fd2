"""Which of the masks that SAM offers are kept, decided on low-resolution logits before any mask is enlarged."""

from __future__ import annotations

import cv2
import numpy as np


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


def distinct(masks: np.ndarray, rank: np.ndarray, most_iou: float) -> np.ndarray:
    """Indices, best `rank` first, of bool masks [N, H, W] that overlap no better one by more than `most_iou`.

    Overlap is intersection over union of masks, so that a part, its whole and their difference all stay.
    """
    flat = masks.reshape(len(masks), masks.shape[1] * masks.shape[2]).astype(np.float32)
    shared = flat @ flat.T
    area = shared.diagonal()
    iou = shared / np.maximum(area[:, None] + area - shared, 1)
    kept: list[int] = []
    for index in np.argsort(-rank, kind="stable"):
        if not (iou[index, kept] > most_iou).any():
            kept.append(index)
    return np.array(kept, int)
