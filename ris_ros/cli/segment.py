"""Commands for one image or text: ``ris segment``, ``parse``, ``proposals``."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from ris_ros.cli.common import ConfigFile, Device, ImageFile, Json, Model, Settings, app, err, load_config, out
from ris_ros.errors import InputError

if TYPE_CHECKING:
    from ris_ros.language.reader import Reading
    from ris_ros.types import Result


@app.command()
def segment(
    image: ImageFile,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to find, such as 'the red cup on the left'.")],
    as_json: Json = False,
    output: Annotated[Path | None, typer.Option(help="Draw the result and write it to this .png or .jpg.")] = None,
    explain: Annotated[bool, typer.Option(
        "--explain", help="Show how TEXT was parsed, and all factors of the scores.")] = False,
    model: Model = None,
    device: Device = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Find the object that TEXT describes in IMAGE."""
    from ris_ros.serialization import query_to_dict, result_to_dict
    from ris_ros.utils.images import read_image, write_image
    from ris_ros.utils.texts import check_text

    check_text(text)
    chosen = load_config(config, settings, model, device)
    pixels = read_image(image, chosen.max_image_pixels)
    with err.status("loading models"):
        from ris_ros.segmenter import ReferringSegmenter
        segmenter = ReferringSegmenter.from_config(chosen)
    with err.status("segmenting"):
        result = segmenter(pixels, text)
    if output is not None:
        from ris_ros.visualization import draw_result
        write_image(output, draw_result(pixels, result))
    if as_json:
        explanation = {"query": query_to_dict(result.query)} if explain else {}
        print(json.dumps(result_to_dict(result, mask=True) | explanation))
        return
    if explain:
        out.print_json(json.dumps(query_to_dict(result.query)))
    if result.candidates and (result.found or explain):
        out.print(_candidate_table(result, explain))
    if note := result.note if result.found else f"not found: {result.reason}":
        out.print(note)
    out.print(", ".join(f"{stage} {1000 * seconds:.0f} ms" for stage, seconds in result.timings.items()))
    if output is not None:
        out.print(f"overlay: {output}")


def _candidate_table(result: Result, explain: bool) -> Table:
    """Return a table of the ranked candidates, with the factors of their scores if `explain`."""
    from ris_ros.serialization import candidate_table, result_to_dict

    titles, rows = candidate_table(result_to_dict(result))
    shown = len(titles) if explain else titles.index("score") + 1
    table = Table(*titles[:shown])
    for row in rows:
        table.add_row(*row[:shown])
    return table


@app.command()
def parse(
    texts: Annotated[list[str], typer.Argument(metavar="TEXT...", help="Expressions; - reads lines from stdin.")],
    output: Annotated[Path | None, typer.Option(help="Draw how TEXT is read, and write it to this .svg.")] = None,
    explain: Annotated[bool, typer.Option(
        "--explain", help="Show what each word says, of which word, and how sure the reader is of it.")] = False,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Print how expressions are parsed, as JSON lines."""
    from ris_ros.language import ExpressionParser
    from ris_ros.parsing import make_parser
    from ris_ros.serialization import query_to_dict

    chosen = load_config(config, settings)
    if (output or explain) and (chosen.method, chosen.language.parser) != ("full", "reader"):
        raise InputError("--output and --explain show how the package's reader reads a text: set method to full and "
                         "language.parser to reader")
    if output is not None and (len(texts) != 1 or texts == ["-"] or output.suffix != ".svg"):
        raise InputError("--output takes one TEXT and a file that ends in .svg")
    parser = make_parser(chosen.language, chosen.method)
    reader = parser if isinstance(parser, ExpressionParser) else None
    failed = 0
    # Bytes that are not UTF-8 are refused line by line, and printed as JSON's escapes.
    for stream, errors in ((sys.stdin, "surrogateescape"), (sys.stdout, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)
    for text in (line.rstrip("\n") for line in sys.stdin) if texts == ["-"] else texts:
        try:
            answer = query_to_dict(parser.parse(text))
            reading = reader.read(text) if reader and (explain or output) else None
        except InputError as error:
            failed += 1
            answer, reading = {"text": text, "error": str(error)}, None
        print(json.dumps(answer, ensure_ascii=False), flush=True)
        if reading is not None and explain:
            out.print(_reading_table(reading))
        if reading is not None and output is not None:
            from ris_ros.visualization import draw_reading
            output.write_text(draw_reading(reading), encoding="utf-8")
    if failed:
        raise InputError(f"{failed} of the texts could not be parsed; their lines say why")


def _reading_table(reading: Reading) -> Table:
    """Return a table of the words of a text: what each says, of which word, and how sure that is."""
    from ris_ros.language.tree import LABELS

    tree = reading.tree
    table = Table("word", "is", "of", "sure", "")
    for i, (word, label, head, share) in enumerate(zip(
            tree.words, tree.labels, tree.heads, reading.sureness, strict=True)):
        if i:
            table.add_row(word, label, tree.words[head] if head else "(request)", f"{share:.0%}", LABELS[label])
    return table


@app.command()
def proposals(
    image: ImageFile,
    as_json: Json = False,
    output: Annotated[Path | None, typer.Option(help="Draw all masks and write them to this .png or .jpg.")] = None,
    device: Device = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Show the mask proposals for IMAGE."""
    from ris_ros.proposals import make_proposer
    from ris_ros.serialization import proposals_to_dict
    from ris_ros.utils.device import resolve_device
    from ris_ros.utils.images import read_image, write_image
    from ris_ros.utils.masks import box_to_list

    chosen = load_config(config, settings, device=device)
    pixels = read_image(image, chosen.max_image_pixels)
    with err.status("proposing masks"):
        found = make_proposer(chosen.proposals, resolve_device(chosen.device), offline=chosen.offline)(pixels)
    if output is not None:
        from ris_ros.visualization import draw_proposals
        write_image(output, draw_proposals(pixels, found))
    if as_json:
        print(json.dumps(proposals_to_dict(found)))
        return
    table = Table("mask", "box", "pixels", "quality")
    for i, (mask, box, quality) in enumerate(zip(found.masks, found.boxes, found.quality, strict=True)):
        table.add_row(str(i), str(box_to_list(box)), str(mask.sum()), f"{quality:.2f}")
    out.print(table)
    if output is not None:
        out.print(f"image: {output}")
