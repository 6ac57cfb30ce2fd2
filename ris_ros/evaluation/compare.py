"""Every method and every ablation on one data set, among the proposer's masks and among the true ones: one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ris_ros.config import EncoderConfig
from ris_ros.encoding import MaskGuidedEncoder, load_encoder
from ris_ros.evaluation.baselines import METHODS
from ris_ros.evaluation.datasets.base import DataSet
from ris_ros.evaluation.examiner import Plan
from ris_ros.evaluation.mask_sources import TRUTH
from ris_ros.evaluation.results import percent, write_results
from ris_ros.evaluation.run import evaluate
from ris_ros.evaluation.summary import Figure, Figures
from ris_ros.utils.device import resolve_device

ABLATIONS = {
    "text weight": ("matching.text_weight", (0.0, 0.25, 0.5, 0.75, 1.0)),
    "visual weight": ("matching.visual_weight", (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)),
    "masked blocks": ("encoder.masked_blocks", (1, 2, 3, 4)),
}
"""What is varied, one setting at a time, around the reference procedure."""

METRICS = ("oIoU", "mIoU", "Pr@0.5", "MC-Acc", "cc-oIoU")


@dataclass(frozen=True)
class Row:
    """A line of the table: its section, its name, and its figures among each kind of masks."""

    section: str
    name: str
    figures: dict[str, dict[str, Figure]]


def compare(data: DataSet, base: Plan, output: str | Path, *, methods: Sequence[str] = METHODS, ablations: bool = True,
            masks: Sequence[str] = ("", TRUTH), progress: bool = False) -> list[Row]:
    """Measure methods and ablations, each in a folder of its own under `output`, where it can be continued.

    Parameters
    ----------
    data : what is measured on
    base : settings, depth, and the cache, by which all methods choose among the same masks
    methods : names of baselines.METHODS
    ablations : whether the settings of ABLATIONS are varied as well
    masks : where masks come from, see candidates.make_source

    """
    plans = [("method", name, replace(base, method=name)) for name in methods]
    if "full" in methods and base.cache is not None and "" in masks:
        plans.append(("method", "full, searching again", replace(base, method="full", cache=None)))
    if base.depth:
        plans.append(("method", "full, without depth", replace(base, method="full", depth=False)))
    if ablations:
        plans += [(section, f"{value}", replace(base, method="reference", config=base.config.replace({setting: value})))
                  for section, (setting, values) in ABLATIONS.items() for value in values]
    encoders: dict[EncoderConfig, MaskGuidedEncoder] = {}
    rows = []
    for section, name, plan in plans:
        figures = {}
        for source in masks:
            if name == "full, searching again" and source == TRUTH:
                continue  # there is nothing to search for
            folder = Path(output) / "-".join([section, name, source or "proposed"]).replace(" ", "_").replace("/", "_")
            wanted = plan.config.encoder
            if wanted not in encoders:
                encoders[wanted] = load_encoder(wanted, resolve_device(plan.config.device))
            one = replace(plan, proposals=source)
            build = partial(one.build, encoders[wanted])
            report = evaluate(data, one, folder, progress=progress,
                              stream=lambda pictures, build=build: map(build(), pictures))
            write_results(report, folder, gallery=False)
            figures[source] = Figures(report.outcomes).overall()
        rows.append(Row(section, name, figures))
    return rows


def to_markdown(rows: list[Row]) -> str:
    """A table for each section: percent with 95 % intervals."""
    lines = []
    for section in dict.fromkeys(row.section for row in rows):
        chosen = [row for row in rows if row.section == section]
        columns = [(source, metric) for source in chosen[0].figures for metric in METRICS
                   if source != TRUTH or metric in ("oIoU", "mIoU", "MC-Acc")]
        heads = [metric + (", true masks" if source == TRUTH else "") for source, metric in columns]
        lines += [f"| {section} | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
        for row in chosen:
            cells = [percent(row.figures.get(source, {}).get(metric)) for source, metric in columns]
            lines.append(f"| {row.name} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)
