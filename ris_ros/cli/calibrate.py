"""``ris calibrate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ris_ros.cli.common import ConfigFile, Device, Model, Settings, app, err, load_config, out
from ris_ros.errors import InputError
from ris_ros.utils.files import read_json


@app.command()
def calibrate(
    source: Annotated[Path | None, typer.Argument(
        metavar="[SOURCE]", help="Folder of images, bag, or data-set folder with expressions (docs/dataset.md)."),
    ] = None,
    topic: Annotated[str | None, typer.Option(
        help="Topic of the images: of a running camera, or of the bag.")] = None,
    images: Annotated[int, typer.Option(
        min=3, help="Without labels: number of images to use; from a running camera, move it or the objects.")] = 24,
    output: Annotated[Path | None, typer.Option(
        help="JSON file to write, for the setting matching.calibration. Default: the ris.json of a local-dir: model."),
    ] = None,
    max_false_absence: Annotated[float | None, typer.Option(
        min=0.0, max=0.5, help="Share of present objects that may be called absent: the default of the setting "
        "matching.max_false_absence with this calibration.")] = None,
    model: Model = None,
    device: Device = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Calibrate a CLIP model's confidence and "not found" threshold on images of what the robot sees.

    Some twenty images are enough, without labels. A data set of expressions with the objects that they name gives a
    better calibration.
    """
    from rich.progress import track

    from ris_ros.calibration import calibrate_from_images
    from ris_ros.evaluation.calibration import calibrate as fit_to_labels
    from ris_ros.evaluation.datasets.folder import EXPRESSIONS_FILE, read_folder
    from ris_ros.tools.frame_sources import frames_from

    chosen = load_config(config, settings, model, device)
    folder = chosen.encoder.model.removeprefix("local-dir:")
    if output is None and folder == chosen.encoder.model:
        raise InputError(f"encoder.model {folder} is not a folder: name a file for the calibration with --output")
    samples = read_folder(source).samples if source is not None and (source / EXPRESSIONS_FILE).is_file() else []
    frames = None if samples else frames_from(source, topic, images, chosen.max_image_pixels)
    with err.status("loading models"):
        from ris_ros.segmenter import ReferringSegmenter

        # The calibration to be written does not exist yet, and that of the model is replaced.
        segmenter = ReferringSegmenter.from_config(chosen.replace({"matching.calibration": ""}))
    share = {} if max_false_absence is None else {"max_false_absence": max_false_absence}
    if frames is None:
        found = fit_to_labels(segmenter, track(samples, "encoding", console=err), segmenter.bank, **share)
    else:
        found = calibrate_from_images(track(frames, "encoding", total=images, console=err), segmenter.proposer,
                                      segmenter.encoder, segmenter.bank, segmenter.visual_weight,
                                      method=segmenter.config.method, **share)
    values = found.to_dict()
    if output is not None:
        output.write_text(json.dumps(values, indent=2) + "\n")
    else:
        output = Path(folder) / "ris.json"
        about = read_json(output) if output.is_file() else {}
        if not isinstance(about, dict):
            raise InputError(f"{output} must be an object, such as `ris calibrate` writes: delete or rename it")
        output.write_text(json.dumps({**about, "calibration": values}, indent=2) + "\n")
    out.print(", ".join(f"{name} {value:g}" for name, value in values.items() if isinstance(value, float)))
    out.print(f"written to {output}")
