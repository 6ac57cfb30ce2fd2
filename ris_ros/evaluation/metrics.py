"""The metrics of referring image segmentation, each with its standard error, and their confidence intervals.

Most functions take intersections and unions in pixels, one of each per expression. Expressions whose target is absent
have no true mask and stay out of oIoU, mIoU and Pr@X: measure the proportion of them that were answered with an empty
mask, or use gIoU and cIoU, which include them. A present target that is answered with an empty mask has an intersection
of 0 and a union of its own area.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike

from ris_ros.errors import InputError
from ris_ros.utils.masks import mask_overlap

IOU_THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""The thresholds X at which Pr@X is reported."""

CONTOUR_TOLERANCE = 0.008
"""Distance, as a share of the image's diagonal, within which contours match: that of davis2017-evaluation."""


@dataclass(frozen=True)
class Estimate:
    """A value, its standard error and the number of expressions behind it; NaN where there are too few."""

    value: float
    error: float
    count: int


def intersection_and_union(predicted: np.ndarray, truth: np.ndarray) -> tuple[int, int]:
    """Return intersection and union, in pixels, of two masks, bool [H, W].

    Raises
    ------
    InputError
        If the masks differ in size.

    """
    if predicted.shape != truth.shape:
        raise InputError(f"the predicted mask is {predicted.shape}, the true one {truth.shape}")
    return mask_overlap(predicted, truth)


def overall_iou(intersections: ArrayLike, unions: ArrayLike) -> Estimate:
    """Return oIoU, the sum of intersections over the sum of unions, with the standard error of a ratio estimate.

    Over the expressions whose chosen mask is of the right class this is cc-oIoU.
    """
    intersections, unions = np.asarray(intersections, float), np.asarray(unions, float)
    count, total = len(unions), unions.sum()
    if not total:
        return Estimate(np.nan, np.nan, count)
    value = intersections.sum() / total
    residuals = intersections - value * unions
    error = np.sqrt(count / (count - 1) * (residuals**2).sum()) / total if count > 1 else np.nan
    return Estimate(float(value), float(error), count)


def mean_iou(intersections: ArrayLike, unions: ArrayLike) -> Estimate:
    """Return mIoU, the mean of the IoUs, with the standard error of a mean."""
    ious = np.divide(intersections, unions, dtype=float)
    count = len(ious)
    if not count:
        return Estimate(np.nan, np.nan, 0)
    return Estimate(float(ious.mean()), float(ious.std(ddof=1) / np.sqrt(count)) if count > 1 else np.nan, count)


def precision_at(threshold: float, intersections: ArrayLike, unions: ArrayLike) -> Estimate:
    """Return Pr@X, the proportion of expressions with an IoU of at least X, as LAVT's and ReLA's code counts."""
    return proportion(np.divide(intersections, unions, dtype=float) >= threshold)


def generalized_iou(intersections: ArrayLike, unions: ArrayLike, present: ArrayLike) -> Estimate:
    """Return the gIoU of generalized referring segmentation (Liu et al., CVPR 2023, arXiv 2306.00968).

    This is the mean of the IoUs, where an absent target counts as 1 if the answer is empty (union 0), else as 0.
    """
    intersections, unions = np.asarray(intersections, float), np.asarray(unions, float)
    ious = np.divide(intersections, unions, out=np.zeros(len(unions)), where=unions > 0)
    return mean_iou(np.where(present, ious, unions == 0), np.ones(len(ious)))


def mean_over_frames(scores: ArrayLike, expressions: ArrayLike) -> Estimate:
    """Return the mean over expressions of the mean over frames, as DAVIS averages J and F (Perazzi et al., 2016).

    Parameters
    ----------
    scores : one for each pair of frame and expression
    expressions : the expression of each score, of any type

    """
    _, expression, frames = np.unique(expressions, return_inverse=True, return_counts=True)
    return mean_iou(np.bincount(expression, np.asarray(scores, float)) / frames, np.ones(len(frames)))


def proportion(flags: ArrayLike) -> Estimate:
    """Return the proportion of true flags, such as correct choices (MC-Acc), with its binomial standard error."""
    flags = np.asarray(flags, bool)
    if not len(flags):
        return Estimate(np.nan, np.nan, 0)
    value = float(flags.mean())
    return Estimate(value, float(np.sqrt(value * (1 - value) / len(flags))), len(flags))


