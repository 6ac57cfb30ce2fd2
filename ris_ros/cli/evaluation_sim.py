"""``ris eval`` on simulated scenes, and the snapshot of all answers: sim, weak, follow, geometry, snapshot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from ris_ros.cli.common import (
    ConfigFile,
    Device,
    Json,
    Model,
    PerKind,
    SceneNumber,
    Scenes,
    Settings,
    Split,
    Styles,
    err,
    eval_app,
    load_config,
    out,
)
from ris_ros.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from rich.table import Table

    from ris_ros.config import Config
    from ris_ros.segmenter import ReferringSegmenter


class _Report(Protocol):
    """A report that can be printed as JSON or as a table."""

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""

    def table(self) -> Table:
        """Return the report as a table for the terminal."""


@eval_app.command("sim")
def eval_sim(
    scenes: Scenes = 50,
    split: Split = "test",
    seed: SceneNumber = 0,
    per_kind: PerKind = 2,
    style: Styles = None,
    kind: Annotated[list[str] | None, typer.Option(
        help="Kind of expression: attribute, place, relation, ...; repeatable. Default: all.")] = None,
    proposals: Annotated[bool, typer.Option(
        help="Evaluate with the proposer's masks too, not only with the true ones.")] = True,
    depth: Annotated[bool, typer.Option(help="Pass the camera's depth to the methods that use it.")] = True,
    visual_weights: Annotated[bool, typer.Option(
        "--visual-weights", help="Print only, as JSON, how often \"the COLOUR CATEGORY\" selects its object, for "
        "weights 0 to 1 of the global feature. Of the options above, only --scenes applies.")] = False,
    weaken: Annotated[str | None, typer.Option(
        metavar="KIND:LEVEL", help="Weaken the encoder, and take its calibration away: weights, features, bias or "
        "input, with a level from 0 on, such as weights:0.6; a third number is the seed.")] = None,
    frames: Annotated[int, typer.Option(
        help="First calibrate on this many unlabelled images of the validation split, as ris calibrate does; 0: as the "
        "node does, on stock images if the model brings no calibration.")] = 0,
    detector: Annotated[str | None, typer.Option(
        help="truth: take a phrase detector that knows the scenes, alone or, with --set matching.appearance=both, "
        "beside the encoder.")] = None,
    detector_errors: Annotated[str, typer.Option(
        help="Rates at which that detector is wrong: none, or those published for sam3, owlv2, ...; see "
        "docs/detectors.md.")] = "none",
    as_json: Json = False,
    model: Model = None,
    device: Device = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Render scenes that no model was trained on, and evaluate the answers by kind of expression."""
    chosen = load_config(config, settings, model, device)
    if visual_weights:
        _print_visual_weights(chosen, scenes)
        return
    from ris_ros.evaluation.sim import evaluate
    from ris_ros.evaluation.weak_encoders import calibrate, published_segmenter, weakened_segmenter
    from ris_ros.segmenter import ReferringSegmenter
    from ris_ros.sim.styles import PLAIN, find_style

    for name in style or ():
        find_style(name)
    appearance = chosen.matching.appearance
    if detector is not None:
        chosen = chosen.replace({"matching.appearance": "clip"})
    segmenter = ReferringSegmenter.from_config(chosen)
    if weaken is not None:
        segmenter = weakened_segmenter(segmenter, weaken, frames)
    elif frames:
        with err.status("calibrating on unlabelled images"):
            calibrate(segmenter, frames)
    is_full = segmenter.config.method == "full"
    published = published_segmenter(segmenter) if is_full else None
    if detector is not None:
        segmenter = _with_detector(segmenter, detector, detector_errors, appearance)
    report = evaluate(segmenter, split=split, scenes=scenes, start=seed, per_kind=per_kind or None,
                      kinds=kind or (), proposals=proposals, depth=depth, styles=style or (PLAIN,),
                      reasoning=segmenter.parser if is_full else None, published=published, progress=True)
    _print_report(report, as_json)


