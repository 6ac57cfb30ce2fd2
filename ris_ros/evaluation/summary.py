"""The metrics of a list of records, over all expressions and by kind of expression, each with its interval.

Over expressions whose target is present:

- oIoU, mIoU, Pr@0.5 to Pr@0.9
- Acc@0.5, the proportion whose box has an IoU of at least 0.5 (referring expression comprehension)
- MC-Acc, the proportion whose chosen mask has the target's class, and cc-oIoU, the oIoU over those

If some targets are absent (Liu et al., CVPR 2023):

- gIoU and cIoU over all expressions; an answer to an absent target adds to the union
- N-acc, the proportion of absent targets that are answered with an empty mask, and T-acc, the proportion of present
  ones that are not

Of videos (Perazzi et al., CVPR 2016): region similarity J, contour accuracy F and their mean J&F, each the mean over
expressions of the mean over frames. All intervals are then over videos.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ris_ros.evaluation.metrics import (
    IOU_THRESHOLDS,
    Bootstrap,
    Estimate,
    generalized_iou,
    mean_iou,
    mean_over_frames,
    overall_iou,
    precision_at,
    proportion,
)
from ris_ros.evaluation.records import Record
from ris_ros.evaluation.surface_words import has_location_word, has_relation_word

MIN_BOX_IOU = 0.5
"""The IoU of boxes from which a box counts as correct in Acc@0.5."""

MAX_SMALL_AREA, MAX_MEDIUM_AREA = 32**2, 96**2
"""Exclusive upper bounds, in pixels, of small and medium objects: COCO's own."""


@dataclass(frozen=True)
class IntervalEstimate:
    """A value with its 95 % confidence interval, NaN where there are too few expressions, and their number.

    Of videos, J, F and J&F count an expression once, the other metrics once for each frame.
    """

    value: float
    low: float
    high: float
    count: int


Metrics = dict[str, IntervalEstimate]
"""Metric -> its value with interval."""


def _length(record: Record) -> str:
    words = len(record.text.split())
    return "1-2 words" if words <= 2 else "3-5 words" if words <= 5 else "6-9 words" if words <= 9 else "10+ words"


def _size(record: Record) -> str:
    if not record.targets:
        return "no target"
    return ("small (below 32 x 32)" if record.area < MAX_SMALL_AREA else
            "medium" if record.area < MAX_MEDIUM_AREA else "large (from 96 x 96)")


GROUPINGS: dict[str, Callable[[Record], str]] = {
    "kind": lambda record: record.kind,
    "place words": lambda record: "with" if has_location_word(record.text) else "without",
    "relations": lambda record: "with" if has_relation_word(record.text) else "without",
    "length": _length,
    "object size": _size,
}
"""Name of a table -> function from a record to its row; an empty label leaves the expression out."""


class Summary:
    """The metrics of a list of records."""

    def __init__(self, records: list[Record]):
        self.records = records
        sampled = [record.video or record.image for record in records]  # frames of one video are not independent
        self._bootstrap = Bootstrap(np.array(sampled, object).astype(str))
        self._intersection = np.array([record.intersection for record in records], float)
        self._union = np.array([record.union for record in records], float)
        self._present = np.array([record.targets > 0 for record in records], bool)
        self._answered = np.array([record.answered for record in records], bool)
        self._box_correct = np.array([record.box_iou >= MIN_BOX_IOU for record in records], bool)
        self._classed = np.array([bool(record.category) for record in records], bool)
        self._class_correct = np.array([record.category == record.chosen for record in records], bool)
        self._frame_scores: dict[str, np.ndarray] = {}
        """Metric of videos -> score of each record."""
        if any(record.video for record in records):
            region, contour = np.array([(record.iou, record.contour) for record in records], float).T
            self._frame_scores = {"J&F": (region + contour) / 2, "J": region, "F": contour}
            expressions = [(record.video, record.ref, record.sentence) for record in records]
            numbers = {expression: number for number, expression in enumerate(dict.fromkeys(expressions))}
            self._expression = np.array([numbers[expression] for expression in expressions])

    def overall(self) -> Metrics:
        """Return the metrics over all expressions."""
        return self._over(np.ones(len(self.records), bool))

    def grouped(self) -> dict[str, dict[str, Metrics]]:
        """Return grouping -> label -> metrics, without groupings in which all expressions have one label."""
        tables = {}
        for name, label in GROUPINGS.items():
            labels = np.array([label(record) for record in self.records], object)
            kinds = [kind for kind in dict.fromkeys(labels) if kind]
            if len(kinds) > 1:
                tables[name] = {kind: self._over(labels == kind) for kind in kinds}
        return tables

    def _over(self, selected: np.ndarray) -> Metrics:
        """Return the metrics over the selected records, a bool for each."""
        ious = np.divide(self._intersection, self._union, out=np.zeros(len(self._union)), where=self._union > 0)
        ones = np.ones(len(ious))
        present, absent = selected & self._present, selected & ~self._present
        classed = present & self._classed
        correct = classed & self._class_correct
        metrics: Metrics = {}

        def add(name: str, estimate: Estimate, over: np.ndarray, numerators: np.ndarray,
                denominators: np.ndarray = ones) -> None:
            if over.any():
                metrics[name] = IntervalEstimate(
                    estimate.value, *self._bootstrap.interval(numerators, denominators, over), estimate.count)

        for name, scores in self._frame_scores.items():
            weights = self._frame_weights(selected)
            add(name, mean_over_frames(scores[selected], self._expression[selected]), selected, weights * scores,
                weights)
        i, u = self._intersection, self._union
        add("oIoU", overall_iou(i[present], u[present]), present, i, u)
        add("mIoU", mean_iou(i[present], u[present]), present, ious)
        for threshold in IOU_THRESHOLDS:
            add(f"Pr@{threshold}", precision_at(threshold, i[present], u[present]), present, ious >= threshold)
        add("Acc@0.5", proportion(self._box_correct[present]), present, self._box_correct)
        add("MC-Acc", proportion(self._class_correct[classed]), classed, self._class_correct)
        add("cc-oIoU", overall_iou(i[correct], u[correct]), correct, i, u)
        if (~self._present).any():
            scores = np.where(self._present, ious, ~self._answered)
            add("gIoU", generalized_iou(i[selected], u[selected], self._present[selected]), selected, scores)
            add("cIoU", overall_iou(i[selected], u[selected]), selected, i, u)
            add("N-acc", proportion(~self._answered[absent]), absent, ~self._answered)
            add("T-acc", proportion(self._answered[present]), present, self._answered)
        return metrics

    def _frame_weights(self, selected: np.ndarray) -> np.ndarray:
        """Return the weight of each selected frame in its expression: together those of an expression sum to 1."""
        frames = np.bincount(self._expression[selected], minlength=self._expression.max() + 1)[self._expression]
        weights: np.ndarray = np.divide(1, frames, out=np.zeros(len(frames)), where=frames > 0)
        return weights
