"""How well a segmenter does on the simulated tabletop, kind by kind of expression, with its errors of chance.

Each expression is asked three times: among the true masks with their true names in place of the vision-language model
(only the reasoning can be wrong), among the true masks (the upper bound of the paper: only the choice can be wrong) and
among the segmenter's own proposals. A choice is right when the answer is exactly the set of objects meant: all of them
for a plural, which a method that answers with one object never gets, and nothing where the target is absent.
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
from ris_ros.evaluation.metrics import THRESHOLDS, Estimate, mean_iou, overall_iou, overlap, precision_at, proportion
from ris_ros.grounding.decision import decide
from ris_ros.grounding.grounder import AppearanceScores, Grounder
from ris_ros.grounding.layout import measure
from ris_ros.sim.expressions import KINDS
from ris_ros.sim.samples import SceneSample, samples
from ris_ros.sim.shapes import CATEGORIES, COLOURS
from ris_ros.types import CameraModel, Depth, Description, Proposals

if TYPE_CHECKING:
    from ris_ros.language import ExpressionParser
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
    reasoned : whether the right objects were chosen among the true masks with their true names; None when not asked
    published : what became of it with the published method; None when not asked

    """

    seed: int
    kind: str
    text: str
    present: bool
    selected: bool
    answered: bool | None = None
    intersection: int = 0
    union: int = 0
    reasoned: bool | None = None
    published: Outcome | None = None


@dataclass(frozen=True)
class Report:
    """The outcomes of an evaluation and what they come to."""

    split: str
    scenes: int
    outcomes: list[Outcome]

    def figures(self) -> dict[str, dict[str, Estimate]]:
        """Kind -> metric -> estimate; then "present" and "absent" for all such kinds together.

        Metrics: "selection"; with proposals "oIoU", "mIoU", "Pr@0.5" to "Pr@0.9" and "false absences", the share
        answered with nothing, where the target is present, or "rejected", the same, where it is absent. With their true
        names "reasoning"; with the published method the same as above, "published" before each name.
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
                      caption="percent ± standard error; right choice: among the true masks; published: the same asked "
                              "of the published method; absent: answered with nothing, which is right there")
        figures = self.figures()
        shown = [(metric, title) for metric, title in _COLUMNS if any(metric in row for row in figures.values())]
        table.add_column("kind", no_wrap=True)
        table.add_column("n", justify="right")
        for _, title in shown:
            table.add_column(title, justify="right")
        table.add_column("right choice")
        for name, metrics in figures.items():
            if name == "present":
                table.add_section()
            selection = metrics["selection"]
            table.add_row(name, str(selection.count), *(_percent(metrics.get(metric)) for metric, _ in shown),
                          Bar(1, 0, selection.value, width=12))
        return table


_COLUMNS = (("reasoning", "reasoning alone"), ("published selection", "published: right choice"),
            ("selection", "right choice"), ("published mIoU", "published: mIoU"), ("mIoU", "mIoU"), ("oIoU", "oIoU"),
            ("Pr@0.5", "Pr@0.5"), ("false absences", "false absences"), ("rejected", "absent"))


def evaluate(segmenter: ReferringSegmenter, *, split: str = "test", scenes: int = 50, start: int = 0,
             per_kind: int | None = 2, kinds: Sequence[str] = (), proposals: bool = True, depth: bool = True,
             reasoning: ExpressionParser | None = None, published: ReferringSegmenter | None = None,
             progress: bool = False) -> Report:
    """Ask a segmenter for the objects of simulated scenes.

    Parameters
    ----------
    segmenter : what is measured
    split : train, validation, test or hard (combinations of colour and category held out of training)
    scenes, start : how many of the split's scenes, from which number on
    per_kind : at most so many expressions of each kind and scene; None for all
    kinds : the kinds of expressions to ask; none for all
    proposals : whether to ask among the segmenter's own proposals too, which takes most of the time
    depth : whether the camera has depth
    reasoning : reads the expressions for the reasoning alone; None to leave that out
    published : a segmenter that follows the published method, to stand beside; its proposals are the first one's
    progress : whether to show a bar on stderr

    Raises
    ------
    InputError
        When the split has no such scenes, or there is no such kind.

    """
    if unknown := set(kinds) - set(KINDS):
        raise InputError(f"no kind of expression {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    outcomes = []
    rendered = track(samples(split, scenes, start, per_kind), "evaluating", total=scenes, console=Console(stderr=True),
                     disable=not progress)
    for sample in rendered:
        if kinds:
            sample = replace(sample, expressions=[one for one in sample.expressions if one.kind in kinds])
        view = _View(sample, depth)
        rows = [view.asked_of(segmenter, None if proposals else view.nothing)]
        if published is not None:
            rows.append(view.asked_of(published, segmenter.proposals if proposals else view.nothing))
        reasoned = view.reasoned(reasoning) if reasoning is not None else [None] * len(sample.expressions)
        for outcome, right, *other in zip(rows[0], reasoned, *rows[1:], strict=True):
            outcomes.append(replace(outcome, reasoned=right, published=other[0] if other else None))
    return Report(split, scenes, outcomes)


class _View:
    """One scene with its true masks, bool [N, H, W], of what is seen of it."""

    def __init__(self, sample: SceneSample, depth: bool):
        self.sample = sample
        rendering = sample.rendering
        self.image = rendering.image
        self.depth = Depth(rendering.depth, CameraModel(rendering.intrinsics)) if depth else None
        masks = rendering.instances == np.arange(1, len(sample.scene.objects) + 1)[:, None, None]
        self.truths = [masks[list(expression.targets)].any(axis=0) for expression in sample.expressions]
        self.seen = np.flatnonzero(masks.any(axis=(1, 2)))
        self.masks = Proposals.from_masks(masks[self.seen])
        self.nothing = Proposals.from_masks(masks[:0])

    def asked_of(self, segmenter: ReferringSegmenter, proposals: Proposals | None) -> list[Outcome]:
        """What a segmenter makes of each expression.

        `proposals` as in :meth:`ReferringSegmenter.set_image`; with none in them only the true masks are asked.
        """
        texts = [expression.text for expression in self.sample.expressions]
        segmenter.set_image(self.image, self.masks, depth=self.depth)
        selected = [np.array_equal(segmenter.query(text).mask, truth)
                    for text, truth in zip(texts, self.truths, strict=True)]
        segmented: list[tuple] = [()] * len(texts)
        if proposals is not self.nothing:
            segmenter.set_image(self.image, proposals, depth=self.depth)
            answers = [segmenter.query(text).mask for text in texts]
            segmented = [(bool(answer.any()), *overlap(answer, truth))
                         for answer, truth in zip(answers, self.truths, strict=True)]
        return [Outcome(self.sample.seed, expression.kind, expression.text, bool(expression.targets), right, *answer)
                for expression, right, answer in zip(self.sample.expressions, selected, segmented, strict=True)]

    def reasoned(self, parser: ExpressionParser) -> list[bool]:
        """Whether each expression is answered rightly when every true mask's name and colour are known."""
        things = [self.sample.scene.objects[i] for i in self.seen]

        def fits(description: Description) -> np.ndarray:
            return np.array([float(description.head in ("", "object", "thing", "one", thing.category)
                                   and all(word in (thing.colour, thing.category, "coloured", "colored")
                                           for word in description.attributes)) for thing in things])

        def chances(words: list[str], true: list[str]) -> np.ndarray:
            return np.eye(len(words))[[words.index(word) for word in true]]

        looks = AppearanceScores(fits, lambda: chances(list(CATEGORIES), [thing.category for thing in things]),
                      lambda: chances(list(COLOURS), [thing.colour for thing in things]))
        grounder = Grounder(measure(self.masks, self.depth), looks)
        answers = [decide(parser.parse(expression.text), self.masks, grounder, min_confidence=0.3, max_candidates=1)
                   for expression in self.sample.expressions]
        return [np.array_equal(answer.mask, truth) for answer, truth in zip(answers, self.truths, strict=True)]


