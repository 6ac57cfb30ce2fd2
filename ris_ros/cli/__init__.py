"""The command line, ``ris``. Heavy imports are inside the commands, so that ``ris --help`` is fast."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Annotated

import typer

# Importing a module adds its commands to the application.
from ris_ros.cli import (  # noqa: F401
    ask,
    bag,
    calibrate,
    data,
    demo,
    evaluation,
    evaluation_sim,
    export,
    segment,
    sim,
    soak,
    system,
    view,
    weights,
)
from ris_ros.cli.common import app
from ris_ros.errors import RisError, one_line


def main() -> None:
    """Run the command line; print an error as one line on stderr, and its traceback only with --debug."""
    try:
        app(prog_name="ris")
    except RisError as error:
        _fail(error, one_line(error), status=2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # The end of the process: whatever else happened is told in one line too.
        _fail(error, f"unexpected {one_line(error)}; run `ris --debug` with the same arguments for the traceback",
              status=1)


@app.callback()
def _common(debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and all logs.")] = False) -> None:
    if not debug:
        warnings.simplefilter("ignore")
    logging.basicConfig(level=logging.DEBUG if debug else logging.ERROR, format="%(name)s: %(message)s")
    # With a handler of its own, because libraries change the level of the root logger.
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("ris: %(message)s"))
    logger = logging.getLogger("ris_ros")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)
    logging.getLogger("huggingface_hub").setLevel(logging.DEBUG if debug else logging.CRITICAL)


def _fail(error: Exception, message: str, status: int) -> None:
    if "--debug" in sys.argv:
        raise error
    print(f"ris: {message}", file=sys.stderr)
    sys.exit(status)
