"""``ris weights``."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from ris_ros.cli.common import Json, err, out, weights_app


@weights_app.command("list")
def weights_list(as_json: Json = False) -> None:
    """List the checkpoints known by name."""
    from ris_ros.utils import weights

    rows = [{"name": name, "state": weights.state(name), "size": checkpoint.size, "licence": checkpoint.licence,
             "note": checkpoint.note} for name, checkpoint in weights.CHECKPOINTS.items()]
    if as_json:
        print(json.dumps(rows))
        return
    table = Table("name", "state", "MB", "licence", "note")
    for row in rows:
        table.add_row(row["name"], row["state"], f"{row['size'] / 1e6:.0f}", row["licence"], row["note"])
    out.print(table)
    out.print(f"in {weights.cache_dir()}; CLIP models by their open_clip names, such as ViT-B-16/openai")


@weights_app.command("fetch")
def weights_fetch(names: Annotated[list[str], typer.Argument(
        metavar="NAME...", help="Names of `ris weights list`, or of CLIP models: ViT-B-16/openai.")]) -> None:
    """Download checkpoints and check them."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    from ris_ros.utils import weights

    for name in names:
        if "/" in name:
            from ris_ros.config import EncoderConfig
            from ris_ros.encoding import load_encoder
            load_encoder(EncoderConfig(model=name), "cpu")  # open_clip shows its own progress
            out.print(f"{name}: in open_clip's cache, and it loads")
            continue
        with Progress("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=err) as bars:
            bar = bars.add_task(name, visible=False)
            folder = weights.fetch(name, lambda done, total, bar=bar: bars.update(
                bar, completed=done, total=total, visible=True))
        out.print(f"{name}: {folder}")


@weights_app.command("verify")
def weights_verify(names: Annotated[list[str] | None, typer.Argument(
        metavar="[NAME...]", help="Default: all that are here.")] = None) -> None:
    """Compare the sha256 of checkpoints with the published ones."""
    from ris_ros.utils import weights

    for name in names or [name for name in weights.CHECKPOINTS if weights.state(name) != "absent"]:
        weights.verify(name)
        out.print(f"{name}: intact")
