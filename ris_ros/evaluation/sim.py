"""How well a segmenter does on the simulated tabletop, by kind of expression.

Each expression is asked three times: with the true masks and their true names in place of the vision-language model,
where only the reasoning can be wrong; with the true masks, where only the choice can be wrong (the upper bound of the
paper); and with the segmenter's own proposals. A choice is correct if the answer is exactly the set of target objects:
all of them for a plural, which a method that answers with one object never gets, and none if the target is absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.bar import Bar
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ris_ros.errors import InputError
from ris_ros.evaluation.metrics import (
    IOU_THRESHOLDS,
    Estimate,
    auroc,
    calibration_error,
    intersection_and_union,
    mean_iou,
    nan_to_none,
    overall_iou,
    precision_at,
    proportion,
)
from ris_ros.evaluation.truth_detector import TruthDetector
from ris_ros.grounding import Grounder, Layout, decide
from ris_ros.sim.expressions import KINDS
from ris_ros.sim.samples import SceneSample, samples
from ris_ros.sim.scene import SceneObject
from ris_ros.sim.shapes import CATEGORIES, COLOURS
from ris_ros.sim.styles import PLAIN
from ris_ros.types import CameraModel, Depth, Description, Proposals, Result

if TYPE_CHECKING:
    from ris_ros.parsing import Parser
    from ris_ros.segmenter import ReferringSegmenter

REASONING_MIN_CONFIDENCE = 0.3
"""The confidence from which an object counts as present when its name is known: probabilities are then 0 or 1."""


@dataclass(frozen=True)
class ExpressionRecord:
    """The answers to one expression, compared with the truth.

    Attributes
    ----------
    seed, kind, text : the scene and the expression
    present : whether the target is in the scene
    selected : whether the choice among the true masks is correct
    answered : whether the answer among the proposals is not empty; None if it was not asked
    intersection, union : pixels of the intersection and union of that answer and the truth
    early : whether that answer came after the first prompts
    reasoned : whether the choice among the true masks with their true names is correct; None if it was not asked
    published : the record of the published method; None if it was not asked
    found : whether the answer among the true masks is not empty
    confidence : of the answer among the true masks, 0..1

    """

    seed: int
    kind: str
    text: str
    present: bool
    selected: bool
    answered: bool | None = None
    intersection: int = 0
    union: int = 0
    early: bool = False
    reasoned: bool | None = None
    published: ExpressionRecord | None = None
    found: bool = True
    confidence: float = 0.0


@dataclass(frozen=True)
class Report:
    """The records of an evaluation and their summary."""

    split: str
    scenes: int
    records: list[ExpressionRecord]

    def summary(self) -> dict[str, dict[str, Estimate]]:
        """Return kind -> metric -> estimate, with "present" and "absent" for all kinds of that sort together.

        The metrics are "selection"; with proposals, "early", the proportion answered after the first prompts, and
        "oIoU", "mIoU", "Pr@0.5" to "Pr@0.9" and "false absences", the proportion answered with an empty mask, if the
        target is present, or "rejected", the same, if it is absent; with true names, "reasoning"; with the published
        method, all but that again with "published" before the name.
        """
        kinds = dict.fromkeys(record.kind for record in self.records)
        groups = {kind: [record for record in self.records if record.kind == kind] for kind in kinds}
        groups["present"] = [record for record in self.records if record.present]
        groups["absent"] = [record for record in self.records if not record.present]
        return {name: _summarize(group) for name, group in groups.items() if group}

    def confidence_metrics(self) -> dict[str, float]:
        """Return how well the confidence among the true masks tells present from absent targets.

        "AUROC"; "calibration error", the expected one over ten bins, with present and absent weighted alike; "false
        absences", the share of present targets that are not found; "rejected", of absent ones. Empty unless both
        were asked.
        """
        present = np.array([record.present for record in self.records], bool)
        if present.all() or not present.any():
            return {}
        confidence = np.array([record.confidence for record in self.records])
        found = np.array([record.found for record in self.records], bool)
        return {"AUROC": auroc(confidence, present), "calibration error": calibration_error(confidence, present),
                "false absences": float(1 - found[present].mean()), "rejected": float(1 - found[~present].mean())}

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as JSON values, with None for the standard error of a single expression."""
        return {"split": self.split, "scenes": self.scenes, "expressions": len(self.records),
                "confidence": self.confidence_metrics(),
                "figures": {name: {metric: nan_to_none(asdict(estimate)) for metric, estimate in metrics.items()}
                            for name, metrics in self.summary().items()}}

    def table(self) -> Table:
        """Return the summary, in percent with standard errors, as a table for the terminal."""
        table = Table(title=f"{self.split} split, {self.scenes} scenes, {len(self.records)} expressions",
                      caption="percent ± standard error; right choice: among the true masks; published: the published "
                              "method; absent: empty answers, which are right there"
                              + "".join(f"; {name} {value:.3f}" for name, value in self.confidence_metrics().items()))
        summary = self.summary()
        columns = [(metric, title) for metric, title in _COLUMNS if any(metric in row for row in summary.values())]
        table.add_column("kind", no_wrap=True)
        table.add_column("n", justify="right")
        for _, title in columns:
            table.add_column(title, justify="right")
        table.add_column("right choice")
        for name, metrics in summary.items():
            if name == "present":
                table.add_section()
            selection = metrics["selection"]
            table.add_row(name, str(selection.count), *(_percent(metrics.get(metric)) for metric, _ in columns),
                          Bar(1, 0, selection.value, width=12))
        return table


