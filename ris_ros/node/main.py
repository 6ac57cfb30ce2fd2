"""The executable `ris_node`."""

from __future__ import annotations

import gc
import os
import signal
import sys
from functools import partial
from importlib.util import find_spec

FINISH_SECONDS = 2.0
"""How long the current job may take to end when the process is interrupted; launch loses patience after 5 seconds."""


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted, and return the exit status; `args` default to those of the process."""
    missing = [name for name in ("rclpy", "torch") if find_spec(name) is None]
    if missing:
        return _fail(f"{' and '.join(missing)} cannot be imported by {sys.executable}: "
                     "activate the environment that scripts/setup made and rebuild")

    import rclpy
    from rclpy.exceptions import NameValidationException, ParameterException
    from rclpy.executors import SingleThreadedExecutor

    from ris_ros.errors import InputError, one_line
    from ris_ros.node.node import RisNode
    from ris_ros.node.spinning import init, spin, until_interrupted

    node = None
    try:
        with until_interrupted():
            init(args)
            executor = SingleThreadedExecutor()
            node = RisNode()
            node.autostart()
            spin(node, executor, partial(node.warnings.warn, "callback"))
    except (InputError, NameValidationException, ParameterException) as error:
        rclpy.try_shutdown()
        return _fail(one_line(error))
    # From here on the end takes a bounded time; a second Ctrl-C could only break it off halfway.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    finished = node is None or node.close(timeout=FINISH_SECONDS)
    if node is not None:
        node.destroy_node()
    rclpy.try_shutdown()
    if not finished:
        # A call into a model cannot be interrupted, and Python cannot shut down cleanly while another thread runs one.
        sys.stdout.flush()
        os._exit(0)
    # Otherwise Python would search everything that torch has created for garbage, which takes seconds.
    gc.freeze()
    return 0


def _fail(reason: str) -> int:
    print(f"ris_node: {reason}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
