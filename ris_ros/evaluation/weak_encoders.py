"""How answers degrade with the encoder: the evaluation on simulated scenes, repeated for weaker and weaker encoders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from ris_ros.calibration import calibrate_from_images, calibrate_unless_done
from ris_ros.errors import MissingError
from ris_ros.evaluation.sim import Report, evaluate
from ris_ros.evaluation.weakening import parse_weakening, weaken
from ris_ros.parsing import make_parser
from ris_ros.segmenter import ReferringSegmenter
from ris_ros.sim.samples import samples

LEVELS = ("weights:0", "weights:0.6", "weights:0.75", "weights:0.9")
"""Weakenings at which the published method names about 100, 95, 80 and 50 % of categories."""


@dataclass(frozen=True)
class WeakReport:
    """The evaluation of one weakened encoder.

    Attributes
    ----------
    weakening : KIND:LEVEL or KIND:LEVEL:SEED
    calibrated_by : as of :class:`PromptBank`
    report : of the full and the published method

    """

    weakening: str
    calibrated_by: str
    report: Report

    def row(self) -> dict[str, float]:
        """Return the figures of the table, each 0..1, by name; NaN where nothing was asked."""
        summary = self.report.summary()

        def figure(kind: str, metric: str) -> float:
            estimate = summary.get(kind, {}).get(metric)
            return float("nan") if estimate is None else estimate.value

        row = {f"{name}{who}": figure(name, f"{key}selection") for name in ("category", "attribute", "present")
               for who, key in ((", published", "published "), ("", ""))}
        row |= self.report.confidence_metrics()
        if not np.isnan(found := figure("present", "Pr@0.5")):
            row |= {"Pr@0.5, published": figure("present", "published Pr@0.5"), "Pr@0.5": found,
                    "false absences, proposals": figure("present", "false absences"),
                    "rejected, proposals": figure("absent", "rejected")}
        return row

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as JSON values."""
        return {"weakening": self.weakening, "calibrated by": self.calibrated_by, **self.report.to_dict()}


def weakened_segmenter(segmenter: ReferringSegmenter, weakening: str, frames: int = 0) -> ReferringSegmenter:
    """Return a segmenter with a weakened copy of the encoder, calibrated as one that comes without a calibration.

    Parameters
    ----------
    segmenter : is left as it is
    weakening : KIND:LEVEL or KIND:LEVEL:SEED
    frames : number of unlabelled images of the validation split to calibrate on; 0: the stock images

    Raises
    ------
    InputError
        When there is no such weakening.

    """
    encoder = weaken(segmenter.encoder, *parse_weakening(weakening))
    weakened = ReferringSegmenter(segmenter.config, segmenter.proposer, encoder, segmenter.parser)
    calibrate(weakened, frames)
    return weakened


def calibrate(segmenter: ReferringSegmenter, frames: int) -> None:
    """Calibrate a segmenter on unlabelled images of the validation split, or with 0 on stock images, if necessary."""
    weight = segmenter.visual_weight
    if not frames:
        segmenter.bank = calibrate_unless_done(segmenter.bank, segmenter.encoder, weight)
        return
    images = (sample.rendering.image for sample in samples("validation", frames, per_kind=0))
    segmenter.bank = calibrate_from_images(images, segmenter.proposer, segmenter.encoder, segmenter.bank, weight)


def published_segmenter(segmenter: ReferringSegmenter) -> ReferringSegmenter:
    """Return a segmenter with the same models and the published method."""
    config = segmenter.config.replace({"method": "reference"})
    return ReferringSegmenter(config, segmenter.proposer, segmenter.encoder,
                              make_parser(config.language, config.method))


def evaluate_levels(segmenter: ReferringSegmenter, weakenings: Sequence[str], *, frames: int = 0, **options: Any
                    ) -> Iterator[WeakReport]:
    """Evaluate a segmenter with weaker and weaker encoders; `options` as of :func:`evaluation.sim.evaluate`."""
    for weakening in weakenings:
        weakened = weakened_segmenter(segmenter, weakening, frames)
        report = evaluate(weakened, published=published_segmenter(weakened), **options)
        yield WeakReport(weakening, weakened.calibrated_by, report)


def table(reports: Sequence[WeakReport]) -> Table:
    """Return the figures in percent, a column for each encoder."""
    rows = [report.row() for report in reports]
    first = reports[0]
    result = Table(title=f"{first.report.split} split, {first.report.scenes} scenes, among true masks unless said "
                   "otherwise", caption=f"right answers in percent; confidence calibrated by {first.calibrated_by}")
    result.add_column("")
    for report in reports:
        result.add_column(report.weakening, justify="right")
    for name in rows[0]:
        scale, digits = (1, 2) if name in ("AUROC", "calibration error") else (100, 0)
        result.add_row(name, *(f"{scale * row[name]:.{digits}f}" for row in rows))
    return result


def plot(reports: Sequence[WeakReport], file: Path) -> None:
    """Plot right answers against the published method's accuracy of categories.

    Raises
    ------
    MissingError
        When matplotlib is not installed.

    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingError("a plot needs matplotlib: pip install matplotlib") from error
    rows = [100 * np.array([report.row()[name] for report in reports]) for name in (
        "category, published", "present", "present, published", "rejected", "false absences")]
    named, ours, published, rejected, false_absences = (values[np.argsort(-rows[0])] for values in rows)
    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.plot(named, ours, marker="o", color="tab:blue", label="right, of what is there")
    axes.plot(named, published, marker="o", color="tab:grey", label="the same, published method")
    axes.plot(named, rejected, marker="s", color="tab:green", linestyle="--", label="“not here”, of what is absent")
    axes.plot(named, false_absences, marker="s", color="tab:red", linestyle="--", label="“not here”, of what is there")
    axes.set(xlabel="categories that the published method names right with this encoder, %", ylabel="%", ylim=(0, 101))
    axes.invert_xaxis()
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(file, dpi=150)
