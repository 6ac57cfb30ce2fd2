"""``ris data``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ris_ros.cli.common import Json, app, err, out

data_app = typer.Typer(no_args_is_help=True, help="Check the data sets for `ris eval`.")
app.add_typer(data_app, name="data")

MAX_PROBLEMS = 5
"""Number of problems printed per split."""


@data_app.command("check")
def data_check(
    root: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of one data set, or of several.")],
    images: Annotated[Path | None, typer.Option(help="Folder of the images, if they are elsewhere.")] = None,
    masks: Annotated[bool, typer.Option(help="Decode the masks of all expressions.")] = True,
    as_json: Json = False,
) -> None:
    """Report which data sets are in DIR, their problems, and where to get the others."""
    from ris_ros.evaluation.datasets.check import check

    with err.status("checking"):
        results = list(check(root, images=images, masks=masks))
    if as_json:
        print(json.dumps([asdict(result) for result in results], default=str))
        return
    available = [result for result in results if not result.missing]
    if available:
        table = Table("data set", "split", "images", "expressions", "problems", title=f"in {root}")
        for result in available:
            table.add_row(result.name, result.split, str(result.pictures), str(result.expressions),
                          str(len(result.problems)))
        out.print(table)
    for result in available:
        for problem in result.problems[:MAX_PROBLEMS]:
            out.print(f"{result.name} {result.split}: {problem}", highlight=False)
        if len(result.problems) > MAX_PROBLEMS:
            out.print(f"{result.name} {result.split}: {len(result.problems) - MAX_PROBLEMS} more; --json prints "
                      "all")
    table = Table("data set", "missing", title="not found", show_lines=True)
    for column in ("from", "licence"):
        table.add_column(column, overflow="fold")
    for name in dict.fromkeys(result.name for result in results if result.missing):
        absent = [result for result in results if result.name == name and result.missing]
        files = dict.fromkeys(str(path.relative_to(root)) for result in absent for path in result.missing)
        table.add_row(name, "\n".join(files), absent[0].source, absent[0].licence)
    if table.row_count:
        out.print(table)
