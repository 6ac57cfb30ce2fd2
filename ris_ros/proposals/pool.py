"""The distinct masks of an image, collected from one batch of prompts after the other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ris_ros.config import ProposalsConfig
from ris_ros.proposals import filters
from ris_ros.proposals.decoder import DecodedPrompts
from ris_ros.proposals.resize import ResizeTransform
from ris_ros.utils.masks import pairwise_iou

MIN_IMPROVEMENT = 0.02
"""Difference of score from which on a duplicate is worth computing in full."""

STABILITY_MARGIN, MIN_STABILITY_CELLS = 0.15, 16
"""How much more stable a mask may be than it seems from one logit in each cell, if it covers so many cells; the
stability of a smaller one cannot be told from so few."""


class PromptedMask(NamedTuple):
    """A mask from a prompt.

    Attributes
    ----------
    logits : float32 [rows, columns], without small regions
    quality : predicted IoU
    stability : see `filters.stability_score`

    """

    logits: np.ndarray
    quality: float
    stability: float


class MaskPool:
    """Good masks without most of their duplicates.

    A mask is compared with the others at one logit in each cell. Only one that is no duplicate, or a better one, is
    computed in full.

    Attributes
    ----------
    prompts : number of prompts whose masks were added
    masks : those that were computed in full
    coarse : what each was compared by, bool [N, rows, columns] of cells

    """

    def __init__(self, config: ProposalsConfig, transform: ResizeTransform):
        self._config, self.transform = config, transform
        rows, columns = transform.logit_shape
        self.min_area = max(config.min_area * rows * columns, 1)
        self.prompts = 0
        self.masks: list[PromptedMask] = []
        self.coarse = np.zeros((0, *transform.cell_shape), bool)
        self._scores = np.zeros(0)

    def add(self, decoded: DecodedPrompts) -> None:
        """Add the masks of prompts of one point each."""
        self.prompts += len(decoded.quality)
        quality = decoded.quality[:, 1:].ravel()
        coarse = decoded.coarse[:, 1:].reshape(len(quality), *decoded.coarse.shape[2:])
        stability = filters.stability_score(coarse)
        is_good = quality >= self._config.min_quality
        is_good &= ((stability >= self._config.min_stability - STABILITY_MARGIN)
                    | (np.count_nonzero(coarse > -1, axis=(1, 2)) < MIN_STABILITY_CELLS))
        good = np.flatnonzero(is_good)
        scores = (quality * stability)[good]
        chosen = self._without_duplicates(coarse[good] > 0, scores)
        if not len(chosen):
            return
        prompts, masks = np.divmod(good[chosen], 3)
        rows, columns = self.transform.logit_shape
        logits = decoded.logits(prompts, masks + 1)[:, :rows, :columns]
        full_stability = filters.stability_score(logits)
        area = np.count_nonzero(logits > 0, axis=(1, 2))
        kept = np.flatnonzero((full_stability >= self._config.min_stability) & (area >= self.min_area))
        for k in kept:
            self.masks.append(PromptedMask(filters.remove_small_regions(logits[k], self.min_area),
                                           quality[good[chosen[k]]], full_stability[k]))
        self.coarse = np.concatenate([self.coarse, coarse[good[chosen[kept]]] > 0])
        self._scores = np.concatenate([self._scores, scores[chosen[kept]]])

    def shown(self) -> np.ndarray:
        """Return the masks, bool [N, rows, columns] at the size of the logits, duplicates included."""
        return np.array([mask.logits > 0 for mask in self.masks], bool).reshape(-1, *self.transform.logit_shape)

    def best(self) -> tuple[np.ndarray, np.ndarray]:
        """Return logits float32 [N, rows, columns] and predicted IoU float32 [N] without duplicates, best first."""
        if not self.masks:
            return np.zeros((0, *self.transform.logit_shape), np.float32), np.zeros(0, np.float32)
        logits, quality, stability = (np.stack(values) for values in zip(*self.masks, strict=True))
        kept = filters.mask_nms(logits > 0, quality * stability, self._config.duplicate_iou)
        return logits[kept], np.minimum(quality[kept], 1)

    def _without_duplicates(self, coarse: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return the indices of masks, bool [M, rows, columns], that are neither empty nor duplicates, best first."""
        among, before = pairwise_iou(coarse, coarse), pairwise_iou(coarse, self.coarse)
        chosen: list[int] = []
        for index in np.argsort(-scores, kind="stable"):
            iou = np.concatenate([before[index], among[index, chosen]])
            rivals = np.concatenate([self._scores, scores[chosen]])[iou > self._config.duplicate_iou]
            if not coarse[index].any() or (rivals > scores[index] - MIN_IMPROVEMENT).any():
                continue
            chosen.append(index)
        return np.array(chosen, int)
