"""``ris eval geometry``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ris_ros.cli.common import Json, Scenes, Split, eval_app, out


@eval_app.command("geometry")
def eval_geometry(scenes: Scenes = 60, split: Split = "test",
                  seed: Annotated[int, typer.Option(help="Number of the first scene within the split.")] = 0,
                  as_json: Json = False) -> None:
    """Place simulated objects in space from mask and depth, and measure how far they are from where they are."""
    from ris_ros.evaluation.geometry import evaluate

    report = evaluate(split=split, scenes=scenes, start=seed, progress=True)
    if as_json:
        print(json.dumps(report.to_dict()))
    else:
        out.print(report.table())
