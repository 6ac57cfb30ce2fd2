"""The executable `ris_node`."""

from __future__ import annotations

import sys
from functools import partial
from importlib.util import find_spec

from ris_ros.node.signals import end_process, exit_on_signal
from ris_ros.node.throttled_warnings import with_anchor

FINISH_SECONDS = 2.0
"""How long jobs may take to end when the process is interrupted; launch loses patience after 5 seconds."""


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted, which ends the process, or return the exit status of a failed start."""
    exit_on_signal()
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
            spin(node, executor, partial(node.warnings.warn, "request-ignored"))
    except (InputError, NameValidationException, ParameterException) as error:
        rclpy.try_shutdown()
        return _fail(one_line(error))
    if node is not None:
        node.close(timeout=FINISH_SECONDS)
        node.destroy_node()
    rclpy.try_shutdown()
    end_process()


def _fail(reason: str) -> int:
    print(with_anchor("cannot-start", f"ris_node: {reason}"), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
