"""How well a segmenter does on the simulated tabletop, kind by kind of expression, with its errors of chance.

Each expression is asked twice: among the true masks (the upper bound of the paper: only the choice can be wrong) and
among the segmenter's own proposals. A choice is right when the answer is exactly the set of objects meant: all of them
for a plural, which a method that answers with one object never gets, and nothing where the target is absent.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.bar import Bar
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ris_ros.evaluation.metrics import THRESHOLDS, Estimate, mean_iou, overall_iou, overlap, precision_at, proportion
from ris_ros.sim.samples import samples
from ris_ros.types import Proposals

if TYPE_CHECKING:
    from ris_ros.segmenter import ReferringSegmenter


@dataclass(frozen=True)
class Outcome:
    """What became of one expression.

    Attributes
    ----------
    seed, kind, text : the scene and the expression
    present : whether the scene has what it names
    selected : whether the right objects were chosen among the true masks
    answered : whether the own proposals gave any answer; None when they were not asked
    intersection, union : pixels of that answer and the truth

    """

    seed: int
    kind: str
    text: str
    present: bool
    selected: bool
    answered: bool | None = None
    intersection: int = 0
    union: int = 0


@dataclass(frozen=True)
class Report:
    """The outcomes of an evaluation and what they come to."""

    split: str
    scenes: int
    outcomes: list[Outcome]

    def figures(self) -> dict[str, dict[str, Estimate]]:
        """Kind -> metric -> estimate; then "present" and "absent" for all such kinds together.

        Metrics: "selection"; with proposals "oIoU", "mIoU" and "Pr@0.5" to "Pr@0.9" where the target is present, or
        "rejected", the share answered with nothing, where it is absent.
        """
        kinds = dict.fromkeys(outcome.kind for outcome in self.outcomes)
        groups = {kind: [outcome for outcome in self.outcomes if outcome.kind == kind] for kind in kinds}
        groups["present"] = [outcome for outcome in self.outcomes if outcome.present]
        groups["absent"] = [outcome for outcome in self.outcomes if not outcome.present]
        return {name: _figures(group) for name, group in groups.items() if group}

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON-able values; an error that one expression cannot give is None."""
        return {"split": self.split, "scenes": self.scenes, "expressions": len(self.outcomes),
                "figures": {name: {metric: _plain(estimate) for metric, estimate in metrics.items()}
                            for name, metrics in self.figures().items()}}

    def table(self) -> Table:
        """The figures in percent, each with its standard error, for a terminal."""
        table = Table(title=f"{self.split} split, {self.scenes} scenes, {len(self.outcomes)} expressions",
                      caption="percent ± standard error; absent: share answered with nothing")
        table.add_column("kind", no_wrap=True)
        table.add_column("n", justify="right")
        table.add_column("right choice", justify="right", no_wrap=True)
        table.add_column("among true masks")
        for metric in ("oIoU", "mIoU", "Pr@0.5", "rejected"):
            table.add_column(metric, justify="right", no_wrap=True)
        for name, metrics in self.figures().items():
            if name == "present":
                table.add_section()
            selection = metrics["selection"]
            table.add_row(name, str(selection.count), _percent(selection), Bar(1, 0, selection.value, width=16),
                          *(_percent(metrics.get(metric)) for metric in ("oIoU", "mIoU", "Pr@0.5", "rejected")))
        return table


def evaluate(segmenter: ReferringSegmenter, *, split: str = "test", scenes: int = 50, start: int = 0,
             per_kind: int | None = 2, proposals: bool = True, progress: bool = False) -> Report:
    """Ask a segmenter for the objects of simulated scenes.

    Parameters
    ----------
    segmenter : what is measured
    split : train, validation, test or hard (combinations of colour and category held out of training)
    scenes, start : how many of the split's scenes, from which number on
    per_kind : at most so many expressions of each kind and scene; None for all
    proposals : whether to ask among the segmenter's own proposals too, which takes most of the time
    progress : whether to show a bar on stderr

    Raises
    ------
    InputError
        When the split has no such scenes.

    """
    outcomes = []
    rendered = track(samples(split, scenes, start, per_kind), "evaluating", total=scenes, console=Console(stderr=True),
                     disable=not progress)
    for sample in rendered:
        rendering = sample.rendering
        ids = np.arange(1, len(sample.scene.objects) + 1)
        masks = rendering.instances == ids[:, None, None]
        truths = [np.any(masks[list(expression.targets)], axis=0) for expression in sample.expressions]
        texts = [expression.text for expression in sample.expressions]

        segmenter.set_image(rendering.image, Proposals.from_masks(masks[masks.any(axis=(1, 2))]))
        selected = [np.array_equal(segmenter.query(text).mask, truth)
                    for text, truth in zip(texts, truths, strict=True)]
        segmented: list[tuple] = [()] * len(texts)
        if proposals:
            segmenter.set_image(rendering.image)
            answers = [segmenter.query(text).mask for text in texts]
            segmented = [(bool(answer.any()), *overlap(answer, truth))
                         for answer, truth in zip(answers, truths, strict=True)]
        outcomes += [Outcome(sample.seed, expression.kind, expression.text, bool(expression.targets), right, *answer)
                     for expression, right, answer in zip(sample.expressions, selected, segmented, strict=True)]
    return Report(split, scenes, outcomes)


def _figures(outcomes: list[Outcome]) -> dict[str, Estimate]:
    figures = {"selection": proportion([outcome.selected for outcome in outcomes])}
    if outcomes[0].answered is None:
        return figures
    if not outcomes[0].present:
        return figures | {"rejected": proportion([not outcome.answered for outcome in outcomes])}
    intersections = [outcome.intersection for outcome in outcomes]
    unions = [outcome.union for outcome in outcomes]
    return figures | {
        "oIoU": overall_iou(intersections, unions), "mIoU": mean_iou(intersections, unions),
        **{f"Pr@{threshold}": precision_at(threshold, intersections, unions) for threshold in THRESHOLDS}}


def _plain(estimate: Estimate) -> dict[str, float | int | None]:
    return {name: None if np.isnan(value) else value for name, value in asdict(estimate).items()}


def _percent(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    error = "" if np.isnan(estimate.error) else f" ± {100 * estimate.error:.1f}"
    return f"{100 * estimate.value:.1f}{error}"
