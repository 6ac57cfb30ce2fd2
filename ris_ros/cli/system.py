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
    from ris_ros.tools.doctor import examine

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
          images: Annotated[list[Path] | None, typer.Option(
              "--image", help="Picture, default: simulated ones; all but the first only compare answers.")] = None,
          architectures: Annotated[list[str] | None, typer.Option(
              "--architecture", help="For encoding, default: ViT-B-32 and ViT-B-16; repeat.")] = None,
          counts: Annotated[list[int] | None, typer.Option(
              "--masks", min=1, help="For encoding, default: 16, 64 and 128; repeat.")] = None,
          frames: Annotated[int, typer.Option(
              min=1, help="Frames, 30 a second, over which node's memory is watched.")] = 1000,
          plot: Annotated[Path, typer.Option(help="Picture of encoding's times to write.")] = Path("bench.png"),
          as_json: Json = False, model: Model = None, device: Device = None, config: ConfigFile = None,
          settings: Settings = None) -> None:
    """Measure times and memory, each beside the reference procedure's; all of it takes about 8 minutes on 2 cores."""
    from ris_ros.tools import bench
    from ris_ros.tools.bench.plot import plot_encoding
    from ris_ros.utils.device import resolve_device

    names = ("start", "proposals", "encoding", "command", "node")
    if unknown := set(parts or []) - set(names):
        raise InputError(f"no part {', '.join(unknown)}; there are {', '.join(names)}")
    if not plot.parent.is_dir():
        raise InputError(f"no folder {plot.parent} to write {plot.name} into")
    chosen = load_config(config, settings, model, device)
    where = resolve_device(chosen.device)
    named = f"{where}: {bench.device_name(where)}"
    pictures = bench.pictures_of(images) if images else [bench.example(number) for number in range(3)]

    def encoding() -> dict[str, list[bench.Row]]:
        images = [picture.image for picture in pictures]
        masks = bench.alone(bench.proposed, images, chosen, where)
        tables = bench.bench_encoding(list(zip(images, masks, strict=True)), where,
                                      architectures or ["ViT-B-32", "ViT-B-16"], counts or [16, 64, 128])
        plot_encoding(tables, named, plot)
        return tables

    def node() -> list[bench.Row]:
        from ris_ros.tools.bench.node import bench_node

        return bench_node(chosen, frames=frames)

    benches = dict(zip(names, (
        bench.bench_start, lambda: bench.bench_proposals(pictures[0].image, chosen, where), encoding,
        lambda: bench.bench_command(pictures[0], chosen, where), node), strict=True))
    report: dict[str, list[bench.Row]] = {}
    for part in parts or names[:-1]:
        with err.status(f"measuring {part}"):
            measured = benches[part]()
        tables = measured if isinstance(measured, dict) else {part: measured}
        report |= tables
        if not as_json:
            for title, rows in tables.items():
                _print_rows(f"{title}, on {named}", rows)
    if as_json:
        print(json.dumps({"device": where, "name": bench.device_name(where), "parts": report}))


def _print_rows(title: str, rows: list[dict[str, object]]) -> None:
    table = Table(*dict.fromkeys(name for row in rows for name in row), title=title)
    for row in rows:
        table.add_row(*(_cell(row.get(column.header)) for column in table.columns))
    out.print(table)


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