_COLUMNS = (("reasoning", "reasoning alone"), ("published selection", "published: right choice"),
            ("selection", "right choice"), ("published mIoU", "published: mIoU"), ("mIoU", "mIoU"), ("oIoU", "oIoU"),
            ("Pr@0.5", "Pr@0.5"), ("early", "early"), ("false absences", "false absences"), ("rejected", "absent"))
"""Metric and title of each column of the table."""


def evaluate(segmenter: ReferringSegmenter, *, split: str = "test", scenes: int = 50, start: int = 0,
             per_kind: int | None = 2, kinds: Sequence[str] = (), proposals: bool = True, depth: bool = True,
             reasoning: Parser | None = None, published: ReferringSegmenter | None = None,
             styles: Sequence[str] = (PLAIN,), progress: bool = False) -> Report:
    """Ask a segmenter for the objects of simulated scenes.

    Parameters
    ----------
    segmenter : the segmenter to measure
    split : train, validation, test or hard (pairs of colour and category held out of training)
    scenes, start : number of scenes, and number of the first one within the split
    per_kind : maximum number of expressions of each kind and scene; None for no limit
    kinds : kinds of expressions to ask; none for all
    proposals : whether to ask with the segmenter's own proposals too, which takes most of the time
    depth : whether the camera has depth
    reasoning : reads the expressions for the measurement of reasoning alone; None skips it
    published : a segmenter with the published method, for comparison; it uses the proposals of `segmenter`
    styles : of the scenes, which they share in equal blocks
    progress : whether to show a progress bar on stderr

    Raises
    ------
    InputError
        If the split has no such scenes, or there is no such kind or style.

    """
    if unknown := set(kinds) - set(KINDS):
        raise InputError(f"no kind of expression {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    records = []
    rendered = track(samples(split, scenes, start, per_kind, styles), "evaluating", total=scenes,
                     console=Console(stderr=True), disable=not progress)
    for sample in rendered:
        if kinds:
            selected = [expression for expression in sample.expressions if expression.kind in kinds]
            sample = replace(sample, expressions=selected)
        scene = _SceneTruth(sample, depth)
        if isinstance(segmenter.detector, TruthDetector):
            segmenter.detector.show(sample)
        rows = [scene.ask(segmenter, None if proposals else scene.no_masks)]
        if published is not None:
            rows.append(scene.ask(published, segmenter.proposals if proposals else scene.no_masks))
        reasoned = scene.reason(reasoning) if reasoning is not None else [None] * len(sample.expressions)
        for record, is_correct, *other in zip(rows[0], reasoned, *rows[1:], strict=True):
            records.append(replace(record, reasoned=is_correct, published=other[0] if other else None))
    return Report(split, scenes, records)


class TrueNames:
    """The AppearanceScores of objects whose category and colour are known: all probabilities are 0 or 1."""

    def __init__(self, objects: Sequence[SceneObject]):
        self._objects = objects

    def probability(self, description: Description) -> np.ndarray:
        """Return, float64 [N], whether a description calls each object by its category and colour."""
        return np.array([float(description.head in ("", "object", "thing", "one", known.category)
                               and all(word in (known.colour, known.category, "coloured", "colored")
                                       for word in description.attributes)) for known in self._objects])

    def names(self) -> np.ndarray:
        """Return the category of each object, one-hot, float64 [N, K]."""
        return _one_hot([known.category for known in self._objects], list(CATEGORIES))

    def colours(self) -> np.ndarray:
        """Return the colour of each object, one-hot, float64 [N, C]."""
        return _one_hot([known.colour for known in self._objects], list(COLOURS))


def _one_hot(values: list[str], words: list[str]) -> np.ndarray:
    rows: np.ndarray = np.eye(len(words))[[words.index(value) for value in values]]
    return rows


class _SceneTruth:
    """One scene with the truth about it.

    Attributes
    ----------
    true_masks : of the visible objects
    no_masks : no proposals, for an image of that size

    """

    def __init__(self, sample: SceneSample, depth: bool):
        self._sample = sample
        rendering = sample.rendering
        self._depth = Depth(rendering.depth, CameraModel(rendering.intrinsics)) if depth else None
        masks = rendering.instances == np.arange(1, len(sample.scene.objects) + 1)[:, None, None]
        self._target_masks = [masks[list(expression.targets)].any(axis=0) for expression in sample.expressions]
        visible = np.flatnonzero(masks.any(axis=(1, 2)))
        self._visible_objects = [sample.scene.objects[i] for i in visible]
        self.true_masks = Proposals.from_masks(masks[visible])
        self.no_masks = Proposals.from_masks(masks[:0])

    def ask(self, segmenter: ReferringSegmenter, proposals: Proposals | None) -> list[ExpressionRecord]:
        """Ask a segmenter all expressions, with the true masks and with proposals.

        `proposals` as in :meth:`ReferringSegmenter.set_image`; with `no_masks` only the true masks are used.
        """
        image = self._sample.rendering.image
        texts = [expression.text for expression in self._sample.expressions]
        segmenter.set_image(image, self.true_masks, depth=self._depth)
        records = []
        for expression, truth in zip(self._sample.expressions, self._target_masks, strict=True):
            result = segmenter.query(expression.text)
            records.append(ExpressionRecord(
                self._sample.seed, expression.kind, expression.text, bool(expression.targets),
                np.array_equal(result.mask, truth), found=result.found, confidence=result.confidence))
        if proposals is self.no_masks:
            return records
        segmenter.start_image(image, proposals, depth=self._depth)
        # Each text is asked as if it were the first on this image.
        early = [segmenter.early_answer(text) for text in texts]
        answers = [segmenter.query(text) if one is None else one for one, text in zip(early, texts, strict=True)]
        return [_with_answer(record, answer, truth)
                for record, answer, truth in zip(records, answers, self._target_masks, strict=True)]

    def reason(self, parser: Parser) -> list[bool]:
        """Return whether each expression is answered correctly when all names and colours are known."""
        grounder = Grounder(Layout.measure(self.true_masks, self._depth), TrueNames(self._visible_objects))
        answers = [decide(parser.parse(expression.text), self.true_masks, grounder,
                          min_confidence=REASONING_MIN_CONFIDENCE, max_candidates=1)
                   for expression in self._sample.expressions]
        return [np.array_equal(answer.mask, truth) for answer, truth in zip(answers, self._target_masks, strict=True)]


def _with_answer(record: ExpressionRecord, answer: Result, truth: np.ndarray) -> ExpressionRecord:
    intersection, union = intersection_and_union(answer.mask, truth)
    return replace(record, answered=bool(answer.mask.any()), intersection=intersection, union=union, early=answer.early)


def _summarize(records: list[ExpressionRecord]) -> dict[str, Estimate]:
    """Return the metrics of records that were all asked alike, and are all present or all absent."""
    metrics = {"selection": proportion([record.selected for record in records])}
    if records[0].reasoned is not None:
        metrics["reasoning"] = proportion([bool(record.reasoned) for record in records])
    published = [record.published for record in records if record.published is not None]
    if published:
        metrics |= {f"published {name}": estimate for name, estimate in _summarize(published).items()}
    if records[0].answered is None:
        return metrics
    unanswered = proportion([not record.answered for record in records])
    metrics["early"] = proportion([record.early for record in records])
    if not records[0].present:
        return metrics | {"rejected": unanswered}
    intersections = [record.intersection for record in records]
    unions = [record.union for record in records]
    return metrics | {
        "oIoU": overall_iou(intersections, unions), "mIoU": mean_iou(intersections, unions),
        **{f"Pr@{threshold}": precision_at(threshold, intersections, unions) for threshold in IOU_THRESHOLDS},
        "false absences": unanswered}


def _percent(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    error = "" if np.isnan(estimate.error) else f" ± {100 * estimate.error:.1f}"
    return f"{100 * estimate.value:.1f}{error}"
