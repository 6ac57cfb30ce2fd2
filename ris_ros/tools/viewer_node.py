"""The topics of a camera and of the node `ris` to a Viewer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import String

from ris_ros.errors import InputError
from ris_ros.geometry import POINT, camera_model
from ris_ros.node import conversions
from ris_ros.node.spinning import spin, until_interrupted

if TYPE_CHECKING:
    from ris_ros.tools.viewer import Viewer

# Seconds between repeated warnings about messages that cannot be shown.
THROTTLE = 5.0


class ViewNode(Node):
    """Subscribes and draws; what cannot be drawn is said and left out.

    Parameters
    ----------
    viewer : is drawn into
    image, camera_info : topics of the camera; `image` may end in /compressed
    outputs : what the node's topics begin with, such as /ris or /ris/front
    kwargs : handed to :class:`Node`

    """

    def __init__(self, viewer: Viewer, image: str, camera_info: str, outputs: str, **kwargs: Any) -> None:
        super().__init__("ris_view", **kwargs)
        self._viewer = viewer
        compressed = image.endswith("/compressed")
        for message_type, topic, draw in (
                (CompressedImage if compressed else Image, image, self._draw_image),
                (CameraInfo, camera_info, self._draw_camera),
                (Image, f"{outputs}/mask", self._draw_mask),
                (PointCloud2, f"{outputs}/points", self._draw_points),
                (String, f"{outputs}/result", self._draw_result)):
            self.create_subscription(message_type, topic, self._guarded(topic, draw), qos_profile_sensor_data)
        self.get_logger().info(f"showing {self.resolve_topic_name(image)} and {self.resolve_topic_name(outputs)}/...")

    def _guarded(self, topic: str, draw: Any) -> Any:
        def guarded(message: Any) -> None:
            try:
                draw(message)
            except (InputError, KeyError, TypeError, ValueError) as error:
                self.get_logger().warning(f"{topic}: not shown: {error}", throttle_duration_sec=THROTTLE)
        return guarded

    def _draw_image(self, message: Image | CompressedImage) -> None:
        if isinstance(message, CompressedImage):
            kind = "image/png" if "png" in message.format.lower() else "image/jpeg"
            self._viewer.encoded_image(_stamp(message.header), bytes(message.data), kind)
        else:
            self._viewer.image(_stamp(message.header), conversions.to_rgb(message))

    def _draw_camera(self, message: CameraInfo) -> None:
        self._viewer.camera(_stamp(message.header), message.header.frame_id, camera_model(message), message.width,
                            message.height)

    def _draw_mask(self, message: Image) -> None:
        rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
        self._viewer.mask(_stamp(message.header), rows[:, :message.width] > 0)

    def _draw_points(self, message: PointCloud2) -> None:
        points = np.frombuffer(message.data, POINT)
        self._viewer.points(_stamp(message.header), message.header.frame_id, points["xyz"], points["bgr"][:, ::-1])

    def _draw_result(self, message: String) -> None:
        self._viewer.result(json.loads(message.data))


def watch(viewer: Viewer, image: str, camera_info: str, outputs: str) -> None:
    """Draw until interrupted."""
    rclpy.init()
    executor = SingleThreadedExecutor()
    node = ViewNode(viewer, image, camera_info, outputs)
    try:
        with until_interrupted():
            spin(node, executor)
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
        viewer.close()


def _stamp(header: Any) -> int:
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec
