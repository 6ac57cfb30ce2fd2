"""How right masks are: the figures of referring image segmentation, each with its standard error.

The functions take intersections and unions, in pixels, one of each per expression. Expressions whose target is absent
have no mask to overlap with and stay out of oIoU, mIoU and Pr@X: ask for the proportion of them that were answered with
nothing, or for gIoU and cIoU, which count them in. A present target that is answered with nothing counts as an
intersection of 0 over a union of its own area.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ris_ros.errors import InputError

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Estimate:
    """A figure, its standard error and the number of expressions behind it; NaN where there are too few."""

    value: float
    error: float
    count: int


def overlap(predicted: np.ndarray, truth: np.ndarray) -> tuple[int, int]:
    """Intersection and union, in pixels, of two bool masks [H, W].

    Raises
    ------
    InputError
        When the masks differ in size.

    """
    if predicted.shape != truth.shape:
        raise InputError(f"the predicted mask is {predicted.shape}, the true one {truth.shape}")
    return int((predicted & truth).sum()), int((predicted | truth).sum())


def overall_iou(intersections: np.ndarray, unions: np.ndarray) -> Estimate:
    """oIoU, the sum of intersections over the sum of unions; its error is that of a ratio estimate.

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


def mean_iou(intersections: np.ndarray, unions: np.ndarray) -> Estimate:
    """mIoU, the mean of the IoUs, with the standard error of a mean."""
    ious = np.divide(intersections, unions, dtype=float)
    count = len(ious)
    if not count:
        return Estimate(np.nan, np.nan, 0)
    return Estimate(float(ious.mean()), float(ious.std(ddof=1) / np.sqrt(count)) if count > 1 else np.nan, count)


def precision_at(threshold: float, intersections: np.ndarray, unions: np.ndarray) -> Estimate:
    """Pr@X, the proportion of expressions with an IoU of at least X (as LAVT's and ReLA's published code counts)."""
    return proportion(np.divide(intersections, unions, dtype=float) >= threshold)


def generalized_iou(intersections: np.ndarray, unions: np.ndarray, present: np.ndarray) -> Estimate:
    """The gIoU of generalized referring segmentation (Liu et al., CVPR 2023, arXiv 2306.00968).

    The mean of the IoUs, where an absent target counts 1 when it is answered with nothing (union 0) and 0 otherwise.
    """
    intersections, unions = np.asarray(intersections, float), np.asarray(unions, float)
    ious = np.divide(intersections, unions, out=np.zeros(len(unions)), where=unions > 0)
    return mean_iou(np.where(present, ious, unions == 0), np.ones(len(ious)))


def mean_over_frames(scores: np.ndarray, expressions: np.ndarray) -> Estimate:
    """The mean over expressions of the mean over each one's frames: how DAVIS averages J and F (Perazzi et al., 2016).

    Parameters
    ----------
    scores : of each frame and expression
    expressions : which expression each is of, of any kind

    """
    _, expression, frames = np.unique(expressions, return_inverse=True, return_counts=True)
    return mean_iou(np.bincount(expression, scores) / frames, np.ones(len(frames)))


def box_iou(first: np.ndarray, second: np.ndarray) -> float:
    """IoU of two boxes, xyxy pixels with exclusive ends; 0 when either is empty."""
    first, second = np.asarray(first, float), np.asarray(second, float)
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    shared = float(np.prod(np.maximum(sides, 0)))
    areas = [float(np.prod(np.maximum(box[2:] - box[:2], 0))) for box in (first, second)]
    return shared / (sum(areas) - shared) if all(areas) else 0.0


class Bootstrap:
    """Confidence intervals of ratios of sums by drawing whole pictures again (Efron, 1979; percentile method).

    Expressions about one picture share its proposals and its difficulty, so that pictures, not expressions, are what
    was sampled; and whole videos, not their frames. Every figure is a ratio of sums over expressions: means have
    denominators of 1.

    Parameters
    ----------
    pictures : the picture, or the video, of each expression, of any kind
    confidence : of the interval
    resamples, seed : how often, and from which seed, pictures are drawn

    """

    def __init__(self, pictures: np.ndarray, *, confidence: float = 0.95, resamples: int = 1000, seed: int = 0):
        names, self._picture = np.unique(np.asarray(pictures), return_inverse=True)
        self._percentiles = 50 * (1 - confidence), 50 * (1 + confidence)
        self._draws = np.zeros((resamples, len(names)))
        if len(names):
            self._draws += np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)),
                                                                   size=resamples)

    def interval(self, numerators: np.ndarray, denominators: np.ndarray, chosen: np.ndarray | None = None
                 ) -> tuple[float, float]:
        """Low and high end for sum(numerators) / sum(denominators) over the chosen expressions (a bool for each)."""
        chosen = np.ones(len(self._picture), bool) if chosen is None else np.asarray(chosen, bool)
        sums = [self._draws @ np.bincount(self._picture[chosen], np.asarray(values, float)[chosen],
                                          minlength=self._draws.shape[1]) for values in (numerators, denominators)]
        drawn = sums[1] > 0
        if drawn.sum() < 2 or len(np.unique(self._picture[chosen])) < 2:
            return np.nan, np.nan
        low, high = np.percentile(sums[0][drawn] / sums[1][drawn], self._percentiles)
        return float(low), float(high)


def proportion(flags: np.ndarray) -> Estimate:
    """The proportion of true flags, such as right selections (MC-Acc), with its binomial standard error."""
    flags = np.asarray(flags, bool)
    if not len(flags):
        return Estimate(np.nan, np.nan, 0)
    value = float(flags.mean())
    return Estimate(value, float(np.sqrt(value * (1 - value) / len(flags))), len(flags))
