"""``ris demo``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ris_ros.cli.common import ConfigFile, Device, Json, Model, Settings, app, err, load_config, out
from ris_ros.errors import InputError

if TYPE_CHECKING:
    from ris_ros.config import Config


@app.command()
def demo(
    images: Annotated[Path | None, typer.Option(help="Folder of images to use instead of the simulation.")] = None,
    commands: Annotated[list[str] | None, typer.Option(
        "--command", help="What to find; repeatable. Default: one command of each kind, for the simulation.")] = None,
    output: Annotated[Path, typer.Option(help="Folder for the drawings and demo.json.")] = Path("output/demo"),
    seed: Annotated[int, typer.Option(help="Seed of the simulated scene.")] = 200_007,
    animation: Annotated[Path | None, typer.Option(
        help="Write a moving picture of one command on the simulation to this .gif instead, without ROS.")] = None,
    as_json: Json = False,
    model: Model = None,
    device: Device = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Run a camera, the node and some commands over ROS topics; draw the answers and print a table."""
    if animation is not None:
        _animate(animation, commands, seed, load_config(config, settings, model, device), as_json=as_json)
        return
    from ris_ros.tools.demo import run_demo
    from ris_ros.utils.images import image_files

    if images is not None and not commands:
        raise InputError("--images needs at least one --command")
    files = image_files(images) if images is not None else []
    with err.status("starting") as status:
        rows = run_demo(output, image_files=files, commands=commands or [], seed=seed,
                        parameters=load_config(config, settings, model, device).to_dict(), progress=status.update)
    if as_json:
        print(json.dumps(rows))
        return
    table = Table("image", "command", "found", "box", "score", "latency", "IoU with truth")
    for row in rows:
        table.add_row(row["picture"], row["command"], "yes" if row["found"] else "no", str(row["box"] or ""),
                      f"{row['score']:.2f}", f"{1000 * row['latency']:.0f} ms",
                      f"{row['iou']:.2f}" if "iou" in row else "")
    out.print(table)
    for name in dict.fromkeys(row["picture"] for row in rows):
        out.print(f"drawing: {output / f'{name}.png'}")


def _animate(path: Path, commands: list[str] | None, seed: int, config: Config, *, as_json: bool) -> None:
    if path.suffix != ".gif":
        raise InputError(f"an animation is a .gif, not {path.name}")
    if commands and len(commands) > 1:
        raise InputError("an animation shows one --command")
    from ris_ros.tools.animation import make_animation

    [command] = commands or ["the block to the right of the bowl"]
    with err.status("starting") as status:
        summary = make_animation(path, command=command, seed=seed, config=config, progress=status.update)
    if as_json:
        print(json.dumps(summary))
    else:
        out.print(f"{path}: {summary['frames']} frames, {summary['bytes'] / 1e6:.1f} MB, "
                  f"IoU with truth while tracking at least {summary['iou']:.2f}")
