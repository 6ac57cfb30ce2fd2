"""``ris ask``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ris_ros.cli.common import ConfigFile, Device, ImageFile, Json, Model, Settings, app, err, load_config, out


@app.command()
def ask(
    image: ImageFile,
    question: Annotated[str, typer.Argument(
        metavar="QUESTION", help="'is there a red cup left of the bowl?' or 'how many cups are there?'")],
    as_json: Json = False,
    output: Annotated[Path | None, typer.Option(help="Draw the evidence and write it to this .png or .jpg.")] = None,
    model: Model = None,
    device: Device = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Answer whether an object is in IMAGE, or how many are, and show the evidence."""
    from ris_ros.questions import ask, read
    from ris_ros.utils.images import read_image, write_image
    from ris_ros.utils.masks import box_to_list, mask_to_rle

    read(question)  # raises for a question it cannot parse, before any model is loaded
    chosen = load_config(config, settings, model, device)
    pixels = read_image(image, chosen.max_image_pixels)
    with err.status("loading models"):
        from ris_ros.segmenter import ReferringSegmenter
        segmenter = ReferringSegmenter.from_config(chosen)
    with err.status("answering"):
        segmenter.set_image(pixels)
        answer = ask(segmenter, question)
    evidence = answer.result.instances
    if output is not None:
        from ris_ros.visualization import draw_candidates
        write_image(output, draw_candidates(pixels, evidence))
    if as_json:
        print(json.dumps({
            "question": answer.question, "kind": answer.kind, "answer": answer.value, "confidence": answer.confidence,
            "looked_for": answer.result.query.text, "reason": answer.result.reason,
            "evidence": [{"box": box_to_list(candidate.box), "score": candidate.score,
                          "mask": mask_to_rle(candidate.mask)} for candidate in evidence]}))
        return
    out.print(f"{answer} (confidence {answer.confidence:.2f})", highlight=False)
    for candidate in evidence:
        out.print(f"  at {box_to_list(candidate.box)}, score {candidate.score:.2f}", highlight=False)
    if answer.result.reason:
        out.print(f"  {answer.result.reason}", highlight=False, markup=False)
    if output is not None:
        out.print(f"image: {output}", highlight=False)
