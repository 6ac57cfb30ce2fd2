"""``ris demo``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ris_ros.cli.common import ConfigFile, Device, Json, Model, Settings, app, err, load_config, out
from ris_ros.errors import InputError


@app.command()
def demo(images: Annotated[Path | None, typer.Option(help="Folder of pictures instead of the simulation.")] = None,
         commands: Annotated[list[str] | None, typer.Option("--command", help="What to ask; repeat.")] = None,
         output: Annotated[Path, typer.Option(help="Folder for the pictures and demo.json.")] = Path("output/demo"),
         seed: Annotated[int, typer.Option(help="Seed of the simulated scene.")] = 200_007,
         as_json: Json = False, model: Model = None, device: Device = None, config: ConfigFile = None,
         settings: Settings = None) -> None:
    """Run a camera, the real node and some commands over real topics; write a picture and a table."""
    from ris_ros.config import settings as leaves
    from ris_ros.tools.demo import run_demo

    if images is not None and not commands:
        raise InputError("--images needs at least one --command to ask about them")
    pictures = _pictures(images) if images is not None else []
    chosen = load_config(config, settings, model, device)
    with err.status("starting") as status:
        rows = run_demo(output, pictures=pictures, commands=commands or [], seed=seed,
                        parameters={leaf.name: leaf.value for leaf in leaves(chosen)}, progress=status.update)
    if as_json:
        print(json.dumps(rows))
        return
    table = Table("picture", "command", "found", "box", "score", "latency", "truth IoU")
    for row in rows:
        table.add_row(row["picture"], row["command"], "yes" if row["found"] else "no", str(row["box"] or ""),
                      f"{row['score']:.2f}", f"{1000 * row['latency']:.0f} ms",
                      f"{row['iou']:.2f}" if "iou" in row else "")
    out.print(table)
    for name in dict.fromkeys(row["picture"] for row in rows):
        out.print(f"picture: {output / f'{name}.png'}")


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder of pictures")
    pictures = sorted(file for file in folder.iterdir() if file.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp"))
    if not pictures:
        raise InputError(f"no .png, .jpg or .webp file in {folder}")
    return pictures
