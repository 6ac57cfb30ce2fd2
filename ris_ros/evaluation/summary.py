"""From outcomes to figures: every metric, for all expressions and for each kind of them, with its interval.

Metrics, for expressions whose target is in the picture: oIoU, mIoU, Pr@0.5 to Pr@0.9; Acc@0.5, the share whose box has
an IoU of at least 0.5 (referring expression comprehension); MC-Acc, the share whose chosen mask has the target's class,
and cc-oIoU, the oIoU over those. Where some targets are absent: gIoU and cIoU over all (an absent target adds what was
answered to the union), N-acc, the share of absent targets answered with nothing, and T-acc, the share of present ones
answered with something (Liu et al., CVPR 2023). Of videos: region similarity J, contour accuracy F and J&F, their mean,
each the mean over expressions of the mean over frames (Perazzi et al., CVPR 2016); all intervals are over videos then.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ris_ros.evaluation.metrics import (
    THRESHOLDS,
    Bootstrap,
    Estimate,
    generalized_iou,
    mean_iou,
    mean_over_frames,
    overall_iou,
    precision_at,
    proportion,
)
from ris_ros.evaluation.records import Outcome

BOX_THRESHOLD = 0.5

_PLACES = "left|right|top|bottom|upper|lower|middle|center|centre|corner|front|back|end"
_PLACE = re.compile(rf"\b({_PLACES}|far|farthest|furthest|nearest|closest|\w+most|first|second|third|fourth|last)\b",
                    re.IGNORECASE)
# "on the left" is a place, "on the table" a relation.
_RELATION = re.compile(r"\b(next to|beside|behind|in front of|between|above|below|under|underneath|on top of|inside|"
                       rf"with|holding|wearing|left of|right of|(on|in|at|by|near)(?! (the )?(\w+ )?({_PLACES})\b))\b",
                       re.IGNORECASE)
_SMALL, _LARGE = 32**2, 96**2  # pixels; COCO's own bounds of small, medium and large objects


@dataclass(frozen=True)
class Figure:
    """A figure with its 95 % interval, NaN where there is too little for one, and the expressions behind it.

    Of a video, J, F and J&F count an expression once, the other metrics once for each frame.
    """

    value: float
    low: float
    high: float
    count: int


def _length(outcome: Outcome) -> str:
    words = len(outcome.text.split())
    return "1-2 words" if words <= 2 else "3-5 words" if words <= 5 else "6-9 words" if words <= 9 else "10+ words"


def _size(outcome: Outcome) -> str:
    if not outcome.targets:
        return "no target"
    return ("small (below 32 x 32)" if outcome.area < _SMALL else
            "medium" if outcome.area < _LARGE else "large (from 96 x 96)")


GROUPINGS: dict[str, Callable[[Outcome], str]] = {
    "kind": lambda outcome: outcome.kind,
    "place words": lambda outcome: "with" if _PLACE.search(outcome.text) else "without",
    "relations": lambda outcome: "with" if _RELATION.search(outcome.text) else "without",
    "length": _length,
    "object size": _size,
}
"""One line for each table of kinds; an empty label keeps an expression out."""


class Figures:
    """The figures of a list of outcomes."""

    def __init__(self, outcomes: list[Outcome]):
        self.outcomes = outcomes
        sampled = [outcome.video or outcome.image for outcome in outcomes]  # frames of one video are alike
        self._bootstrap = Bootstrap(np.array(sampled, object).astype(str))
        self._intersection = np.array([outcome.intersection for outcome in outcomes], float)
        self._union = np.array([outcome.union for outcome in outcomes], float)
        self._present = np.array([outcome.targets > 0 for outcome in outcomes], bool)
        self._answered = np.array([outcome.answered for outcome in outcomes], bool)
        self._box_right = np.array([outcome.box_iou >= BOX_THRESHOLD for outcome in outcomes], bool)
        self._classed = np.array([bool(outcome.category) for outcome in outcomes], bool)
        self._class_right = np.array([outcome.category == outcome.chosen for outcome in outcomes], bool)
        self._frames: dict[str, np.ndarray] = {}  # metric of videos -> score of each outcome
        if any(outcome.video for outcome in outcomes):
            region, contour = np.array([(outcome.iou, outcome.contour) for outcome in outcomes], float).T
            self._frames = {"J&F": (region + contour) / 2, "J": region, "F": contour}
            expressions = [(outcome.video, outcome.ref, outcome.sentence) for outcome in outcomes]
            numbers = {expression: number for number, expression in enumerate(dict.fromkeys(expressions))}
            self._expression = np.array([numbers[expression] for expression in expressions])

    def overall(self) -> dict[str, Figure]:
        """Metric -> figure over all expressions."""
        return self._of(np.ones(len(self.outcomes), bool))

    def grouped(self) -> dict[str, dict[str, dict[str, Figure]]]:
        """Grouping -> label -> metric -> figure; groupings in which all expressions are alike are left out."""
        tables = {}
        for name, label in GROUPINGS.items():
            labels = np.array([label(outcome) for outcome in self.outcomes], object)
            kinds = [kind for kind in dict.fromkeys(labels) if kind]
            if len(kinds) > 1:
                tables[name] = {kind: self._of(labels == kind) for kind in kinds}
        return tables

    def _of(self, chosen: np.ndarray) -> dict[str, Figure]:
        ious = np.divide(self._intersection, self._union, out=np.zeros(len(self._union)), where=self._union > 0)
        ones = np.ones(len(ious))
        present, absent = chosen & self._present, chosen & ~self._present
        classed = present & self._classed
        right = classed & self._class_right
        figures = {}

        def add(name: str, estimate: Estimate, who: np.ndarray, numerators: np.ndarray,
                denominators: np.ndarray = ones) -> None:
            if who.any():
                figures[name] = Figure(estimate.value, *self._bootstrap.interval(numerators, denominators, who),
                                       estimate.count)

        for name, scores in self._frames.items():
            weights = self._frame_weights(chosen)
            add(name, mean_over_frames(scores[chosen], self._expression[chosen]), chosen, weights * scores, weights)
        i, u = self._intersection, self._union
        add("oIoU", overall_iou(i[present], u[present]), present, i, u)
        add("mIoU", mean_iou(i[present], u[present]), present, ious)
        for threshold in THRESHOLDS:
            add(f"Pr@{threshold}", precision_at(threshold, i[present], u[present]), present, ious >= threshold)
        add("Acc@0.5", proportion(self._box_right[present]), present, self._box_right)
        add("MC-Acc", proportion(self._class_right[classed]), classed, self._class_right)
        add("cc-oIoU", overall_iou(i[right], u[right]), right, i, u)
        if (~self._present).any():
            scores = np.where(self._present, ious, ~self._answered)
            add("gIoU", generalized_iou(i[chosen], u[chosen], self._present[chosen]), chosen, scores)
            add("cIoU", overall_iou(i[chosen], u[chosen]), chosen, i, u)
            add("N-acc", proportion(~self._answered[absent]), absent, ~self._answered)
            add("T-acc", proportion(self._answered[present]), present, self._answered)
        return figures

    def _frame_weights(self, chosen: np.ndarray) -> np.ndarray:
        """What each of the chosen frames counts for in its expression, so that all expressions count alike."""
        frames = np.bincount(self._expression[chosen], minlength=self._expression.max() + 1)[self._expression]
        return np.divide(1, frames, out=np.zeros(len(frames)), where=frames > 0)
