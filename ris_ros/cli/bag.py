"""``ris bag``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ris_ros.cli.common import ConfigFile, Device, Json, Model, Settings, app, err, load_config, out


@app.command()
def bag(recording: Annotated[Path, typer.Argument(metavar="BAG", help="A folder, or an .mcap, .db3 or .bag file.")],
        text: Annotated[list[str], typer.Option("--text", help="What to find; repeat for several.")],
        output: Annotated[Path | None, typer.Option(help="A new folder; default: BAG with _ris, here.")] = None,
        topic: Annotated[str | None, typer.Option(help="Colour images, raw or compressed; default: the only "
                                                       "ones.")] = None,
        depth: Annotated[str | None, typer.Option(help="Depth images in the frame of the colour images; `none`: "
                                                       "without; default: the only ones that fit.")] = None,
        camera_info: Annotated[str | None, typer.Option(help="The camera's model; default: beside the images.")] = None,
        every: Annotated[int, typer.Option(min=1, help="Look at every so manieth frame.")] = 1,
        as_json: Json = False, model: Model = None, device: Device = None, config: ConfigFile = None,
        settings: Settings = None) -> None:
    """Run over a recording without ROS: a bag, JSON lines, a video and a page of answers."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ris_ros.bag import Bag
    from ris_ros.bag_results import run_over_bag
    from ris_ros.types import check_text

    for one in text:
        check_text(one)
    chosen = load_config(config, settings, model, device)
    folder = Path(f"{recording.resolve().stem}_ris") if output is None else output
    with Bag(recording, topic, depth, camera_info) as frames:
        err.print(f"images {frames.topic}, depth {frames.depth or 'none'}, {len(frames)} frames")
        with err.status("loading models"):
            from ris_ros.segmenter import ReferringSegmenter
            segmenter = ReferringSegmenter.from_config(chosen)
        with Progress(TextColumn("frames"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                      console=err) as bar:
            task = bar.add_task("frames", total=len(frames))
            summary = run_over_bag(segmenter, frames, text, folder, every=every,
                                   progress=lambda done: bar.update(task, completed=done))
            bar.update(task, completed=len(frames))
    if as_json:
        print(json.dumps({"topic": summary.topic, "depth": summary.depth, "frames": summary.frames,
                          "found": summary.found, "located": summary.located, "broken": summary.broken_count,
                          "first_broken": summary.broken, "files": [str(file) for file in summary.files]},
                         ensure_ascii=False))
        return
    table = Table("text", "found", "placed in space")
    for one in text:
        table.add_row(one, f"{summary.found[one]} of {summary.frames}", f"{summary.located[one]}")
    out.print(table)
    if summary.broken_count:
        out.print(f"{summary.broken_count} messages could not be used:")
        for line in summary.broken:
            out.print(f"  {line}")
    out.print("written: " + ", ".join(str(file) for file in summary.files))
