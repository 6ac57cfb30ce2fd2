"""Shared parts of the commands: the application, its consoles, and common options."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ris_ros.config import Config, parse_yaml
from ris_ros.errors import InputError

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Find the object that an expression describes: mask, box, points and pose, with no training for the scene.")
weights_app = typer.Typer(no_args_is_help=True, help="List, download and verify checkpoints.")
sim_app = typer.Typer(no_args_is_help=True, help="Render the simulated tabletop, or write a data set of it.")
eval_app = typer.Typer(no_args_is_help=True, help="Evaluate a configuration on data sets or in simulation.")
app.add_typer(weights_app, name="weights")
app.add_typer(sim_app, name="sim")
app.add_typer(eval_app, name="eval")

# What users write is printed as it is: "[red]" is no markup, ":cup:" no emoji.
out = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 160, markup=False, emoji=False)
err = Console(stderr=True, markup=False, emoji=False)

ImageFile = Annotated[Path, typer.Argument(metavar="IMAGE", help="Image file; turned upright by its EXIF orientation.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="YAML file with settings; see `ris config`.")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE for any setting of `ris config`; "
                                                                  "repeatable.")]
Model = Annotated[str | None, typer.Option(help="CLIP model (setting encoder.model).")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N (setting device).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

Scenes = Annotated[int, typer.Option(help="Number of scenes.")]
Split = Annotated[str, typer.Option(help="train, validation, test or hard (held-out pairs of colour and category).")]
SceneNumber = Annotated[int, typer.Option("--seed", help="Number of the first scene within the split.")]
Styles = Annotated[list[str] | None, typer.Option(
    "--style", help="Style of the simulation, such as cartoon; repeatable: the scenes are shared out. Default: plain.")]
PerKind = Annotated[int, typer.Option(help="Maximum number of expressions per kind and scene; 0: no limit.")]

Ray = Annotated[str, typer.Option(
    "--ray", metavar="ADDRESS", help="Distribute the work over a Ray cluster. local: start one on this machine; auto "
    "or an address: join one.")]
Workers = Annotated[int, typer.Option(help="Number of Ray workers; 0: one per GPU, or per CPU core if there is none.")]


def load_config(file: Path | None, settings: list[str] | None, model: str | None = None,
                device: str | None = None) -> Config:
    """Return the configuration that a command's options describe.

    Parameters
    ----------
    file : YAML file; None for the defaults
    settings : changes to it, NAME=VALUE each
    model, device : changes to encoder.model and device, unless None

    Raises
    ------
    InputError
        For a setting that is not NAME=VALUE, and as in :meth:`Config.from_yaml`.

    """
    config = Config() if file is None else Config.from_yaml(file)
    changes: dict[str, Any] = {}
    for setting in settings or []:
        name, separator, value = setting.partition("=")
        if not separator:
            raise InputError(f"--set takes NAME=VALUE, not {setting!r}")
        changes[name] = parse_yaml(value, f"--set {setting}")
    if model is not None:
        changes["encoder.model"] = model
    if device is not None:
        changes["device"] = device
    return config.replace(changes)


def print_rows(title: str, rows: list[dict[str, Any]]) -> None:
    """Print a table with a column for each name in the rows."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(*names, title=title)
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in names))
    out.print(table)


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
