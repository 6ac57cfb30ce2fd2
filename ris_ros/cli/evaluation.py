"""``ris eval``."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ris_ros.cli.common import (
    ConfigFile,
    Device,
    Json,
    Model,
    PerKind,
    Ray,
    Scenes,
    Settings,
    Split,
    Workers,
    err,
    eval_app,
    load_config,
    out,
)

if TYPE_CHECKING:
    from ris_ros.evaluation.examiner import Plan
    from ris_ros.evaluation.run import Report, Stream

# What each command measures on, and its usual split; ris_ros.evaluation.datasets knows the rest but is slow to import.
DATASETS = {
    "refcoco": ("RefCOCO", "val"), "refcoco+": ("RefCOCO+", "val"), "refcocog": ("RefCOCOg, split by UMD", "val"),
    "refcocog-google": ("RefCOCOg, split by Google", "val"), "grefcoco": ("gRefCOCO, several targets and none", "val"),
    "phrasecut": ("PhraseCut", "test"), "davis": ("the frames of Ref-DAVIS17", "valid"),
    "folder": ("your own pictures, or what `ris sim write` wrote", "all")}

Root = Annotated[Path, typer.Option("--root", help="Folder of the data set; `ris data check` says what it needs.")]
Images = Annotated[Path | None, typer.Option(help="Folder of the pictures, where they lie elsewhere.")]
Output = Annotated[Path | None, typer.Option(
    help="Folder of the run; one that holds it already is continued. Default: results/DATASET-SPLIT-METHOD.")]
MethodName = Annotated[str, typer.Option(
    "--method", help="full, reference, global, local, cropping, grad-cam, score-map or region-token.")]
Proposals = Annotated[str, typer.Option(
    help="Masks to choose from: truth, or a COCO JSON file of any generator. Default: proposals.method proposes.")]
Cache = Annotated[Path | None, typer.Option(help="Folder that keeps proposed masks for the next run.")]
UseDepth = Annotated[bool, typer.Option("--depth", help="Hand depth to the method, where the data set has it.")]
Limit = Annotated[int, typer.Option(help="Most pictures; 0 for all.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first thing that is wrong with the data.")]


@eval_app.command("sim")
def eval_sim(scenes: Scenes = 50, split: Split = "test",
             seed: Annotated[int, typer.Option(help="Number of the first scene within the split.")] = 0,
             per_kind: PerKind = 2,
             kind: Annotated[list[str] | None, typer.Option(help="attribute, place, relation, ...; repeat. Default: "
                                                                 "all.")] = None,
             proposals: Annotated[bool, typer.Option(help="Ask among the proposer's masks too, not only among the "
                                                          "true ones.")] = True,
             depth: Annotated[bool, typer.Option(help="Give the camera's depth to those who can use it.")] = True,
             as_json: Json = False, model: Model = None, device: Device = None, config: ConfigFile = None,
             settings: Settings = None) -> None:
    """Render scenes no model was trained on, and measure the answers by kind of expression."""
    from ris_ros.evaluation.sim import evaluate
    from ris_ros.language import ExpressionParser
    from ris_ros.segmenter import ReferringSegmenter

    segmenter = ReferringSegmenter.from_config(load_config(config, settings, model, device))
    published = None
    if segmenter.config.method == "full":
        reference = segmenter.config.replace({"method": "reference"})
        published = ReferringSegmenter(reference, segmenter.proposer, segmenter.encoder,
                                       ExpressionParser(reference.language, reference.method))
    report = evaluate(segmenter, split=split, scenes=scenes, start=seed, per_kind=per_kind or None,
                      kinds=kind or (), proposals=proposals, depth=depth,
                      reasoning=segmenter.parser if published else None, published=published, progress=True)
    if as_json:
        print(json.dumps(report.to_dict()))
    else:
        out.print(report.table())


@eval_app.command("follow")
def eval_follow(sequences: Annotated[int, typer.Option(help="How many films, in turn of each kind.")] = 32,
                kind: Annotated[list[str] | None, typer.Option(
                    help="swing, dolly, pan, shake, pushed, beside, passing or leaving; repeat. Default: all.")] = None,
                seed: Annotated[int, typer.Option(help="Number of the first film's scene within the split.")] = 0,
                validation: Annotated[bool, typer.Option(help="Films to tune on rather than to test.")] = False,
                latency: Annotated[float, typer.Option(
                    help="Seconds of the film that pass while a keyframe is examined; 0: every frame is.")] = 1.0,
                ask: Annotated[bool, typer.Option(
                    "--ask", help="Begin with the answer to \"the COLOUR CATEGORY\", not with the true mask.")] = False,
                sheet: Annotated[Path | None, typer.Option(help="A .png to write frames of all films to.")] = None,
                as_json: Json = False, model: Model = None, device: Device = None, config: ConfigFile = None,
                settings: Settings = None) -> None:
    """Follow objects through simulated films, past moving cameras, like objects and hiding, and measure who is kept."""
    from rich.progress import track

    from ris_ros.evaluation.tracking import SHOWN, Report, evaluate
    from ris_ros.segmenter import ReferringSegmenter
    from ris_ros.sim.splits import TEST_SEEDS, VALIDATION_SEEDS
    from ris_ros.utils.images import write_image
    from ris_ros.visualization import draw_sheet

    segmenter = ReferringSegmenter.from_config(load_config(config, settings, model, device))
    tiles = None if sheet is None else []
    outcomes = evaluate(segmenter, films=sequences, start=seed, kinds=kind or (), latency=latency, ask=ask,
                        seeds=VALIDATION_SEEDS if validation else TEST_SEEDS, sheets=tiles)
    report = Report("answers" if ask else "true masks", latency,
                    list(track(outcomes, "following", total=sequences, console=err)))
    if tiles:
        write_image(sheet, draw_sheet(tiles, SHOWN, 320))
    if as_json:
        print(json.dumps(report.to_dict()))
    else:
        out.print(report.table())


def _measure(name: str) -> Callable[..., None]:
    """The command that measures on one data set."""
    def command(root: Root, split: Annotated[str, typer.Option(help="Which part.")] = DATASETS[name][1],
                method: MethodName = "full",
                proposals: Proposals = "", output: Output = None, images: Images = None, cache: Cache = None,
                depth: UseDepth = False, limit: Limit = 0, strict: Strict = False, ray: Ray = "", workers: Workers = 0,
                gallery: Annotated[bool, typer.Option(help="Write the page of pictures.")] = True,
                as_json: Json = False, model: Model = None, device: Device = None, config: ConfigFile = None,
                settings: Settings = None) -> None:
        chosen = load_config(config, settings, model, device)
        from ris_ros.evaluation.datasets import load
        from ris_ros.evaluation.examiner import Plan
        from ris_ros.evaluation.results import write_results
        from ris_ros.evaluation.run import evaluate

        with err.status("reading the data set"):
            data = load(name, root, split, images=images, strict=strict, limit=limit)
        folder = output or Path("results") / f"{name}-{split}-{method}"
        plan = Plan(method, chosen, proposals, cache, depth)
        with _stream(plan, ray, workers) as stream:
            report = evaluate(data, plan, folder, stream=stream, strict=strict, progress=True)
        write_results(report, folder, gallery=gallery)
        if as_json:
            print((folder / "results.json").read_text())
        else:
            _show(report, folder)
    command.__doc__ = f"Measure on {DATASETS[name][0]}; a run that was interrupted goes on where it stood."
    return command


def _stream(plan: Plan, ray: str, workers: int) -> AbstractContextManager[Stream | None]:
    if not ray:
        return nullcontext()
    from ris_ros.evaluation.cluster import examined_on

    return examined_on(plan, ray, workers)


def _show(report: Report, folder: Path) -> None:
    from ris_ros.evaluation.results import percent, published
    from ris_ros.evaluation.summary import Figures

    table = Table("metric", "percent (95 % interval)", "expressions",
                  title=f"{report.about['method']} on {report.data.name} {report.data.split}")
    for metric, figure in Figures(report.outcomes).overall().items():
        table.add_row(metric, percent(figure), str(figure.count))
    out.print(table)
    rows = published(report.data.name, report.data.split)
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
        out.print(f"{report.seconds:.1f} s, of which the method took {report.method_seconds:.1f} s: measuring added "
                  f"{100 * share:.1f} %", highlight=False)
    out.print(f"results.json, results.csv, results.md and gallery.html are in {folder}", highlight=False)


@eval_app.command("compare")
def eval_compare(name: Annotated[str, typer.Argument(metavar="DATASET", help="Such as folder or refcoco.")], root: Root,
                 split: Annotated[str, typer.Option(help="Which part. Default: the usual one.")] = "",
                 methods: Annotated[str, typer.Option(help="Names with commas between them. Default: all.")] = "",
                 ablations: Annotated[bool, typer.Option(help="Vary weights and masked blocks as well.")] = True,
                 output: Output = Path("results/compare"), images: Images = None, cache: Cache = None,
                 depth: UseDepth = False, limit: Limit = 0, model: Model = None, device: Device = None,
                 config: ConfigFile = None, settings: Settings = None) -> None:
    """Run every method and ablation on one data set, among proposed and among true masks, and print the table."""
    chosen = load_config(config, settings, model, device)
    from ris_ros.evaluation.baselines import METHODS
    from ris_ros.evaluation.compare import compare, to_markdown
    from ris_ros.evaluation.datasets import load
    from ris_ros.evaluation.examiner import Plan

    data = load(name, root, split, images=images, limit=limit)
    plan = Plan("full", chosen, cache=cache or output / "masks", depth=depth)
    rows = compare(data, plan, output, methods=methods.split(",") if methods else METHODS, ablations=ablations,
                   progress=True)
    print(to_markdown(rows))


@eval_app.command("questions")
def eval_questions(name: Annotated[str, typer.Argument(metavar="DATASET", help="Such as folder or refcoco.")],
                   root: Root,
                   split: Annotated[str, typer.Option(help="Which part. Default: the usual one.")] = "",
                   proposals: Proposals = "", images: Images = None, cache: Cache = None, limit: Limit = 0,
                   as_json: Json = False, model: Model = None, device: Device = None, config: ConfigFile = None,
                   settings: Settings = None) -> None:
    """Ask whether each class of annotated object is in a picture, and how many; print how often that is right."""
    chosen = load_config(config, settings, model, device)
    from dataclasses import asdict

    from ris_ros.evaluation.datasets import load
    from ris_ros.evaluation.examiner import Plan
    from ris_ros.evaluation.questions import figures, reply
    from ris_ros.evaluation.results import percent

    data = load(name, root, split, images=images, limit=limit)
    replies, problems = reply(data, Plan("full", chosen, proposals, cache), progress=True)
    found = figures(replies)
    if as_json:
        print(json.dumps({"figures": {kind: asdict(figure) for kind, figure in found.items()}, "problems": problems,
                          "replies": [asdict(one) for one in replies]}))
        return
    table = Table("question", "right, percent (95 % interval)", "asked")
    for kind, figure in found.items():
        value = f"{figure.value:.2f} objects" if "error" in kind else percent(figure)
        table.add_row(kind, value, str(figure.count))
    out.print(table)
    for problem in problems:
        out.print(problem, highlight=False, markup=False)


@eval_app.command("snapshot")
def eval_snapshot(directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the recording.")],
                  against: Annotated[bool, typer.Option(
                      "--compare", help="Compare with the recording instead of writing it.")] = False,
                  part: Annotated[list[str] | None, typer.Option(
                      help="parses, masks, proposals or node; repeat. Default: all.")] = None,
                  collection: Annotated[Path, typer.Option(
                      help="JSON lines whose \"text\" is parsed.")] = Path("test/language/expressions.jsonl")) -> None:
    """Record all answers of a commit, or print what another commit answers differently on the same machine."""
    from ris_ros.evaluation.snapshot import PARTS, compare, record

    parts = part or list(PARTS)
    if not against:
        record(directory, parts, collection, err.print)
    elif compare(directory, parts, collection, lambda line: out.print(line, highlight=False, markup=False)):
        raise typer.Exit(1)


for _name in DATASETS:
    eval_app.command(_name)(_measure(_name))
