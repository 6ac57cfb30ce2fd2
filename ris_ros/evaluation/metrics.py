"""How right masks are: the figures of referring image segmentation, each with its standard error.

All functions take intersections and unions, in pixels, one of each per expression. Expressions whose target is absent
have no mask to overlap with and stay out of every IoU: ask for the proportion of them that were answered with nothing.
A present target that is answered with nothing counts as an intersection of 0 over a union of its own area.
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
    """Pr@X, the proportion of expressions with an IoU of more than X."""
    return proportion(np.divide(intersections, unions, dtype=float) > threshold)


def proportion(flags: np.ndarray) -> Estimate:
    """The proportion of true flags, such as right selections (MC-Acc), with its binomial standard error."""
    flags = np.asarray(flags, bool)
    if not len(flags):
        return Estimate(np.nan, np.nan, 0)
    value = float(flags.mean())
    return Estimate(value, float(np.sqrt(value * (1 - value) / len(flags))), len(flags))