@eval_app.command("weak")
def eval_weak(
    weaken: Annotated[list[str] | None, typer.Option(
        metavar="KIND:LEVEL", help="As of ris eval sim; repeatable. Default: four levels of noise on the weights.")
    ] = None,
    scenes: Scenes = 16,
    split: Split = "test",
    seed: SceneNumber = 0,
    per_kind: PerKind = 2,
    proposals: Annotated[bool, typer.Option(
        help="Evaluate with the proposer's masks too, not only with the true ones.")] = False,
    frames: Annotated[int, typer.Option(
        help="Calibrate on this many unlabelled images of the validation split; 0: on the stock images.")] = 0,
    plot: Annotated[Path | None, typer.Option(help="Image file for a plot.")] = None,
    as_json: Json = False,
    model: Model = None,
    device: Device = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Evaluate on simulated scenes with weaker and weaker encoders, next to the published method."""
    from ris_ros.evaluation import weak_encoders
    from ris_ros.segmenter import ReferringSegmenter

    if plot is not None and not plot.parent.is_dir():
        raise InputError(f"no folder {plot.parent} to write {plot.name} into")
    segmenter = ReferringSegmenter.from_config(load_config(config, settings, model, device))
    reports = list(weak_encoders.evaluate_levels(
        segmenter, weaken or weak_encoders.LEVELS, frames=frames, split=split, scenes=scenes, start=seed,
        per_kind=per_kind or None, proposals=proposals, progress=True))
    if plot is not None:
        weak_encoders.plot(reports, plot)
    if as_json:
        print(json.dumps([report.to_dict() for report in reports]))
    else:
        out.print(weak_encoders.table(reports))


def _with_detector(segmenter: ReferringSegmenter, name: str, errors: str, appearance: str) -> ReferringSegmenter:
    """Return a segmenter with a detector of simulated scenes, beside the encoder or in its place."""
    from ris_ros.evaluation.truth_detector import TruthDetector
    from ris_ros.segmenter import ReferringSegmenter

    if name != "truth":
        raise InputError(f"--detector must be truth, not {name!r}; a real one is chosen with --set "
                         "matching.appearance=detector")
    both = appearance == "both"
    config = segmenter.config.replace({"matching.appearance": "both" if both else "detector"})
    return ReferringSegmenter(config, segmenter.proposer, segmenter.encoder if both else None, segmenter.parser,
                              segmenter.bank if both else None, TruthDetector(errors, config.detector))


def _print_visual_weights(config: Config, scenes: int) -> None:
    from ris_ros.encoding import load_encoder
    from ris_ros.evaluation.visual_weights import evaluate
    from ris_ros.utils.device import resolve_device

    encoder = load_encoder(config.encoder, resolve_device(config.device), offline=config.offline)
    print(json.dumps(evaluate(encoder, scenes=scenes, progress=True), indent=2))


def _print_report(report: _Report, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report.to_dict()))
    else:
        out.print(report.table())


@eval_app.command("follow")
def eval_follow(
    sequences: Annotated[int, typer.Option(help="Number of sequences, which cycle through the kinds.")] = 32,
    kind: Annotated[list[str] | None, typer.Option(
        help="Kind of sequence: swing, dolly, pan, shake, pushed, beside, passing or leaving; repeatable. Default: "
        "all.")] = None,
    seed: Annotated[int, typer.Option(help="Number of the first sequence's scene within the split.")] = 0,
    validation: Annotated[bool, typer.Option(help="Use the validation split, for tuning, instead of test.")] = False,
    latency: Annotated[float, typer.Option(
        help="Simulated time, in seconds, that a keyframe takes to process; 0: process every frame.")] = 1.0,
    ask: Annotated[bool, typer.Option(
        "--ask", help="Start from the answer to \"the COLOUR CATEGORY\" instead of the true mask.")] = False,
    sheet: Annotated[Path | None, typer.Option(help="Write frames of all sequences to this .png.")] = None,
    as_json: Json = False,
    model: Model = None,
    device: Device = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Track objects in simulated sequences with camera motion, distractors and occlusions, and measure how well."""
    from rich.progress import track

    from ris_ros.evaluation.tracking import TILES_PER_SEQUENCE, Report, evaluate
    from ris_ros.segmenter import ReferringSegmenter
    from ris_ros.sim.samples import TEST_SEEDS, VALIDATION_SEEDS
    from ris_ros.utils.images import write_image
    from ris_ros.visualization import draw_sheet

    segmenter = ReferringSegmenter.from_config(load_config(config, settings, model, device))
    tiles: list[tuple[np.ndarray, str]] | None = None if sheet is None else []
    records = evaluate(segmenter, sequences=sequences, start=seed, kinds=kind or (), latency=latency, ask=ask,
                       seeds=VALIDATION_SEEDS if validation else TEST_SEEDS, tiles=tiles)
    report = Report("answers" if ask else "true masks", latency,
                    list(track(records, "following", total=sequences, console=err)))
    if sheet is not None and tiles:
        write_image(sheet, draw_sheet(tiles, TILES_PER_SEQUENCE, 320))
    _print_report(report, as_json)


@eval_app.command("geometry")
def eval_geometry(
    scenes: Scenes = 60,
    split: Split = "test",
    seed: SceneNumber = 0,
    as_json: Json = False,
) -> None:
    """Locate simulated objects in 3-D from mask and depth, and report the errors of their pose."""
    from ris_ros.evaluation.geometry import evaluate

    report = evaluate(split=split, scenes=scenes, start=seed, progress=True)
    _print_report(report, as_json)


@eval_app.command("snapshot")
def eval_snapshot(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the snapshot.")],
    against: Annotated[bool, typer.Option(
        "--compare", help="Compare with the snapshot instead of writing it.")] = False,
    part: Annotated[list[str] | None, typer.Option(
        help="parses, masks, proposals or node; repeatable. Default: all.")] = None,
    collection: Annotated[Path, typer.Option(
        help="JSON lines with the texts to parse, under \"text\".")] = Path("test/language/expressions.jsonl"),
) -> None:
    """Record all answers, or print how the answers differ from those another commit recorded on this machine."""
    from ris_ros.tools.snapshot import PARTS, compare, record

    parts = part or list(PARTS)
    if not against:
        record(directory, parts, collection, err.print)
    elif compare(directory, parts, collection, lambda line: out.print(line, highlight=False, markup=False)):
        raise typer.Exit(1)
