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
    from ris_ros.recordings.batch import BagPlan
    from ris_ros.recordings.run import BagSummary


@app.command()
def bag(
    recordings: Annotated[list[Path], typer.Argument(metavar="BAG...", help="Folders, or .mcap, .db3 or .bag files.")],
    text: Annotated[list[str], typer.Option("--text", help="What to find; repeatable.")],
    output: Annotated[Path | None, typer.Option(
        help="New folder for the results; for several bags, the parent of their folders. Default: BAG_ris in the "
        "current folder.")] = None,
    topic: Annotated[str | None, typer.Option(
        help="Topic of the colour images, raw or compressed. Default: the only such topic.")] = None,
    depth: Annotated[str | None, typer.Option(
        help="Topic of the depth images, aligned to the colour images; none: no depth. Default: the only such topic."),
    ] = None,
    camera_info: Annotated[str | None, typer.Option(
        help="Topic of the camera model. Default: camera_info next to the images.")] = None,
    every: Annotated[int, typer.Option(min=1, help="Process every Nth frame.")] = 1,
    ray: Ray = "",
    workers: Workers = 0,
    as_json: Json = False,
    model: Model = None,
    device: Device = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Process recordings without ROS: write a bag, JSON lines, a video and a contact sheet for each."""
    from ris_ros.recordings.batch import BagPlan
    from ris_ros.utils.texts import check_text

    for expression in text:
        check_text(expression)
    plan = BagPlan(load_config(config, settings, model, device), text, topic, depth, camera_info, every)
    if len(recordings) == 1 and not ray:
        summary = _run_one(plan, recordings[0], output)
        _print_summary(recordings[0], summary, as_json)
        return
    if _run_several(plan, recordings, output, ray, workers, as_json):
        raise typer.Exit(1)


def _run_one(plan: BagPlan, recording: Path, output: Path | None) -> BagSummary:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ris_ros.recordings.bag import Bag
    from ris_ros.recordings.batch import default_folder_name
    from ris_ros.recordings.run import segment_bag

    folder = output or Path(default_folder_name(recording))
    with Bag(recording, plan.topic, plan.depth, plan.camera_info,
             plan.config.max_image_pixels) as frames:
        err.print(f"images {frames.topic}, depth {frames.depth or 'none'}, {len(frames)} frames")
        with err.status("loading models"):
            from ris_ros.segmenter import ReferringSegmenter
            segmenter = ReferringSegmenter.from_config(plan.config)
        with Progress(TextColumn("frames"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                      console=err) as bar:
            task = bar.add_task("frames", total=len(frames))
            summary = segment_bag(segmenter, frames, plan.texts, folder, every=plan.every,
                                  progress=lambda done: bar.update(task, completed=done))
            bar.update(task, completed=len(frames))
    return summary


def _run_several(plan: BagPlan, recordings: list[Path], output: Path | None, ray: str, workers: int, as_json: bool
                 ) -> int:
    """Process several bags and return the number of those that failed."""
    from rich.progress import track

    from ris_ros.recordings.batch import plan_folders, segment_bags

    failed = 0
    jobs = plan_folders(recordings, output)
    results = segment_bags(plan, jobs, ray=ray, workers=workers)
    for recording, result in track(results, "bags", total=len(jobs), console=err):
        if isinstance(result, str):
            failed += 1
            err.print(f"{recording}: {result}")
        else:
            _print_summary(recording, result, as_json)
    return failed


def _print_summary(recording: Path, summary: BagSummary, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"bag": str(recording), "topic": summary.topic, "depth": summary.depth,
                          "frames": summary.frames, "found": summary.found, "located": summary.located,
                          "broken": summary.broken_count, "first_broken": summary.broken,
                          "files": [str(file) for file in summary.files]}, ensure_ascii=False), flush=True)
        return
    table = Table(str(recording.name), "found", "located in 3-D")
    for text, found in summary.found.items():
        table.add_row(text, f"{found} of {summary.frames}", f"{summary.located[text]}")
    out.print(table)
    if summary.broken_count:
        out.print(f"{summary.broken_count} messages could not be used:")
        for line in summary.broken:
            out.print(f"  {line}")
    out.print("files written: " + ", ".join(str(file) for file in summary.files))
