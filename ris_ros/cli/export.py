"""``ris export``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ris_ros.cli.common import ConfigFile, Device, Json, Model, Settings, app, err, load_config, print_rows


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to write into.")],
    form: Annotated[str, typer.Option("--format", help="onnx, openvino or tensorrt.")] = "onnx",
    parts: Annotated[list[str] | None, typer.Option(
        "--part", help="proposer-encoder, proposer-decoder, local, global or text; repeatable. Default: all.")] = None,
    image: Annotated[Path | None, typer.Option(
        help="Image to compare on. Default: a simulated image.")] = None,
    as_json: Json = False,
    model: Model = None,
    device: Device = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Write the networks of the proposer and of CLIP for ONNX, OpenVINO or TensorRT, and compare them with torch.

    Exits with 1 if one of them could not be exported.
    """
    from ris_ros.tools.bench.command import read_examples, simulated_example
    from ris_ros.tools.export import PARTS
    from ris_ros.tools.export import export as export_networks
    from ris_ros.utils.device import resolve_device
    from ris_ros.utils.exported import check_format

    chosen = load_config(config, settings, model, device)
    on = resolve_device(chosen.device)
    check_format(form, on)
    example = simulated_example() if image is None else read_examples([image])[0]
    with err.status("exporting"):
        rows = list(export_networks(folder, chosen, form, on, example.image, example.texts, parts or PARTS))
    if as_json:
        print(json.dumps(rows))
    else:
        print_rows(f"{folder}, on {on}", rows)
    if any("MB" not in row for row in rows):
        raise typer.Exit(1)
