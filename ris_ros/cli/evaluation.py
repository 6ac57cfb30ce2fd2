"""``ris eval`` on data sets."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from typer.core import TyperGroup

from ris_ros.cli.common import (
    ConfigFile,
    Device,
    Json,
    Model,
    Ray,
    Settings,
    Workers,
    err,
    eval_app,
    load_config,
    out,
)
from ris_ros.evaluation.datasets import DATASETS, find_dataset

if TYPE_CHECKING:
    from ris_ros.evaluation.evaluator import Plan
    from ris_ros.evaluation.run import Report, Runner

DataSetName = Annotated[str, typer.Argument(metavar="DATASET", help="Name of a data set, such as folder or refcoco.")]
Root = Annotated[Path, typer.Option("--root", help="Folder of the data set; see `ris data check` for its contents.")]
AnySplit = Annotated[str, typer.Option("--split", help="Split of the data set. Default: the usual one.")]
Images = Annotated[Path | None, typer.Option(help="Folder of the images, if they are elsewhere.")]
Output = Annotated[Path | None, typer.Option(
    help="Folder of the run; a run that is in it already is continued. Default: results/DATASET-SPLIT-METHOD.")]
MethodName = Annotated[str, typer.Option(
    "--method", help="full, reference, global, local, cropping, grad-cam, score-map or region-token.")]
Proposals = Annotated[str, typer.Option(
    help="Candidate masks: truth, or a COCO JSON file of any generator. Default: those of proposals.method.")]
Cache = Annotated[Path | None, typer.Option(help="Folder that keeps the proposed masks for later runs.")]
UseDepth = Annotated[bool, typer.Option("--depth", help="Pass depth to the method, if the data set has it.")]
Limit = Annotated[int, typer.Option(help="Maximum number of images; 0: no limit.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first problem with the data.")]


def _make_command(name: str) -> Callable[..., None]:
    """Return the command that evaluates on one data set."""
    entry = find_dataset(name)

    def command(
        root: Root,
        split: Annotated[str, typer.Option(help="Split of the data set.")] = entry.splits[0],
        method: MethodName = "full",
        proposals: Proposals = "",
        output: Output = None,
        images: Images = None,
        cache: Cache = None,
        depth: UseDepth = False,
        limit: Limit = 0,
        strict: Strict = False,
        ray: Ray = "",
        workers: Workers = 0,
        gallery: Annotated[bool, typer.Option(help="Write the page of images.")] = True,
        as_json: Json = False,
        model: Model = None,
        device: Device = None,
        config: ConfigFile = None,
        settings: Settings = None,
    ) -> None:
        chosen = load_config(config, settings, model, device)
        from ris_ros.evaluation.datasets import load_dataset
        from ris_ros.evaluation.evaluator import Plan
        from ris_ros.evaluation.results import write_results
        from ris_ros.evaluation.run import evaluate

        with err.status("reading the data set"):
            data = load_dataset(name, root, split, images=images, strict=strict, limit=limit)
        folder = output or Path("results") / f"{name}-{split}-{method}"
        plan = Plan(method, chosen, proposals, cache, depth)
        with _runner(plan, ray, workers) as runner:
            report = evaluate(data, plan, folder, runner=runner, strict=strict, progress=True)
        write_results(report, folder, gallery=gallery)
        if as_json:
            print((folder / "results.json").read_text())
        else:
            _print_report(report, folder)
    command.__doc__ = f"Evaluate on {entry.title}; an interrupted run is continued."
    return command


def _runner(plan: Plan, ray: str, workers: int) -> AbstractContextManager[Runner | None]:
    if not ray:
        return nullcontext()
    from ris_ros.evaluation.run import cluster_runner

    return cluster_runner(plan, ray, workers)


def _print_report(report: Report, folder: Path) -> None:
    from ris_ros.evaluation.results import percent, published_results
    from ris_ros.evaluation.summary import Summary

    table = Table("metric", "percent (95 % interval)", "expressions",
                  title=f"{report.about['method']} on {report.data.name} {report.data.split}")
    for metric, estimate in Summary(report.records).overall().items():
        table.add_row(metric, percent(estimate), str(estimate.count))
    out.print(table)
    rows = published_results(report.data.name, report.data.split)
    if rows:
        table = Table("published", "model", "masks", "metric", "percent", "source")
        for row in rows:
            table.add_row(row["method"], row["model"], row["masks"], row["metric"], f"{row['value']:.2f}",
                          f"{row['source']}, {row['table']}")
        out.print(table)
    if report.problems:
        out.print(f"{len(report.problems)} problems, listed in {folder / 'results.md'}; the first: "
                  f"{report.problems[0]}", highlight=False)
    if report.method_seconds:
        share = report.seconds / report.method_seconds - 1
        out.print(f"{report.seconds:.1f} s, of which the method took {report.method_seconds:.1f} s: evaluation added "
                  f"{100 * share:.1f} %", highlight=False)
    out.print(f"results.json, results.csv, results.md and gallery.html are in {folder}", highlight=False)


@eval_app.command("compare")
def eval_compare(
    name: DataSetName,
    root: Root,
    split: AnySplit = "",
    methods: Annotated[str, typer.Option(help="Comma-separated names of methods. Default: all.")] = "",
    ablations: Annotated[bool, typer.Option(help="Vary weights and masked blocks as well.")] = True,
    output: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("results/compare"),
    images: Images = None,
    cache: Cache = None,
    depth: UseDepth = False,
    limit: Limit = 0,
    model: Model = None,
    device: Device = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Evaluate all methods and ablations on a data set, with proposed and with true masks, and print a table."""
    chosen = load_config(config, settings, model, device)
    from ris_ros.evaluation.baselines import METHODS
    from ris_ros.evaluation.compare import compare, to_markdown
    from ris_ros.evaluation.datasets import load_dataset
    from ris_ros.evaluation.evaluator import Plan

    data = load_dataset(name, root, split, images=images, limit=limit)
    plan = Plan("full", chosen, cache=cache or output / "masks", depth=depth)
    rows = compare(data, plan, output, methods=methods.split(",") if methods else METHODS, ablations=ablations,
                   progress=True)
    print(to_markdown(rows))


