"""The executable `ris_node`."""

from __future__ import annotations

import sys
from importlib.util import find_spec


def main(args: list[str] | None = None) -> int:
    """Run the node until it is interrupted and return the exit status; `args` default to the process's own."""
    missing = [name for name in ("rclpy", "torch") if find_spec(name) is None]
    if missing:
        return _refuse(f"{' and '.join(missing)} cannot be imported by {sys.executable}: "
                       "activate the environment that scripts/setup made and rebuild")

    import rclpy
    from rclpy.exceptions import ParameterException
    from rclpy.executors import ExternalShutdownException

    from ris_ros.node.node import RisNode

    node = None
    try:
        rclpy.init(args=args)
        node = RisNode()
        node.autostart()
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except ParameterException as error:
        return _refuse(str(error))
    finally:
        if node is not None:
            node.close()
            node.destroy_node()
        rclpy.try_shutdown()
    return 0


def _refuse(reason: str) -> int:
    print(f"ris_node: {reason}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
