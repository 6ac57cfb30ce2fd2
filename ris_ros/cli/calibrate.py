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
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of images, or data-set folder; see "
                                        "docs/dataset.md.")],
    output: Annotated[Path | None, typer.Option(
        help="JSON file to write, for the setting matching.calibration. Default: the ris.json of a local-dir: model."),
    ] = None,
    max_false_absence: Annotated[float, typer.Option(
        min=0.0, max=0.5, help="Without labels: share of present objects that may be called absent.")] = 0.05,
    model: Model = None,
    device: Device = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Calibrate a CLIP model's confidence and "not found" threshold on the images in DIR.

    A data set has expressions with the objects that they name. A folder of images alone needs no labels: some twenty
    images of what the robot sees are enough.
    """
    from rich.progress import track

    from ris_ros.evaluation.calibration import calibrate as fit
    from ris_ros.evaluation.datasets.folder import EXPRESSIONS_FILE, read_folder
    from ris_ros.evaluation.frame_calibration import calibrate_from_frames
    from ris_ros.utils.images import image_files, read_image

    chosen = load_config(config, settings, model, device)
    folder = chosen.encoder.model.removeprefix("local-dir:")
    if output is None and folder == chosen.encoder.model:
        raise InputError(f"encoder.model {folder} is not a folder: name a file for the calibration with --output")
    has_labels = (directory / EXPRESSIONS_FILE).is_file()
    samples = read_folder(directory).samples if has_labels else []
    files = [] if has_labels else image_files(directory)
    with err.status("loading models"):
        from ris_ros.segmenter import ReferringSegmenter
        segmenter = ReferringSegmenter.from_config(chosen)
    if has_labels:
        found = fit(segmenter, track(samples, "encoding", console=err), segmenter.bank)
    else:
        images = map(read_image, track(files, "encoding", console=err))
        found = calibrate_from_frames(segmenter, images, max_false_absence=max_false_absence).to_dict()
    if output is not None:
        output.write_text(json.dumps(found, indent=2) + "\n")
    else:
        output = Path(folder) / "ris.json"
        about = json.loads(output.read_text()) if output.is_file() else {}
        output.write_text(json.dumps({**about, "calibration": found}, indent=2) + "\n")
    out.print(", ".join(f"{name} {value:g}" for name, value in found.items() if isinstance(value, float)))
    out.print(f"written to {output}")
