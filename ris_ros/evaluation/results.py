"""A report as files: results.json, results.csv, results.md and gallery.html in the folder of the run."""

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

from ris_ros.evaluation.run import Report
from ris_ros.evaluation.summary import Figure, Figures

PUBLISHED = Path(__file__).with_name("published.json")


def write_results(report: Report, output: str | Path, *, gallery: bool = True) -> dict[str, Figure]:
    """Write every file; the overall figures."""
    from ris_ros.evaluation.gallery import gallery_page

    output = Path(output)
    figures = Figures(report.outcomes)
    overall, grouped = figures.overall(), figures.grouped()
    (output / "results.json").write_text(json.dumps(_to_dict(report, overall, grouped), indent=2) + "\n")
    (output / "results.csv").write_text(_to_csv(overall, grouped))
    (output / "results.md").write_text(to_markdown(report, overall, grouped))
    if gallery:
        (output / "gallery.html").write_text(gallery_page(report), encoding="utf-8")
    return overall


def published(data: str, split: str) -> list[dict[str, Any]]:
    """What others have published for a split: method, metric, value in percent, source and table."""
    return [row for row in _published() if (row["data"], row["split"]) == (data, split)]


@lru_cache(maxsize=1)
def _published() -> list[dict[str, Any]]:
    """The rows of the data file, one figure each."""
    rows = []
    for entry in json.loads(PUBLISHED.read_text())["entries"]:
        about = {name: entry[name] for name in ("method", "model", "masks", "metric", "source", "table")}
        for place, value in entry["values"].items():
            data, split = place.split()
            rows.append({**about, "data": data, "split": split, "value": value})
    return rows


def percent(figure: Figure | None) -> str:
    """A figure with its interval, "56.3 (54.0 to 58.5)"; empty for none."""
    if figure is None or np.isnan(figure.value):
        return ""
    if np.isnan(figure.low):
        return f"{100 * figure.value:.2f}"
    return f"{100 * figure.value:.2f} ({100 * figure.low:.1f} to {100 * figure.high:.1f})"


def to_markdown(report: Report, overall: dict[str, Figure], grouped: dict[str, dict[str, dict[str, Figure]]]) -> str:
    """The whole report for people."""
    about = report.about
    drawn = "videos" if any(outcome.video for outcome in report.outcomes) else "pictures"
    lines = [f"# {about['method']} on {about['data']} {about['split']}", "",
             f"{len(report.outcomes)} expressions about {len(report.data.pictures)} pictures; masks: "
             f"{about['proposals']}; model: {about['settings']['encoder.model']}. Percent, with the 95 % interval of a "
             f"bootstrap over {drawn}.", "", "| metric | value | expressions |", "|---|---|---|"]
    lines += [f"| {name} | {percent(figure)} | {figure.count} |" for name, figure in overall.items()]
    rows = published(about["data"], about["split"])
    if rows:
        lines += ["", "## Published", "", "| method | model | masks | metric | value | source |", "|---" * 6 + "|"]
        lines += [f"| {row['method']} | {row['model']} | {row['masks']} | {row['metric']} | {row['value']:.2f} | "
                  f"{row['source']}, {row['table']} |" for row in rows]
    for grouping, labels in grouped.items():
        metrics = [name for name in ("J&F", "oIoU", "mIoU", "Pr@0.5", "MC-Acc", "N-acc")
                   if any(name in figures for figures in labels.values())]
        lines += ["", f"## By {grouping}", "", f"| {grouping} | n | {' | '.join(metrics)} |",
                  "|---|---|" + "---|" * len(metrics)]
        lines += [f"| {label} | {_count(figures)} | {' | '.join(percent(figures.get(name)) for name in metrics)} |"
                  for label, figures in labels.items()]
    lines += ["", "## Problems", "", f"{len(report.problems)} in all." if report.problems else "None."]
    lines += [f"- {problem}" for problem in report.problems]
    return "\n".join(lines) + "\n"


def _count(figures: dict[str, Figure]) -> int:
    return max((figure.count for figure in figures.values()), default=0)


def _to_dict(report: Report, overall: dict[str, Figure], grouped: dict[str, dict[str, dict[str, Figure]]]
             ) -> dict[str, Any]:
    return {
        **report.about, "pictures": len(report.data.pictures), "expressions": len(report.outcomes),
        "figures": {name: _plain(figure) for name, figure in overall.items()},
        "groups": {grouping: {label: {name: _plain(figure) for name, figure in figures.items()}
                              for label, figures in labels.items()} for grouping, labels in grouped.items()},
        "problems": report.problems, "published": published(report.about["data"], report.about["split"]),
        "seconds": {"method, all expressions": round(sum(outcome.seconds for outcome in report.outcomes), 3),
                    "this run": round(report.seconds, 3), "this run, method": round(report.method_seconds, 3)}}


def _plain(figure: Figure) -> dict[str, float | int | None]:
    return {name: None if isinstance(value, float) and np.isnan(value) else value
            for name, value in asdict(figure).items()}


def _to_csv(overall: dict[str, Figure], grouped: dict[str, dict[str, dict[str, Figure]]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["grouping", "label", "metric", "value", "low", "high", "expressions"])
    for grouping, label, name, figure in _rows(overall, grouped):
        writer.writerow([grouping, label, name, *("" if np.isnan(value) else f"{value:.6f}"
                                                  for value in (figure.value, figure.low, figure.high)), figure.count])
    return text.getvalue()


def _rows(overall: dict[str, Figure], grouped: dict[str, dict[str, dict[str, Figure]]]
          ) -> Iterator[tuple[str, str, str, Figure]]:
    for name, figure in overall.items():
        yield "all", "all", name, figure
    for grouping, labels in grouped.items():
        for label, figures in labels.items():
            for name, figure in figures.items():
                yield grouping, label, name, figure
