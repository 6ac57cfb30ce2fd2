"""``ris weights``."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ris_ros.cli.common import Json, err, out, weights_app

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@weights_app.command("list")
def weights_list(as_json: Json = False) -> None:
    """List the checkpoints that are available by name."""
    from ris_ros.utils import weights

    states = {name: weights.state(name) for name in weights.CHECKPOINTS}
    if as_json:
        print(json.dumps([{"name": name, "state": states[name], "size": checkpoint.size, "licence": checkpoint.licence,
                           "note": checkpoint.note} for name, checkpoint in weights.CHECKPOINTS.items()]))
        return
    table = Table("name", "state", "MB", "licence", "note")
    for name, checkpoint in weights.CHECKPOINTS.items():
        table.add_row(name, states[name], f"{checkpoint.size / 1e6:.0f}", checkpoint.licence, checkpoint.note)
    out.print(table)
    out.print(f"folder: {weights.cache_dir()}; CLIP models have their open_clip names, such as ViT-B-16/openai")


@weights_app.command("fetch")
def weights_fetch(
    names: Annotated[list[str], typer.Argument(
        metavar="NAME...", help="Names from `ris weights list`, of CLIP models, such as ViT-B-16/openai, of SAM 2 "
        "models on the Hugging Face hub, such as facebook/sam2.1-hiera-tiny, or of phrase detectors, such as "
        "grounding-dino-tiny.")],
) -> None:
    """Download and verify checkpoints."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    from ris_ros.config import DetectorConfig
    from ris_ros.detection import load_detector
    from ris_ros.detection.loading import is_detector
    from ris_ros.utils import weights

    for name in names:
        if "sam2" in name:
            from ris_ros.proposals.sam2 import FILES
            from ris_ros.utils.hub import find_folder
            out.print(f"{name}: {find_folder(name, FILES, setting='model')}")
            continue
        if is_detector(name):
            load_detector(DetectorConfig(model=name), "cpu")
            out.print(f"{name}: downloaded to the hub's cache, and loaded without errors")
            continue
        if "/" in name:
            from ris_ros.config import EncoderConfig
            from ris_ros.encoding import load_encoder
            load_encoder(EncoderConfig(model=name), "cpu")  # open_clip shows its own progress
            out.print(f"{name}: downloaded to open_clip's cache, and loaded without errors")
            continue
        with Progress("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=err) as bars:
            bar = bars.add_task(name, visible=False)
            folder = weights.fetch(name, partial(_show_progress, bars, bar))
        out.print(f"{name}: {folder}")


def _show_progress(bars: Progress, bar: TaskID, done: int, total: int) -> None:
    bars.update(bar, completed=done, total=total, visible=True)


@weights_app.command("verify")
def weights_verify(
    names: Annotated[list[str] | None, typer.Argument(
        metavar="[NAME...]", help="Default: all checkpoints on this machine.")] = None,
) -> None:
    """Compare the sha256 sums of checkpoints with the published ones."""
    from ris_ros.utils import weights

    for name in names or [name for name in weights.CHECKPOINTS if weights.state(name) != "absent"]:
        weights.verify(name)
        out.print(f"{name}: intact")
