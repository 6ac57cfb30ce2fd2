"""Commands about one picture or text: ``ris segment``, ``parse``, ``proposals``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ris_ros.cli.common import ConfigFile, Device, Json, Model, PictureFile, Settings, app, err, load_config, out
from ris_ros.errors import InputError


@app.command()
def segment(image: PictureFile,
            text: Annotated[str, typer.Argument(metavar="TEXT", help="What to find: 'the red cup on the left'.")],
            as_json: Json = False,
            output: Annotated[Path | None, typer.Option(help="Write the overlay to this .png or .jpg.")] = None,
            model: Model = None, device: Device = None, config: ConfigFile = None, settings: Settings = None) -> None:
    """Find what TEXT names in IMAGE."""
    from ris_ros.images import read_image, write_image
    from ris_ros.report import box_to_list, result_to_dict
    from ris_ros.types import check_text

    check_text(text)
    chosen = load_config(config, settings, model, device)
    pixels = read_image(image)
    with err.status("loading models"):
        from ris_ros.segmenter import ReferringSegmenter
        segmenter = ReferringSegmenter.from_config(chosen)
    with err.status("looking"):
        result = segmenter(pixels, text)
    if output is not None:
        from ris_ros.drawing import draw_result
        write_image(output, draw_result(pixels, result))
    if as_json:
        print(json.dumps(result_to_dict(result, mask=True)))
        return
    if not result.found:
        out.print(f"not found: {result.reason}")
        return
    table = Table("rank", "box", "score", *result.candidates[0].terms)
    for rank, candidate in enumerate(result.candidates, start=1):
        table.add_row(str(rank), str(box_to_list(candidate.box)), f"{candidate.score:.3f}",
                      *(f"{term:.3f}" for term in candidate.terms.values()))
    out.print(table)
    out.print(", ".join(f"{stage} {1000 * seconds:.0f} ms" for stage, seconds in result.timings.items()))
    if output is not None:
        out.print(f"overlay: {output}")


@app.command()
def parse(texts: Annotated[list[str], typer.Argument(metavar="TEXT...", help="Expressions; - reads lines from stdin.")],
          config: ConfigFile = None, settings: Settings = None) -> None:
    """Show how expressions are understood, as JSON lines."""
    chosen = load_config(config, settings)
    from ris_ros.language import ExpressionParser
    from ris_ros.report import query_to_dict
    parser = ExpressionParser(chosen.language, chosen.method)
    refused = 0
    for text in (line.rstrip("\n") for line in sys.stdin) if texts == ["-"] else texts:
        try:
            answer = query_to_dict(parser.parse(text))
        except InputError as error:
            refused += 1
            answer = {"text": text, "error": str(error)}
        print(json.dumps(answer, ensure_ascii=False), flush=True)
    if refused:
        raise InputError(f"{refused} of the texts could not be understood; their lines say why")


@app.command()
def proposals(image: PictureFile, as_json: Json = False,
              output: Annotated[Path | None, typer.Option(help="Write a picture of all masks here.")] = None,
              device: Device = None, config: ConfigFile = None, settings: Settings = None) -> None:
    """Show the mask proposals of IMAGE."""
    from ris_ros.device import resolve_device
    from ris_ros.images import read_image, write_image
    from ris_ros.proposals import make_proposer
    from ris_ros.report import box_to_list, proposals_to_dict

    chosen = load_config(config, settings, device=device)
    pixels = read_image(image)
    with err.status("proposing masks"):
        found = make_proposer(chosen.proposals, resolve_device(chosen.device))(pixels)
    if output is not None:
        from ris_ros.drawing import draw_proposals
        write_image(output, draw_proposals(pixels, found))
    if as_json:
        print(json.dumps(proposals_to_dict(found)))
        return
    table = Table("mask", "box", "pixels", "quality")
    for i, (mask, box, quality) in enumerate(zip(found.masks, found.boxes, found.quality, strict=True)):
        table.add_row(str(i), str(box_to_list(box)), str(mask.sum()), f"{quality:.2f}")
    out.print(table)
    if output is not None:
        out.print(f"picture: {output}")
