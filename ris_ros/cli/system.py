"""Commands about the installation: ``ris config``, ``doctor``, ``bench``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ris_ros.cli.common import ConfigFile, Device, Json, Model, Settings, app, err, load_config, out
from ris_ros.config import to_ros_yaml
from ris_ros.errors import InputError


@app.command("config")
def config_(config: ConfigFile = None, settings: Settings = None) -> None:
    """Print every setting with its help, as a ROS 2 parameter file."""
    print(to_ros_yaml(load_config(config, settings)), end="")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what is installed, on which device, what is missing and how to get it."""
    from ris_ros.doctor import examine

    with err.status("examining"):
        findings = examine()
    if as_json:
        print(json.dumps([vars(finding) for finding in findings]))
    else:
        table = Table("", "part", "found", "remedy", box=None)
        for finding in findings:
            mark = "ok" if finding.ok else "missing" if finding.needed else "-"
            table.add_row(mark, finding.part, finding.found, "" if finding.ok else finding.remedy)
        out.print(table)
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def bench(parts: Annotated[list[str] | None, typer.Argument(
              metavar="[PART...]", help="start, proposals, encoding, command, node; default: all but node.")] = None,
          image: Annotated[Path | None, typer.Option(help="Picture; default: a simulated tabletop.")] = None,
          models: Annotated[list[str] | None, typer.Option("--architecture", help="For encoding; repeat.")] = None,
          counts: Annotated[list[int] | None, typer.Option("--masks", help="For encoding; repeat.")] = None,
          as_json: Json = False, model: Model = None, device: Device = None, config: ConfigFile = None,
          settings: Settings = None) -> None:
    """Measure times, each beside the reference procedure's in the same run."""
    from ris_ros import bench
    from ris_ros.device import resolve_device
    from ris_ros.images import read_image
    from ris_ros.proposals import make_proposer

    names = ("start", "proposals", "encoding", "command", "node")
    if unknown := set(parts or []) - set(names):
        raise InputError(f"no part {', '.join(unknown)}; there are {', '.join(names)}")
    parts = parts or names[:-1]
    chosen = load_config(config, settings, model, device)
    where = resolve_device(chosen.device)
    picture = read_image(image) if image is not None else bench.example_image()

    def encoding() -> list[bench.Row]:
        masks = make_proposer(chosen.proposals, where)(picture).masks
        return bench.bench_encoding(picture, masks, where, models or ["ViT-B-32", "ViT-B-16"], counts or [16, 64, 128])

    def node() -> list[bench.Row]:
        from ris_ros.node.bench import bench_node

        return bench_node(chosen)

    benches = dict(zip(names, (
        bench.bench_start, lambda: bench.bench_proposals(picture, chosen), encoding,
        lambda: bench.bench_command(picture, chosen), node), strict=True))
    report = {}
    for part in parts:
        with err.status(f"measuring {part}"):
            report[part] = benches[part]()
    if as_json:
        print(json.dumps({"device": where, "parts": report}))
        return
    for part, rows in report.items():
        table = Table(*dict.fromkeys(name for row in rows for name in row), title=f"{part}, on {where}")
        for row in rows:
            table.add_row(*(_cell(row.get(column.header)) for column in table.columns))
        out.print(table)


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
