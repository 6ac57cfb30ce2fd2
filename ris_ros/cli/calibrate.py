"""``ris calibrate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ris_ros.cli.common import ConfigFile, Device, Model, Settings, app, err, load_config, out
from ris_ros.errors import InputError


@app.command()
def calibrate(directory: Annotated[Path, typer.Argument(metavar="DIR", help="Data-set folder; see docs/dataset.md.")],
              output: Annotated[Path | None, typer.Option(
                  help="JSON file to write, for the setting matching.calibration; default: the ris.json of a "
                       "local-dir: model.")] = None,
              model: Model = None, device: Device = None, config: ConfigFile = None, settings: Settings = None) -> None:
    """Fit the confidence of a CLIP model, and when to say "not here", to expressions about pictures in DIR."""
    from rich.progress import track

    from ris_ros.evaluation.calibration import calibrate as fit
    from ris_ros.evaluation.folder import read_folder

    chosen = load_config(config, settings, model, device)
    folder = chosen.encoder.model.removeprefix("local-dir:")
    if output is None and folder == chosen.encoder.model:
        raise InputError(f"encoder.model {folder} is no folder to keep a calibration in: name a file with --output")
    samples = read_folder(directory).samples
    with err.status("loading models"):
        from ris_ros.segmenter import ReferringSegmenter
        segmenter = ReferringSegmenter.from_config(chosen)
    found = fit(segmenter, track(samples, "looking", console=err), segmenter.bank)
    if output is not None:
        output.write_text(json.dumps(found, indent=2) + "\n")
    else:
        output = Path(folder) / "ris.json"
        about = json.loads(output.read_text()) if output.is_file() else {}
        output.write_text(json.dumps({**about, "calibration": found}, indent=2) + "\n")
    out.print(", ".join(f"{name} {value:g}" for name, value in found.items() if isinstance(value, float)))
    out.print(f"written to {output}")
