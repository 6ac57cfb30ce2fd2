"""``ris eval``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ris_ros.cli.common import (
    ConfigFile,
    Device,
    Json,
    Model,
    PerKind,
    Scenes,
    Settings,
    Split,
    eval_app,
    load_config,
    out,
)


@eval_app.command("sim")
def eval_sim(scenes: Scenes = 50, split: Split = "test",
             seed: Annotated[int, typer.Option(help="Number of the first scene within the split.")] = 0,
             per_kind: PerKind = 2,
             proposals: Annotated[bool, typer.Option(help="Ask among the proposer's masks too, not only among the "
                                                          "true ones.")] = True,
             depth: Annotated[bool, typer.Option(help="Give the camera's depth to those who can use it.")] = True,
             as_json: Json = False, model: Model = None, device: Device = None, config: ConfigFile = None,
             settings: Settings = None) -> None:
    """Render scenes no model was trained on, and measure the answers by kind of expression."""
    from ris_ros.evaluation.sim import evaluate
    from ris_ros.language import ExpressionParser
    from ris_ros.segmenter import ReferringSegmenter

    segmenter = ReferringSegmenter.from_config(load_config(config, settings, model, device))
    published = None
    if segmenter.config.method == "full":
        reference = segmenter.config.replace({"method": "reference"})
        published = ReferringSegmenter(reference, segmenter.proposer, segmenter.encoder,
                                       ExpressionParser(reference.language, reference.method))
    report = evaluate(segmenter, split=split, scenes=scenes, start=seed, per_kind=per_kind or None,
                      proposals=proposals, depth=depth, reasoning=segmenter.parser if published else None,
                      published=published, progress=True)
    if as_json:
        print(json.dumps(report.to_dict()))
    else:
        out.print(report.table())
