"""The executable `ris_node`."""

from __future__ import annotations

import gc
import os
import signal
import sys
from importlib.util import find_spec

# Seconds that the job at hand gets at the end; launch loses patience after 5.
GRACE = 2.0


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted and return the exit status; `args` default to the process's own."""
    missing = [name for name in ("rclpy", "torch") if find_spec(name) is None]
    if missing:
        return _refuse(f"{' and '.join(missing)} cannot be imported by {sys.executable}: "
                       "activate the environment that scripts/setup made and rebuild")

    import rclpy
    from rclpy.exceptions import ParameterException
    from rclpy.executors import SingleThreadedExecutor

    from ris_ros.node.node import RisNode
    from ris_ros.node.spinning import spin, until_interrupted

    node = None
    try:
        with until_interrupted():
            rclpy.init(args=args)
            executor = SingleThreadedExecutor()
            node = RisNode()
            node.autostart()
            spin(node, executor)
    except ParameterException as error:
        rclpy.try_shutdown()
        return _refuse(str(error))
    # The end is bounded from here on; a second Ctrl-C could only tear it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    finished = node is None or node.close(timeout=GRACE)
    if node is not None:
        node.destroy_node()
    rclpy.try_shutdown()
    if not finished:
        # No model can be interrupted, and Python cannot end in good order while one runs in another thread.
        sys.stdout.flush()
        os._exit(0)
    # Else Python ends with a search for garbage among all that torch has made: seconds, on a busy machine many.
    gc.freeze()
    return 0


def _refuse(reason: str) -> int:
    print(f"ris_node: {reason}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
