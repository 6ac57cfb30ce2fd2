"""The executable `ris_camera`: a camera for trying the node without one: the simulated tabletop, or a picture file."""

from __future__ import annotations

import dataclasses
import math
import sys
from typing import TYPE_CHECKING

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image

from ris_ros.errors import RisError
from ris_ros.node.conversions import to_image
from ris_ros.node.spinning import spin, until_interrupted
from ris_ros.utils.images import read_image

if TYPE_CHECKING:
    from ris_ros.sim.scene import Camera, Rendering

FRAME = "camera_color_optical_frame"
# The moving camera swings this far to each side about its target, and back, in this time.
SWING = math.radians(20)
PERIOD = 12.0  # seconds


class CameraNode(Node):
    """Publishes `image` (rgb8), `depth` (32FC1, metres, in the frame of the image) and `camera_info`.

    Parameters: `picture` (a file; empty: the simulated tabletop), `seed` of the scene, `rate` in Hz, `moving`.
    A picture file has no depth and no camera model, so that only `image` is published.
    """

    def __init__(self) -> None:
        super().__init__("camera")
        picture = self.declare_parameter("picture", "").value
        self._moving = self.declare_parameter("moving", False).value
        rate = self.declare_parameter("rate", 10.0).value
        seed = self.declare_parameter("seed", 0).value
        self._image = self.create_publisher(Image, "image", 1)
        self._picture = read_image(picture) if picture else None
        if self._picture is None:
            from ris_ros.sim.render import Renderer
            from ris_ros.sim.tabletop import sample_scene

            self._depth = self.create_publisher(Image, "depth", 1)
            self._info = self.create_publisher(CameraInfo, "camera_info", 1)
            self._scene = sample_scene(seed)
            self._renderer = Renderer()
            self._rendering = self._renderer.render(self._scene)
        self._start = self.get_clock().now()
        self.create_timer(1 / rate, self._publish)
        self.get_logger().info(f"publishing {picture or f'the simulated tabletop, seed {seed},'} at {rate:g} Hz")

    def _publish(self) -> None:
        now = self.get_clock().now()
        header = Image().header
        header.stamp, header.frame_id = now.to_msg(), FRAME
        if self._picture is not None:
            self._image.publish(to_image(self._picture, "rgb8", header))
            return
        if self._moving:
            seconds = (now - self._start).nanoseconds / 1e9
            camera = swung(self._scene.camera, SWING * math.sin(2 * math.pi * seconds / PERIOD))
            self._rendering = self._renderer.render(dataclasses.replace(self._scene, camera=camera))
        self._image.publish(to_image(self._rendering.image, "rgb8", header))
        self._depth.publish(to_image(self._rendering.depth, "32FC1", header))
        self._info.publish(camera_info(self._rendering, header))


def swung(camera: Camera, angle: float) -> Camera:
    """The camera turned by `angle`, radians, about the vertical through its target."""
    x, y = (np.subtract(camera.position, camera.target))[:2]
    cos, sin = math.cos(angle), math.sin(angle)
    position = (camera.target[0] + cos * x - sin * y, camera.target[1] + sin * x + cos * y, camera.position[2])
    return dataclasses.replace(camera, position=position)


def camera_info(rendering: Rendering, header: object) -> CameraInfo:
    """The model of a camera without distortion."""
    height, width = rendering.depth.shape
    k = rendering.intrinsics
    return CameraInfo(
        header=header, height=height, width=width, distortion_model="plumb_bob", d=[0.0] * 5, k=k.flatten().tolist(),
        r=np.eye(3).flatten().tolist(), p=np.hstack([k, np.zeros((3, 1))]).flatten().tolist())


def main(args: list[str] | None = None) -> int:
    """Run the camera until it is interrupted and return the exit status."""
    node = None
    try:
        with until_interrupted():
            rclpy.init(args=args)
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