@eval_app.command("questions")
def eval_questions(
    name: DataSetName,
    root: Root,
    split: AnySplit = "",
    proposals: Proposals = "",
    images: Images = None,
    cache: Cache = None,
    limit: Limit = 0,
    as_json: Json = False,
    model: Model = None,
    device: Device = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Ask if each class of annotated objects is in an image, and how many there are; print how often that is right."""
    chosen = load_config(config, settings, model, device)
    from dataclasses import asdict

    from ris_ros.evaluation.datasets import load_dataset
    from ris_ros.evaluation.evaluator import Plan
    from ris_ros.evaluation.questions import ask_questions, summarize
    from ris_ros.evaluation.results import percent

    data = load_dataset(name, root, split, images=images, limit=limit)
    replies, problems = ask_questions(data, Plan("full", chosen, proposals, cache), progress=True)
    metrics = summarize(replies)
    if as_json:
        print(json.dumps({"figures": {kind: asdict(estimate) for kind, estimate in metrics.items()},
                          "problems": problems, "replies": [asdict(reply) for reply in replies]}))
        return
    table = Table("question", "right, percent (95 % interval)", "asked")
    for kind, estimate in metrics.items():
        value = f"{estimate.value:.2f} objects" if "error" in kind else percent(estimate)
        table.add_row(kind, value, str(estimate.count))
    out.print(table)
    for problem in problems:
        out.print(problem, highlight=False, markup=False)


class _EvalGroup(TyperGroup):
    """The commands of ``ris eval``, with one for each data set that another package adds."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        from ris_ros.evaluation.datasets.registry import ENTRY_POINTS
        from ris_ros.utils.plugins import plugin_names

        command = super().get_command(ctx, cmd_name)
        if command is None and cmd_name in plugin_names(ENTRY_POINTS):
            single = typer.Typer(add_completion=False, rich_markup_mode=None)
            single.command(cmd_name)(_make_command(cmd_name))
            command = typer.main.get_command(single)
        return command


eval_app.info.cls = _EvalGroup
for _name in DATASETS:
    eval_app.command(_name)(_make_command(_name))
