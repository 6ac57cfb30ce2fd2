"""``ris bag``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ris_ros.cli.common import (
    ConfigFile,
    Device,
    Json,
    Model,
    Ray,
    Settings,
    Workers,
    app,
    err,
    load_config,
    out,
)

if TYPE_CHECKING:
    from ris_ros.recordings.results import BagSummary
    from ris_ros.recordings.runs import BagPlan


@app.command()
def bag(recordings: Annotated[list[Path], typer.Argument(metavar="BAG...", help="Folders, or .mcap, .db3 or .bag "
                                                         "files.")],
        text: Annotated[list[str], typer.Option("--text", help="What to find; repeat for several.")],
        output: Annotated[Path | None, typer.Option(help="A new folder; of several bags, where their folders go. "
                                                         "Default: BAG with _ris, here.")] = None,
        topic: Annotated[str | None, typer.Option(help="Colour images, raw or compressed; default: the only "
                                                       "ones.")] = None,
        depth: Annotated[str | None, typer.Option(help="Depth images in the frame of the colour images; `none`: "
                                                       "without; default: the only ones that fit.")] = None,
        camera_info: Annotated[str | None, typer.Option(help="The camera's model; default: beside the images.")] = None,
        every: Annotated[int, typer.Option(min=1, help="Look at every so manieth frame.")] = 1,
        ray: Ray = "", workers: Workers = 0,
        as_json: Json = False, model: Model = None, device: Device = None, config: ConfigFile = None,
        settings: Settings = None) -> None:
    """Run over recordings without ROS: a bag, JSON lines, a video and a page of answers for each."""
    from ris_ros.recordings.runs import BagPlan
    from ris_ros.types import check_text

    for one in text:
        check_text(one)
    plan = BagPlan(load_config(config, settings, model, device), text, topic, depth, camera_info, every)
    if len(recordings) == 1 and not ray:
        summary = _over_one(plan, recordings[0], output)
        _show(recordings[0], summary, as_json)
        return
    if _over_several(plan, recordings, output, ray, workers, as_json):
        raise typer.Exit(1)


def _over_one(plan: BagPlan, recording: Path, output: Path | None) -> BagSummary:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ris_ros.recordings.bag import Bag
    from ris_ros.recordings.results import run_over_bag
    from ris_ros.recordings.runs import answers_name

    folder = output or Path(answers_name(recording))
    with Bag(recording, plan.topic, plan.depth, plan.camera_info) as frames:
        err.print(f"images {frames.topic}, depth {frames.depth or 'none'}, {len(frames)} frames")
        with err.status("loading models"):
            from ris_ros.segmenter import ReferringSegmenter
            segmenter = ReferringSegmenter.from_config(plan.config)
        with Progress(TextColumn("frames"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                      console=err) as bar:
            task = bar.add_task("frames", total=len(frames))
            summary = run_over_bag(segmenter, frames, plan.texts, folder, every=plan.every,
                                   progress=lambda done: bar.update(task, completed=done))
            bar.update(task, completed=len(frames))
    return summary


def _over_several(plan: BagPlan, recordings: list[Path], output: Path | None, ray: str, workers: int, as_json: bool
                  ) -> int:
    """How many bags could not be answered."""
    from rich.progress import track

    from ris_ros.recordings.runs import folders, run_over_bags

    failed = 0
    runs = folders(recordings, output)
    done = run_over_bags(plan, runs, ray=ray, workers=workers)
    for recording, result in track(done, "bags", total=len(runs), console=err):
        if isinstance(result, str):
            failed += 1
            err.print(f"{recording}: {result}")
        else:
            _show(recording, result, as_json)
    return failed


def _show(recording: Path, summary: BagSummary, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"bag": str(recording), "topic": summary.topic, "depth": summary.depth,
                          "frames": summary.frames, "found": summary.found, "located": summary.located,
                          "broken": summary.broken_count, "first_broken": summary.broken,
                          "files": [str(file) for file in summary.files]}, ensure_ascii=False), flush=True)
        return
    table = Table(str(recording.name), "found", "placed in space")
    for one, found in summary.found.items():
        table.add_row(one, f"{found} of {summary.frames}", f"{summary.located[one]}")
    out.print(table)
    if summary.broken_count:
        out.print(f"{summary.broken_count} messages could not be used:")
        for line in summary.broken:
            out.print(f"  {line}")
    out.print("written: " + ", ".join(str(file) for file in summary.files))
