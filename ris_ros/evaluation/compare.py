"""Comparison of all methods and ablations on one data set, with proposed and with true masks, in one table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ris_ros.config import EncoderConfig
from ris_ros.encoding import MaskGuidedEncoder, load_encoder
from ris_ros.evaluation.baselines import METHODS
from ris_ros.evaluation.datasets.base import Dataset
from ris_ros.evaluation.evaluator import Plan
from ris_ros.evaluation.mask_sources import TRUTH
from ris_ros.evaluation.results import percent, write_results
from ris_ros.evaluation.run import Runner, evaluate
from ris_ros.evaluation.summary import Metrics, Summary
from ris_ros.utils.device import resolve_device

ABLATIONS = {
    "text weight": ("matching.text_weight", (0.0, 0.25, 0.5, 0.75, 1.0)),
    "visual weight": ("matching.visual_weight", (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)),
    "masked blocks": ("encoder.masked_blocks", (1, 2, 3, 4)),
}
"""Section of the table -> setting and its values; one setting at a time is varied around the reference method."""

METRICS = ("oIoU", "mIoU", "Pr@0.5", "MC-Acc", "cc-oIoU")
"""Columns with the masks of the proposer."""
METRICS_OF_TRUE_MASKS = ("oIoU", "mIoU", "MC-Acc")
"""Columns with the true masks, where a wrong mask cannot come from the proposer."""

_SEARCHING = "full, searching again"
"""The method "full" without cached masks: it searches for further masks if it does not find the target."""


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes
    ----------
    section, name : what was varied, and its value
    metrics : name of a mask source -> metrics

    """

    section: str
    name: str
    metrics: dict[str, Metrics]


def compare(data: Dataset, base: Plan, output: str | Path, *, methods: Sequence[str] = METHODS, ablations: bool = True,
            masks: Sequence[str] = ("", TRUTH), progress: bool = False) -> list[Row]:
    """Evaluate methods and ablations, each in its own folder under `output`, from which it can be continued.

    Parameters
    ----------
    data : the data set
    base : settings, depth, and the cache that lets all methods choose from the same masks
    output : folder of the runs
    methods : names of baselines.METHODS
    ablations : whether to vary the settings of ABLATIONS as well
    masks : where masks come from, see mask_sources.make_mask_source
    progress : whether to show a bar for each run on stderr

    """
    encoders: dict[EncoderConfig, MaskGuidedEncoder] = {}
    rows = []
    for section, name, plan in _variants(base, methods, ablations, masks):
        metrics = {}
        for source in masks:
            if name == _SEARCHING and source == TRUTH:
                continue  # true masks need no search
            folder = Path(output) / "-".join([section, name, source or "proposed"]).replace(" ", "_").replace("/", "_")
            encoder_config = plan.config.encoder
            if encoder_config not in encoders:
                encoders[encoder_config] = load_encoder(
                    encoder_config, resolve_device(plan.config.device), offline=plan.config.offline)
            variant = replace(plan, proposals=source)
            report = evaluate(data, variant, folder, progress=progress,
                              runner=_runner(variant, encoders[encoder_config]))
            write_results(report, folder, gallery=False)
            metrics[source] = Summary(report.records).overall()
        rows.append(Row(section, name, metrics))
    return rows


def _variants(base: Plan, methods: Sequence[str], ablations: bool, masks: Sequence[str]
              ) -> Iterator[tuple[str, str, Plan]]:
    """Yield section, name and plan of each row."""
    for name in methods:
        yield "method", name, replace(base, method=name)
    if "full" in methods and base.cache is not None and "" in masks:
        yield "method", _SEARCHING, replace(base, method="full", cache=None)
    if base.depth:
        yield "method", "full, without depth", replace(base, method="full", depth=False)
    if ablations:
        for section, (setting, values) in ABLATIONS.items():
            for value in values:
                yield section, f"{value}", replace(base, method="reference",
                                                   config=base.config.replace({setting: value}))


def _runner(plan: Plan, encoder: MaskGuidedEncoder) -> Runner:
    """Return a runner that shares an encoder; other models are loaded only if any picture is left to evaluate."""
    return lambda pictures: map(plan.build(encoder), pictures)


def to_markdown(rows: list[Row]) -> str:
    """Return a table for each section: percent with 95 % intervals."""
    lines = []
    for section in dict.fromkeys(row.section for row in rows):
        of_section = [row for row in rows if row.section == section]
        columns = [(source, metric) for source in of_section[0].metrics
                   for metric in (METRICS_OF_TRUE_MASKS if source == TRUTH else METRICS)]
        heads = [metric + (", true masks" if source == TRUTH else "") for source, metric in columns]
        lines += [f"| {section} | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
        for row in of_section:
            cells = [percent(row.metrics.get(source, {}).get(metric)) for source, metric in columns]
            lines.append(f"| {row.name} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)
