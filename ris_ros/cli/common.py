"""What the commands share: the application, its consoles, options that mean the same everywhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ris_ros.config import Config
from ris_ros.errors import InputError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
                  help="Find the object that an expression names: mask, box, points, pose; zero-shot.")
weights_app = typer.Typer(no_args_is_help=True, help="Checkpoints: what there is, what is here, and fetching them.")
sim_app = typer.Typer(no_args_is_help=True, help="The simulated tabletop: pictures of it, and data sets.")
eval_app = typer.Typer(no_args_is_help=True, help="Measure a configuration on a data set.")
app.add_typer(weights_app, name="weights")
app.add_typer(sim_app, name="sim")
app.add_typer(eval_app, name="eval")

out = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True)

PictureFile = Annotated[Path, typer.Argument(metavar="IMAGE", help="Picture file.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="YAML file of settings; see `ris config`.")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE, any setting of `ris config`; repeat.")]
Model = Annotated[str | None, typer.Option(help="CLIP model; the setting encoder.model.")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N; the setting device.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Split = Annotated[str, typer.Option(help="train, validation, test or hard (colour-category pairs held out).")]
Scenes = Annotated[int, typer.Option(help="How many scenes.")]
PerKind = Annotated[int, typer.Option(help="Most expressions of each kind and scene; 0 for all.")]

Ray = Annotated[str, typer.Option(
    "--ray", metavar="ADDRESS", help="Spread the work over a Ray cluster: local starts one here; auto, or an "
    "address, joins one.")]
Workers = Annotated[int, typer.Option(help="Ray workers; 0 for one per GPU, or per core.")]


def load_config(file: Path | None, settings: list[str] | None, model: str | None = None,
                device: str | None = None) -> Config:
    """The configuration that a command's options make."""
    import yaml

    config = Config() if file is None else Config.from_yaml(file)
    changes: dict[str, Any] = {}
    for setting in settings or []:
        name, separator, value = setting.partition("=")
        if not separator:
            raise InputError(f"--set takes NAME=VALUE, not {setting!r}")
        changes[name] = yaml.safe_load(value)
    changes |= {"encoder.model": model} if model is not None else {}
    changes |= {"device": device} if device is not None else {}
    return config.replace(changes)
