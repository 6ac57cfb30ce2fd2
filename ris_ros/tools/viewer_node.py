"""The ROS node behind `ris view`: draws the topics of a camera and of the node `ris` into a Viewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import String

from ris_ros.errors import InputError
from ris_ros.geometry import POINT_DTYPE
from ris_ros.messages import camera_model, check_image_size, decode_image, is_mosaic
from ris_ros.node.spinning import spin, until_interrupted
from ris_ros.utils.files import parse_json

if TYPE_CHECKING:
    from std_msgs.msg import Header

    from ris_ros.tools.viewer import Viewer

LOG_INTERVAL_SECONDS = 5.0
"""Shortest time between two warnings about messages that cannot be drawn."""


class ViewerNode(Node):
    """Subscribes to topics and draws their messages; logs and skips those that cannot be drawn.

    Parameters
    ----------
    viewer : is drawn into
    image, camera_info : topics of the camera; `image` may end in /compressed
    outputs : prefix of the node's topics, such as /ris or /ris/front
    kwargs : are passed to :class:`Node`

    """

    def __init__(self, viewer: Viewer, image: str, camera_info: str, outputs: str, **kwargs: Any) -> None:
        super().__init__("ris_view", **kwargs)
        self._viewer = viewer
        image_type = CompressedImage if image.endswith("/compressed") else Image
        for message_type, topic, draw in (
                (image_type, image, self._draw_image),
                (CameraInfo, camera_info, self._draw_camera),
                (Image, f"{outputs}/mask", self._draw_mask),
                (PointCloud2, f"{outputs}/points", self._draw_points),
                (String, f"{outputs}/result", self._draw_result)):
            self.create_subscription(message_type, topic, self._guarded(topic, draw), qos_profile_sensor_data)
        self.get_logger().info(f"showing {self.resolve_topic_name(image)} and {self.resolve_topic_name(outputs)}/...")

    def _guarded(self, topic: str, draw: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return a callback that draws a message, and logs a warning if it cannot be drawn."""
        def callback(message: Any) -> None:
            try:
                draw(message)
            except (InputError, KeyError, TypeError, ValueError) as error:
                self.get_logger().warning(f"{topic}: not shown: {error}", throttle_duration_sec=LOG_INTERVAL_SECONDS)
        return callback

    def _draw_image(self, message: Image | CompressedImage) -> None:
        check_image_size(message)  # The browser would try to decode an image of any size.
        if isinstance(message, CompressedImage) and not is_mosaic(message):
            media_type = "image/png" if "png" in message.format.lower() else "image/jpeg"
            self._viewer.encoded_image(_stamp(message.header), bytes(message.data), media_type)
        else:
            self._viewer.image(_stamp(message.header), decode_image(message))

    def _draw_camera(self, message: CameraInfo) -> None:
        self._viewer.camera(_stamp(message.header), message.header.frame_id, camera_model(message), message.width,
                            message.height)

    def _draw_mask(self, message: Image) -> None:
        rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
        self._viewer.mask(_stamp(message.header), rows[:, :message.width] > 0)

    def _draw_points(self, message: PointCloud2) -> None:
        points = np.frombuffer(message.data, POINT_DTYPE)
        self._viewer.points(_stamp(message.header), message.header.frame_id, points["xyz"], points["bgr"][:, ::-1])

    def _draw_result(self, message: String) -> None:
        self._viewer.result(parse_json(message.data))


def watch(viewer: Viewer, image: str, camera_info: str, outputs: str) -> None:
    """Draw into a viewer until the process is interrupted; arguments as of :class:`ViewerNode`."""
    rclpy.init()
    executor = SingleThreadedExecutor()
    node = ViewerNode(viewer, image, camera_info, outputs)
    try:
        with until_interrupted():
            spin(node, executor)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
        viewer.close()


def _stamp(header: Header) -> int:
    """Return a stamp in nanoseconds."""
    return int(header.stamp.sec * 1_000_000_000 + header.stamp.nanosec)
