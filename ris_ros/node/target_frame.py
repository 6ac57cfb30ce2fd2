"""The frame that located objects are published in, by tf2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from std_msgs.msg import Header

from ris_ros.errors import InputError, MissingError
from ris_ros.messages import transform_to_matrix

if TYPE_CHECKING:
    from rclpy.node import Node

LOOKUP_TIMEOUT_SECONDS = 0.1
"""How long a transform may arrive after the image that it is needed for."""


class TargetFrame:
    """A frame whose z axis points up, such as the robot's base, and the pose of cameras in it.

    Parameters
    ----------
    node : subscribes to the transforms
    name : of the frame

    Raises
    ------
    MissingError
        If tf2_ros is not installed.

    """

    def __init__(self, node: Node, name: str) -> None:
        try:
            from tf2_ros import Buffer, TransformListener
        except ImportError as error:
            raise MissingError("target_frame needs tf2_ros: apt install ros-$ROS_DISTRO-tf2-ros-py") from error
        self.name = name
        self._buffer = Buffer()
        self._listener = TransformListener(self._buffer, node)

    def pose(self, header: Header, timeout: float = LOOKUP_TIMEOUT_SECONDS) -> np.ndarray:
        """Return the pose of the frame of `header` in this frame at its stamp, float64 [4, 4].

        ``pose[2, :3]`` is this frame's up direction in the frame of `header`, as :func:`ris_ros.geometry.locate` takes
        it. Blocks for up to `timeout` seconds: not for the executor's thread.

        Raises
        ------
        InputError
            If tf has no such transform.

        """
        from rclpy.duration import Duration
        from rclpy.time import Time
        from tf2_ros import TransformException

        try:
            stamped = self._buffer.lookup_transform(self.name, header.frame_id, Time.from_msg(header.stamp),
                                                    Duration(seconds=timeout))
        except (TransformException, ValueError) as error:  # A ValueError for a negative stamp.
            raise InputError(f"no transform from {header.frame_id!r} to target_frame {self.name!r}: {error}") from error
        return transform_to_matrix(stamped.transform.translation, stamped.transform.rotation)

    def header(self, source: Header) -> Header:
        """Return the header of what was transformed from the frame of `source` to this frame."""
        return Header(stamp=source.stamp, frame_id=self.name)
