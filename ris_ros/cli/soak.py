"""``ris soak``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ris_ros.cli.common import ConfigFile, Device, Json, Model, Settings, app, err, load_config, out

FAULTY = ("lost", "wrong stamp", "out of order", "too old", "inconsistent")
"""Counts that must be zero."""


@app.command()
def soak(
    minutes: Annotated[float, typer.Option(min=0.1, help="How long to run.")] = 10.0,
    faults: Annotated[bool, typer.Option(
        "--faults", help="Inflict faults: malformed messages and parameters, outages, restarts.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of the scene, the commands and the faults.")] = 200_007,
    log: Annotated[Path, typer.Option(help="File for the output of the node and the camera.")] = Path("soak.log"),
    as_json: Json = False,
    model: Model = None,
    device: Device = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Run the node with a simulated camera at 30 Hz and random commands, and check every answer.

    The exit status is 1 if a command was lost, an answer had a wrong or an older stamp, an old image or another content
    than before, or the node did not survive a fault. An answer whose note says that it was judged without depth may
    differ from those with depth; these are counted apart.
    """
    from ris_ros.serialization import to_json
    from ris_ros.tools.soak import run_soak

    with err.status("starting") as status:
        report = run_soak(load_config(config, settings, model, device), minutes, faults=faults, seed=seed, log=log,
                          progress=status.update)
    if as_json:
        print(to_json(report))
    else:
        table = Table("what", "value", box=None)
        for name, value in report.items():
            if isinstance(value, int | float):
                table.add_row(name, f"{100 * value:.1f} %" if name == "right" else f"{value:.4g}")
        for name, (survived, tried) in sorted(report["faults"].items()):
            table.add_row(f"survived: {name.replace('_', ' ')}", f"{survived} of {tried}")
        out.print(table)
        for line in [*report["violations"], *report["failures"]]:
            out.print(line)
    if report["failures"] or any(report[name] for name in FAULTY):
        raise typer.Exit(1)
