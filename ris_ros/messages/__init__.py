"""Conversion between ROS messages and arrays or results, with or without rclpy.

Decoders read any object with the fields of the message: those of the installed ROS packages and those that the rosbags
library creates. A :class:`MessageBuilder` creates either kind, by its factory. Nothing of ROS is imported before it is
used.
"""

from ris_ros.messages.building import MessageBuilder
from ris_ros.messages.decoding import (
    camera_model,
    check_image_size,
    decode_camera_info,
    decode_depth,
    decode_image,
    image_converter,
    is_mosaic,
    transform_to_matrix,
)
from ris_ros.messages.factories import MessageFactory, RosMessageFactory, TypestoreMessageFactory
from ris_ros.messages.interfaces import check_interfaces, has_interfaces

__all__ = [
    "MessageBuilder", "MessageFactory", "RosMessageFactory", "TypestoreMessageFactory", "camera_model",
    "check_image_size", "check_interfaces", "decode_camera_info", "decode_depth", "decode_image", "has_interfaces",
    "image_converter", "is_mosaic", "transform_to_matrix"]
