"""The ROS node of `ris_camera`: publishes the simulated tabletop, or an image file."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from ris_ros.messages import MessageBuilder
from ris_ros.utils.images import read_image

if TYPE_CHECKING:
    from ris_ros.sim.scene import Camera, Rendering

FRAME_ID = "camera_color_optical_frame"
SWING_RADIANS = math.radians(20)
"""How far a moving camera swings to each side about its target."""
SWING_PERIOD_SECONDS = 12.0
"""Time in which a moving camera swings to both sides and back."""


class CameraNode(Node):
    """Publishes `image` (rgb8), `depth` (32FC1 in metres, registered to the image) and `camera_info`.

    Parameters: `picture` (an image file; empty for the simulated tabletop), `seed` of the scene, `rate` in Hz and
    `moving`.
    An image file has no depth and no camera model; then only `image` is published.
    """

    def __init__(self) -> None:
        super().__init__("camera")
        file = self._declare("picture", "")
        self._moving = self._declare("moving", False)
        rate = self._declare("rate", 10.0)
        seed = self._declare("seed", 0)
        self._messages = MessageBuilder()
        self._image_publisher = self.create_publisher(Image, "image", 1)
        self._file_image = read_image(file) if file else None
        if self._file_image is None:
            from ris_ros.sim.render import Renderer
            from ris_ros.sim.tabletop import sample_scene

            self._depth_publisher = self.create_publisher(Image, "depth", 1)
            self._info_publisher = self.create_publisher(CameraInfo, "camera_info", 100)
            self._scene = sample_scene(seed)
            self._renderer = Renderer()
            self._rendering = self._renderer.render(self._scene)
        self._start = self.get_clock().now()
        self.create_timer(1 / rate, self._publish)
        self.get_logger().info(f"publishing {file or f'the simulated tabletop, seed {seed},'} at {rate:g} Hz")

    def _declare(self, name: str, default: Any) -> Any:
        return self.declare_parameter(name, default).value

    def _publish(self) -> None:
        now = self.get_clock().now()
        header = Header(stamp=now.to_msg(), frame_id=FRAME_ID)
        if self._file_image is not None:
            self._image_publisher.publish(self._messages.image(self._file_image, "rgb8", header))
            return
        if self._moving:
            seconds = (now - self._start).nanoseconds / 1e9
            angle = SWING_RADIANS * math.sin(2 * math.pi * seconds / SWING_PERIOD_SECONDS)
            scene = dataclasses.replace(self._scene, camera=rotate_about_target(self._scene.camera, angle))
            self._rendering = self._renderer.render(scene)
        self._image_publisher.publish(self._messages.image(self._rendering.image, "rgb8", header))
        self._depth_publisher.publish(self._messages.image(self._rendering.depth, "32FC1", header))
        self._info_publisher.publish(make_camera_info(self._rendering, header))


def rotate_about_target(camera: Camera, angle: float) -> Camera:
    """Return a camera rotated by `angle`, radians, about the vertical axis through its target."""
    x, y = (np.subtract(camera.position, camera.target))[:2]
    cos, sin = math.cos(angle), math.sin(angle)
    position = (camera.target[0] + cos * x - sin * y, camera.target[1] + sin * x + cos * y, camera.position[2])
    return dataclasses.replace(camera, position=position)


def make_camera_info(rendering: Rendering, header: Header) -> CameraInfo:
    """Return the camera model of a rendering, without distortion."""
    height, width = rendering.depth.shape
    k = rendering.intrinsics
    return CameraInfo(
        header=header, height=height, width=width, distortion_model="plumb_bob", d=[0.0] * 5, k=k.flatten().tolist(),
        r=np.eye(3).flatten().tolist(), p=np.hstack([k, np.zeros((3, 1))]).flatten().tolist())
