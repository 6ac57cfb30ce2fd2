"""Objects in space to ROS messages, and the transform into another frame.

`header` is that of the source, or one with its stamp and the frame that the objects were moved to. Point clouds are
laid out by numpy: that is a few lines, and the same on robots with and without sensor_msgs_py.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from geometry_msgs.msg import Point, Pose, PoseStamped, Quaternion, Vector3
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from ris_ros.errors import InputError, MissingError
from ris_ros.geometry import POINT
from ris_ros.visualization import GRASP_COLOUR, TARGET_COLOUR

if TYPE_CHECKING:
    from rclpy.node import Node

    from ris_ros.geometry import Object3D, OrientedBox

_FIELDS = [PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
           for i, name in enumerate(("x", "y", "z", "rgb"))]


class TargetFrame:
    """Where a camera is in another frame whose z axis is up, such as the robot's base, by tf2.

    Raises
    ------
    MissingError
        When tf2_ros is not installed.

    """

    def __init__(self, node: Node, name: str):
        try:
            from tf2_ros import Buffer, TransformListener
        except ImportError as error:
            raise MissingError("target_frame needs tf2_ros: apt install ros-$ROS_DISTRO-tf2-ros-py") from error
        self.name = name
        self._buffer = Buffer()
        self._listener = TransformListener(self._buffer, node)

    def pose(self, header: Header, timeout: float = 0.1) -> np.ndarray:
        """The camera's pose, float64 [4, 4], when a frame was taken: from the frame of `header` to this one.

        Its third row is this frame's up in the camera's frame, ``pose[2, :3]``, as :func:`geometry.locate` takes it.
        May block for `timeout` seconds: not for the executor's thread.

        Raises
        ------
        InputError
            When tf does not know.

        """
        from rclpy.duration import Duration
        from rclpy.time import Time
        from tf2_ros import TransformException

        try:
            found = self._buffer.lookup_transform(self.name, header.frame_id, Time.from_msg(header.stamp),
                                                  Duration(seconds=timeout))
        except TransformException as error:
            raise InputError(f"no transform from {header.frame_id!r} to target_frame {self.name!r}: {error}") from error
        return to_matrix(found.transform.translation, found.transform.rotation)

    def header(self, source: Header) -> Header:
        """The header of what was moved to this frame."""
        return Header(stamp=source.stamp, frame_id=self.name)


def to_points(objects: Sequence[Object3D], header: Header) -> PointCloud2:
    """The visible points of all objects with their colours, fields x, y, z, rgb; an empty cloud for none."""
    points = np.concatenate([np.zeros(0, POINT), *(thing.points.packed() for thing in objects)])
    message = PointCloud2(header=header, height=1, width=len(points), fields=_FIELDS, point_step=POINT.itemsize,
                          row_step=points.nbytes, is_bigendian=sys.byteorder == "big", is_dense=True)
    message.data = array("B", points.tobytes())
    return message


def to_pose(thing: Object3D, header: Header) -> PoseStamped:
    """The middle of the object's box; x along its longer horizontal side, y along the shorter, z up."""
    return PoseStamped(header=header, pose=_pose(thing.box))


def to_markers(objects: Sequence[Object3D], texts: Sequence[str], header: Header) -> MarkerArray:
    """For each object its box, its grasp (fingers' line and approach) and its text; what was shown before goes."""
    markers = [Marker(header=header, action=Marker.DELETEALL)]
    for thing, text in zip(objects, texts, strict=True):
        box, grasp = thing.box, thing.grasp
        height = box.size[2]
        top = box.centre + thing.up * height / 2
        solid = _marker(header, "box", Marker.CUBE, box.size, TARGET_COLOUR, 0.3)
        solid.pose = _pose(box)
        half = grasp.closing * grasp.opening / 2
        level = grasp.centre + thing.up * height / 2
        fingers = _marker(header, "grasp", Marker.LINE_LIST, (0.004, 0.0, 0.0), GRASP_COLOUR, 1.0)
        fingers.points = [_point(end) for end in (
            level - half, level + half, level - half, level - half + grasp.approach * height / 2,
            level + half, level + half + grasp.approach * height / 2)]
        approach = _marker(header, "approach", Marker.ARROW, (0.006, 0.014, 0.02), GRASP_COLOUR, 1.0)
        approach.points = [_point(level - 0.10 * grasp.approach), _point(level)]
        label = _marker(header, "text", Marker.TEXT_VIEW_FACING, (0.0, 0.0, 0.03), (255, 255, 255), 1.0)
        label.pose.position, label.text = _point(top + 0.14 * thing.up), text
        for marker in (solid, fingers, approach, label):
            marker.id = len(markers)
            markers.append(marker)
    return MarkerArray(markers=markers)


def to_detections_3d(objects: Sequence[Object3D], text: str, score: float, header: Header) -> Any:
    """A vision_msgs/Detection3DArray: the box of each object, whose class is the command's text."""
    from vision_msgs.msg import Detection3D, Detection3DArray, ObjectHypothesisWithPose

    detections = []
    for thing in objects:
        detection = Detection3D(header=header)
        detection.bbox.center = _pose(thing.box)
        detection.bbox.size = _vector(thing.box.size)
        hypothesis = ObjectHypothesisWithPose()
        hypothesis.hypothesis.class_id, hypothesis.hypothesis.score = text, float(score)
        hypothesis.pose.pose = detection.bbox.center
        detection.results = [hypothesis]
        detections.append(detection)
    return Detection3DArray(header=header, detections=detections)


def to_matrix(translation: Any, rotation: Any) -> np.ndarray:
    """Float64 [4, 4] of a translation with x, y, z and a quaternion with x, y, z, w."""
    x, y, z, w = np.array([rotation.x, rotation.y, rotation.z, rotation.w]) / np.linalg.norm(
        [rotation.x, rotation.y, rotation.z, rotation.w])
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w), translation.x],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w), translation.y],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y), translation.z],
        [0, 0, 0, 1]])


def _pose(box: OrientedBox) -> Pose:
    x, y, z, w = box.quaternion.tolist()
    return Pose(position=_point(box.centre), orientation=Quaternion(x=x, y=y, z=z, w=w))


def _marker(header: Header, namespace: str, kind: int, scale: Sequence[float], rgb: tuple[int, int, int],
            alpha: float) -> Marker:
    red, green, blue = (channel / 255 for channel in rgb)
    marker = Marker(header=header, ns=namespace, type=kind, action=Marker.ADD, scale=_vector(scale),
                    color=ColorRGBA(r=red, g=green, b=blue, a=alpha))
    marker.pose.orientation.w = 1.0
    return marker


def _point(position: Sequence[float]) -> Point:
    x, y, z = map(float, position)
    return Point(x=x, y=y, z=z)


def _vector(values: Sequence[float]) -> Vector3:
    x, y, z = map(float, values)
    return Vector3(x=x, y=y, z=z)