def auroc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Return the area under the ROC curve of scores float [N] for positives bool [N]; 0.5 for a score of no use."""
    from scipy.stats import rankdata

    ranks = np.asarray(rankdata(scores))
    count, others = int(np.count_nonzero(positive)), int(np.count_nonzero(~positive))
    excess = float(np.sum(ranks[positive])) - count * (count + 1) / 2
    return excess / (count * others)


def calibration_error(confidence: np.ndarray, positive: np.ndarray, bins: int = 10) -> float:
    """Return the expected calibration error of confidences float [N], with positives and negatives weighted alike."""
    count, others = int(np.count_nonzero(positive)), int(np.count_nonzero(~positive))
    weight = np.where(positive, 0.5 / max(1, count), 0.5 / max(1, others))
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(index, weight * (confidence - positive), bins)
    return float(np.abs(gaps).sum())


def nan_to_none(values: dict[str, Any]) -> dict[str, Any]:
    """Return values by name with None for NaN, which JSON does not have."""
    return {name: None if isinstance(value, float) and np.isnan(value) else value for name, value in values.items()}


def mask_contour(mask: np.ndarray) -> np.ndarray:
    """Return the contour, uint8 0 or 1 [H, W], of a mask: pixels unlike the one to the right, below or below right.

    This is the contour of DAVIS's own evaluation. There is none along the image's border: a mask that fills the image
    has no contour at all.
    """
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8), anchor=(0, 0))


def contour_accuracy(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Return the contour accuracy F of DAVIS (Perazzi et al., CVPR 2016), 0..1, of two masks, bool [H, W], of one size.

    F is the harmonic mean of the contour's precision and recall. A contour pixel counts as correct if the other contour
    is within ceil(CONTOUR_TOLERANCE * diagonal) pixels. F is 1 if neither mask has a contour, 0 if only one has.
    The paper matches contour points one to one and approximates that by morphology, as is done here and in
    davis2017-evaluation.
    """
    predicted_contour, true_contour = mask_contour(predicted), mask_contour(truth)
    if not (predicted_contour.any() and true_contour.any()):
        return float(predicted_contour.any() == true_contour.any())
    x, y, width, height = cv2.boundingRect(predicted_contour | true_contour)  # nothing outside matters
    predicted_contour, true_contour = (contour[y:y + height, x:x + width]
                                       for contour in (predicted_contour, true_contour))
    radius = math.ceil(CONTOUR_TOLERANCE * math.hypot(*truth.shape))
    offsets = np.arange(-radius, radius + 1)
    disk = (np.add.outer(offsets**2, offsets**2) <= radius**2).astype(np.uint8)
    precision = float(cv2.dilate(true_contour, disk)[predicted_contour > 0].mean())
    recall = float(cv2.dilate(predicted_contour, disk)[true_contour > 0].mean())
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


class Bootstrap:
    """Confidence intervals of ratios of sums, by resampling whole pictures (Efron, 1979; percentile method).

    Expressions about one picture share its proposals and its difficulty: pictures, not expressions, were sampled, and
    likewise whole videos, not their frames. Every metric is a ratio of sums over expressions; a mean has denominators
    of 1.

    Parameters
    ----------
    pictures : the picture, or the video, of each expression, of any type
    confidence : level of the intervals
    resamples, seed : how often pictures are drawn, and the seed of the generator

    """

    def __init__(self, pictures: ArrayLike, *, confidence: float = 0.95, resamples: int = 1000, seed: int = 0):
        names, self._picture = np.unique(np.asarray(pictures), return_inverse=True)
        self._percentiles = 50 * (1 - confidence), 50 * (1 + confidence)
        self._draws = np.zeros((resamples, len(names)))
        if len(names):
            self._draws += np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)),
                                                                   size=resamples)

    def interval(self, numerators: ArrayLike, denominators: ArrayLike, selected: ArrayLike | None = None
                 ) -> tuple[float, float]:
        """Return the interval, (low, high), of sum(numerators) / sum(denominators).

        Parameters
        ----------
        numerators, denominators : a number for each expression
        selected : a bool for each expression; None selects all

        """
        selected = np.ones(len(self._picture), bool) if selected is None else np.asarray(selected, bool)
        sums = [self._draws @ np.bincount(self._picture[selected], np.asarray(values, float)[selected],
                                          minlength=self._draws.shape[1]) for values in (numerators, denominators)]
        drawn = sums[1] > 0
        if drawn.sum() < 2 or len(np.unique(self._picture[selected])) < 2:
            return np.nan, np.nan
        low, high = np.percentile(sums[0][drawn] / sums[1][drawn], self._percentiles)
        return float(low), float(high)
