"""The command line, ``ris``. Heavy imports stand inside the commands, so that help comes at once."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Annotated

import typer

# Each module puts its commands into the application.
from ris_ros.cli import (  # noqa: F401
    ask,
    bag,
    calibrate,
    data,
    demo,
    evaluation,
    geometry,
    segment,
    sim,
    system,
    view,
    weights,
)
from ris_ros.cli.common import app
from ris_ros.errors import RisError


def main() -> None:
    """Run the command line; an error is one line on stderr, with its traceback only after --debug."""
    try:
        app(prog_name="ris")
    except RisError as error:
        _fail(error, str(error), status=2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        _fail(error, f"unexpected {type(error).__name__}: {' '.join(str(error).split())}; "
                     "`ris --debug` with the same words shows where", status=1)


@app.callback()
def _common(debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and all logs.")] = False) -> None:
    if not debug:
        warnings.simplefilter("ignore")
    logging.basicConfig(level=logging.DEBUG if debug else logging.ERROR, format="%(name)s: %(message)s")
    # Its own handler, because libraries replace the root logger's level and ours must be seen.
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("ris: %(message)s"))
    ours = logging.getLogger("ris_ros")
    ours.handlers, ours.propagate = [handler], False
    ours.setLevel(logging.DEBUG if debug else logging.WARNING)
    logging.getLogger("huggingface_hub").setLevel(logging.DEBUG if debug else logging.CRITICAL)


def _fail(error: Exception, message: str, status: int) -> None:
    if "--debug" in sys.argv:
        raise error
    print(f"ris: {message}", file=sys.stderr)
    sys.exit(status)
