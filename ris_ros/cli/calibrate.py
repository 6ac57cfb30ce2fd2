"""``ris calibrate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ris_ros.cli.common import ConfigFile, Device, Model, Settings, app, err, load_config, out
from ris_ros.errors import InputError


@app.command()
def calibrate(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Data-set folder; see docs/dataset.md.")],
    output: Annotated[Path | None, typer.Option(
        help="JSON file to write, for the setting matching.calibration. Default: the ris.json of a local-dir: model."),
    ] = None,
    model: Model = None,
    device: Device = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Calibrate a CLIP model's confidence and "not found" threshold on the images and expressions in DIR."""
    from rich.progress import track

    from ris_ros.evaluation.calibration import calibrate as fit
    from ris_ros.evaluation.datasets.folder import read_folder

    chosen = load_config(config, settings, model, device)
    folder = chosen.encoder.model.removeprefix("local-dir:")
    if output is None and folder == chosen.encoder.model:
        raise InputError(f"encoder.model {folder} is not a folder: name a file for the calibration with --output")
    samples = read_folder(directory).samples
    with err.status("loading models"):
        from ris_ros.segmenter import ReferringSegmenter
        segmenter = ReferringSegmenter.from_config(chosen)
    found = fit(segmenter, track(samples, "encoding", console=err), segmenter.bank)
    if output is not None:
        output.write_text(json.dumps(found, indent=2) + "\n")
    else:
        output = Path(folder) / "ris.json"
        about = json.loads(output.read_text()) if output.is_file() else {}
        output.write_text(json.dumps({**about, "calibration": found}, indent=2) + "\n")
    out.print(", ".join(f"{name} {value:g}" for name, value in found.items() if isinstance(value, float)))
    out.print(f"written to {output}")
