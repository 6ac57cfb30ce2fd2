"""The executable `ris_camera`: a camera to try the node with, which shows the simulated tabletop or an image file."""

from __future__ import annotations

import sys

from ris_ros.node.signals import end_process, exit_on_signal


def main(args: list[str] | None = None) -> int:
    """Run the camera until it is interrupted, which ends the process, or return the exit status of a failure."""
    exit_on_signal()
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    from ris_ros.errors import RisError
    from ris_ros.node.spinning import init, spin, until_interrupted
    from ris_ros.tools.camera_node import CameraNode

    node = None
    try:
        with until_interrupted():
            init(args)
            executor = SingleThreadedExecutor()
            node = CameraNode()
            spin(node, executor)
    except RisError as error:
        print(f"ris_camera: {error}", file=sys.stderr)
        return 2
    finally:
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    end_process()


if __name__ == "__main__":
    sys.exit(main())
