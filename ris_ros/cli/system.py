"""Commands for the installation: ``ris config``, ``doctor``, ``bench``."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ris_ros.cli.common import ConfigFile, Device, Json, Model, Settings, app, err, load_config, out, print_rows
from ris_ros.config import to_ros_yaml
from ris_ros.errors import InputError

BENCH_PARTS = ("start", "backends", "proposals", "encoding", "command", "early", "node", "scale", "models")
"""Parts of `ris bench`; by default all but the last four are run."""


@app.command("config")
def config_(config: ConfigFile = None, settings: Settings = None) -> None:
    """Print all settings with their help, as a ROS 2 parameter file."""
    print(to_ros_yaml(load_config(config, settings)), end="")


@app.command()
def doctor(as_json: Json = False, model: Model = None, device: Device = None, config: ConfigFile = None,
           settings: Settings = None) -> None:
    """Report what is installed, what is missing and how to get it.

    With a model or other settings, the model is loaded too, and the report says what calibrated its confidence.
    """
    from ris_ros.tools.doctor import run_checks

    with err.status("checking"):
        chosen = load_config(config, settings, model, device) if model or device or config or settings else None
        results = run_checks(chosen)
    if as_json:
        print(json.dumps([vars(result) for result in results]))
    else:
        table = Table("", "part", "found", "remedy", box=None)
        for result in results:
            mark = "ok" if result.ok else "missing" if result.needed else "-"
            table.add_row(mark, result.part, result.found, "" if result.ok else result.remedy)
        out.print(table)
    if any(result.needed and not result.ok for result in results):
        raise typer.Exit(1)


@app.command()
def bench(
    parts: Annotated[list[str] | None, typer.Argument(
        metavar="[PART...]", help="start, backends, proposals, encoding, command, early, node, scale, models. "
        "Default: all but the last four.")] = None,
    images: Annotated[list[Path] | None, typer.Option(
        "--image", help="Image; repeatable, but all after the first are only used to compare answers. Default: "
        "simulated images.")] = None,
    photos: Annotated[Path | None, typer.Option(
        help="Folder of pictures whose things are boxed in its boxes.json, for proposals. Default: boxed pictures of "
        "installed packages, such as scikit-image.")] = None,
    architectures: Annotated[list[str] | None, typer.Option(
        "--architecture", help="Architecture for encoding and models; repeatable. Default: ViT-B-32 and ViT-B-16 for "
        "encoding, ViT-B-16 for models.")] = None,
    sizes: Annotated[list[str] | None, typer.Option(
        "--sam2", help="SAM 2 model for models: tiny/random, small/random, base-plus/random, large/random, or a "
        "folder; repeatable. Default: tiny/random.")] = None,
    all_: Annotated[bool, typer.Option(
        "--all", help="Of models, measure all four sizes of SAM 2, ViT-B-16 and ViT-L-14: for a GPU.")] = False,
    counts: Annotated[list[int] | None, typer.Option(
        "--masks", min=1, help="Number of masks for encoding; repeatable. Default: 16, 64 and 128.")] = None,
    frames: Annotated[int, typer.Option(
        min=1, help="Number of frames, at 30 Hz, over which the node's memory is measured.")] = 1000,
    plot: Annotated[Path, typer.Option(help="Image file for the plot of the encoding times.")] = Path("bench.png"),
    as_json: Json = False,
    model: Model = None,
    device: Device = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Measure times and memory next to those of the reference method; takes about 8 minutes on 2 cores."""
    from ris_ros.tools import bench
    from ris_ros.utils.device import resolve_device

    if unknown := set(parts or []) - set(BENCH_PARTS):
        raise InputError(f"no part {', '.join(unknown)}; there are {', '.join(BENCH_PARTS)}")
    if not plot.parent.is_dir():
        raise InputError(f"no folder {plot.parent} to write {plot.name} into")
    chosen = load_config(config, settings, model, device)
    torch_device = resolve_device(chosen.device)
    device_name = bench.device_name(torch_device)
    needs_images = not (all_ or parts == ["models"])
    examples = [] if not needs_images else bench.read_examples(images) if images else [
        bench.simulated_example(number) for number in range(3)]

    def measure(part: str) -> dict[str, list[bench.Row]]:
        if part == "start":
            return {part: bench.bench_start(chosen)}
        if part == "backends":
            return {part: bench.bench_backends(chosen)}
        if part == "proposals":
            pictures = bench.read_folder(photos) if photos else bench.installed_pictures()
            return {part: bench.bench_proposals(examples[0].image, chosen, torch_device),
                    "boxed things that are proposed": bench.bench_recall(
                        itertools.chain(pictures, bench.tabletops(bench.TABLETOPS)), chosen, torch_device)}
        if part == "command":
            return {part: bench.bench_command(examples[0], chosen, torch_device)}
        if part == "early":
            return {part: bench.bench_early(examples, chosen, torch_device)}
        if part == "node":
            from ris_ros.tools.bench.node import bench_node

            return {part: bench_node(chosen, frames=frames)}
        if part == "scale":
            return bench.bench_scale(examples[0], chosen, torch_device)
        if part == "models":
            from ris_ros.proposals.sam2 import RANDOM, SIZES

            every = [f"{size}/{RANDOM}" for size in SIZES]
            return {"models of true size, random weights": bench.bench_models(
                every if all_ else sizes or every[:1],
                ["ViT-B-16", "ViT-L-14"] if all_ else architectures or ["ViT-B-16"], torch_device)}
        arrays = [example.image for example in examples]
        masks = bench.run_in_subprocess(bench.propose_masks, arrays, chosen, torch_device)
        tables = bench.bench_encoding(list(zip(arrays, masks, strict=True)), torch_device,
                                      architectures or ["ViT-B-32", "ViT-B-16"], counts or [16, 64, 128])
        bench.plot_encoding(tables, f"{torch_device}: {device_name}", plot)
        return tables

    report: dict[str, list[bench.Row]] = {}
    for part in parts or (["models"] if all_ else BENCH_PARTS[:-4]):
        with err.status(f"measuring {part}"):
            tables = measure(part)
        report |= tables
        if not as_json:
            for title, rows in tables.items():
                print_rows(f"{title}, on {torch_device}: {device_name}", rows)
    if as_json:
        print(json.dumps({"device": torch_device, "name": device_name, "parts": report}))