def _figures(outcomes: list[Outcome]) -> dict[str, Estimate]:
    figures = {"selection": proportion([outcome.selected for outcome in outcomes])}
    if outcomes[0].reasoned is not None:
        figures["reasoning"] = proportion([outcome.reasoned for outcome in outcomes])
    if outcomes[0].published is not None:
        published = _figures([outcome.published for outcome in outcomes])
        figures |= {f"published {name}": estimate for name, estimate in published.items()}
    if outcomes[0].answered is None:
        return figures
    unanswered = proportion([not outcome.answered for outcome in outcomes])
    if not outcomes[0].present:
        return figures | {"rejected": unanswered}
    intersections = [outcome.intersection for outcome in outcomes]
    unions = [outcome.union for outcome in outcomes]
    return figures | {
        "oIoU": overall_iou(intersections, unions), "mIoU": mean_iou(intersections, unions),
        **{f"Pr@{threshold}": precision_at(threshold, intersections, unions) for threshold in THRESHOLDS},
        "false absences": unanswered}


def _plain(estimate: Estimate) -> dict[str, float | int | None]:
    return {name: None if np.isnan(value) else value for name, value in asdict(estimate).items()}


def _percent(estimate: Estimate | None) -> str:
    if estimate is None:
        return ""
    error = "" if np.isnan(estimate.error) else f" ± {100 * estimate.error:.1f}"
    return f"{100 * estimate.value:.1f}{error}"
