"""Files of a report: results.json, results.csv, results.md and gallery.html in the folder of the run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.evaluation.metrics import nan_to_none
from ris_ros.evaluation.run import Report
from ris_ros.evaluation.summary import IntervalEstimate, Metrics, Summary

PUBLISHED_FILE = Path(__file__).with_name("published.json")
"""Results from publications."""

GROUP_METRICS = ("J&F", "oIoU", "mIoU", "Pr@0.5", "MC-Acc", "N-acc")
"""The metrics in the tables of groups in results.md."""


def write_results(report: Report, output: str | Path, *, gallery: bool = True) -> Metrics:
    """Write all files of a report, and return its overall metrics."""
    from ris_ros.evaluation.gallery import gallery_page

    output = Path(output)
    summary = Summary(report.records)
    overall, grouped = summary.overall(), summary.grouped()
    (output / "results.json").write_text(json.dumps(_to_dict(report, overall, grouped), indent=2) + "\n")
    (output / "results.csv").write_text(_to_csv(overall, grouped))
    (output / "results.md").write_text(_to_markdown(report, overall, grouped))
    if gallery:
        (output / "gallery.html").write_text(gallery_page(report), encoding="utf-8")
    return overall


def published_results(data: str, split: str) -> list[dict[str, Any]]:
    """Return the published results for a split: method, metric, value in percent, source and table."""
    return [row for row in _published_rows() if (row["data"], row["split"]) == (data, split)]


@lru_cache(maxsize=1)
def _published_rows() -> list[dict[str, Any]]:
    """Return the content of the file of published results, one row for each value."""
    rows = []
    for entry in json.loads(PUBLISHED_FILE.read_text())["entries"]:
        about = {name: entry[name] for name in ("method", "model", "masks", "metric", "source", "table")}
        for data_and_split, value in entry["values"].items():
            data, split = data_and_split.split()
            rows.append({**about, "data": data, "split": split, "value": value})
    return rows


def percent(estimate: IntervalEstimate | None) -> str:
    """Return a value with its interval in percent, "56.30 (54.0 to 58.5)"; empty for None and NaN."""
    if estimate is None or np.isnan(estimate.value):
        return ""
    if np.isnan(estimate.low):
        return f"{100 * estimate.value:.2f}"
    return f"{100 * estimate.value:.2f} ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"


def _to_markdown(report: Report, overall: Metrics, grouped: dict[str, dict[str, Metrics]]) -> str:
    about = report.about
    resampled = "videos" if any(record.video for record in report.records) else "pictures"
    lines = [f"# {about['method']} on {about['data']} {about['split']}", "",
             f"{len(report.records)} expressions about {len(report.data.pictures)} pictures; masks: "
             f"{about['proposals']}; model: {about['settings']['encoder.model']}. Percent, with the 95 % interval of a "
             f"bootstrap over {resampled}.", "", "| metric | value | expressions |", "|---|---|---|"]
    lines += [f"| {name} | {percent(estimate)} | {estimate.count} |" for name, estimate in overall.items()]
    rows = published_results(about["data"], about["split"])
    if rows:
        lines += ["", "## Published", "", "| method | model | masks | metric | value | source |", "|---" * 6 + "|"]
        lines += [f"| {row['method']} | {row['model']} | {row['masks']} | {row['metric']} | {row['value']:.2f} | "
                  f"{row['source']}, {row['table']} |" for row in rows]
    for grouping, groups in grouped.items():
        names = [name for name in GROUP_METRICS if any(name in metrics for metrics in groups.values())]
        lines += ["", f"## By {grouping}", "", f"| {grouping} | n | {' | '.join(names)} |",
                  "|---|---|" + "---|" * len(names)]
        lines += [f"| {label} | {_max_count(metrics)} | {' | '.join(percent(metrics.get(name)) for name in names)} |"
                  for label, metrics in groups.items()]
    lines += ["", "## Problems", "", f"{len(report.problems)} in all." if report.problems else "None."]
    lines += [f"- {problem}" for problem in report.problems]
    return "\n".join(lines) + "\n"


def _max_count(metrics: Metrics) -> int:
    return max((estimate.count for estimate in metrics.values()), default=0)


def _to_dict(report: Report, overall: Metrics, grouped: dict[str, dict[str, Metrics]]) -> dict[str, Any]:
    return {
        **report.about, "pictures": len(report.data.pictures), "expressions": len(report.records),
        "figures": {name: nan_to_none(asdict(estimate)) for name, estimate in overall.items()},
        "groups": {grouping: {label: {name: nan_to_none(asdict(estimate)) for name, estimate in metrics.items()}
                              for label, metrics in groups.items()} for grouping, groups in grouped.items()},
        "problems": report.problems, "published": published_results(report.about["data"], report.about["split"]),
        "seconds": {"method, all expressions": round(sum(record.seconds for record in report.records), 3),
                    "this run": round(report.seconds, 3), "this run, method": round(report.method_seconds, 3)}}


def _to_csv(overall: Metrics, grouped: dict[str, dict[str, Metrics]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["grouping", "label", "metric", "value", "low", "high", "expressions"])
    for grouping, label, name, estimate in _rows(overall, grouped):
        values = ["" if np.isnan(value) else f"{value:.6f}" for value in (estimate.value, estimate.low, estimate.high)]
        writer.writerow([grouping, label, name, *values, estimate.count])
    return text.getvalue()


def _rows(overall: Metrics, grouped: dict[str, dict[str, Metrics]]
          ) -> Iterator[tuple[str, str, str, IntervalEstimate]]:
    for name, estimate in overall.items():
        yield "all", "all", name, estimate
    for grouping, groups in grouped.items():
        for label, metrics in groups.items():
            for name, estimate in metrics.items():
                yield grouping, label, name, estimate
