"""Building of ROS messages from images and results."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ris_ros.geometry import POINT_DTYPE
from ris_ros.messages.factories import MessageFactory, RosMessageFactory
from ris_ros.utils.masks import box_to_list, mask_box
from ris_ros.visualization import GRASP_COLOUR, TARGET_COLOUR

if TYPE_CHECKING:
    from ris_ros.geometry import Object3D, OrientedBox
    from ris_ros.types import Candidate, Result

TEXT_COLOUR = (255, 255, 255)
"""Colour of text markers, RGB."""

XYZRGB = ("x", "y", "z", "rgb")
"""Fields of a point of type POINT_DTYPE, each of the size of a float."""

APPROACH_METRES = 0.10
"""Length of the arrow that shows the direction in which a gripper approaches a grasp."""

TEXT_HEIGHT_METRES = 0.14
"""Height of a text marker above the top of its object."""


class MessageBuilder:
    """Builds the messages that results are published and recorded as.

    Every `header` is a std_msgs/Header of the same factory: that of the source image or, for objects that were
    transformed, one with its stamp and their frame.

    Parameters
    ----------
    factory : creates the messages; None for those of the installed ROS packages

    """

    def __init__(self, factory: MessageFactory | None = None) -> None:
        self._factory = factory or RosMessageFactory()

    def header(self, stamp: tuple[int, int], frame_id: str) -> Any:
        """Return a std_msgs/Header with a stamp of (seconds, nanoseconds)."""
        header = self._create("std_msgs/msg/Header", frame_id=frame_id)
        header.stamp.sec, header.stamp.nanosec = stamp
        return header

    def string(self, text: str) -> Any:
        """Return a std_msgs/String."""
        return self._create("std_msgs/msg/String", data=text)

    def image(self, pixels: np.ndarray, encoding: str, header: Any) -> Any:
        """Return a sensor_msgs/Image of pixels [H, W] or [H, W, C], whose type and channels are those of `encoding`."""
        return self._create(
            "sensor_msgs/msg/Image", header=header, height=pixels.shape[0], width=pixels.shape[1], encoding=encoding,
            is_bigendian=int(sys.byteorder == "big"), step=pixels[0].nbytes, data=_to_bytes(pixels))

    def mask_image(self, mask: np.ndarray, header: Any) -> Any:
        """Return a mono8 sensor_msgs/Image of a mask, bool [H, W]: 255 inside, 0 outside."""
        return self.image(mask.astype(np.uint8) * 255, "mono8", header)

    def candidates_image(self, candidates: Sequence[Candidate], shape: tuple[int, int], header: Any) -> Any:
        """Return a mono16 sensor_msgs/Image of `shape` (height, width) with the rank of the candidate at each pixel.

        The ranks count from 1, the best; 0 is none. Where candidates overlap, the better one is shown.
        """
        ranks = np.zeros(shape, np.uint16)
        for rank in range(len(candidates), 0, -1):
            ranks[candidates[rank - 1].mask] = rank
        return self.image(ranks, "mono16", header)

    def roi(self, result: Result) -> Any:
        """Return the box of a result as a sensor_msgs/RegionOfInterest; zeros if the target was not found."""
        return self._roi(*box_to_list(result.box))

    def detections(self, result: Result, header: Any) -> Any:
        """Return the box of each instance of a result as a vision_msgs/Detection2DArray; empty if nothing was found.

        The class of a detection is the text of the query.
        """
        detections = []
        for instance in result.instances:
            x1, y1, x2, y2 = (float(edge) for edge in instance.box)
            detection = self._create("vision_msgs/msg/Detection2D", header=header)
            detection.bbox.center.position.x = (x1 + x2) / 2
            detection.bbox.center.position.y = (y1 + y2) / 2
            detection.bbox.size_x = x2 - x1
            detection.bbox.size_y = y2 - y1
            detection.results = [self._hypothesis(result.query.text, result.confidence)]
            detections.append(detection)
        return self._create("vision_msgs/msg/Detection2DArray", header=header, detections=detections)

    def detections_3d(self, objects: Sequence[Object3D], text: str, score: float, header: Any) -> Any:
        """Return the boxes of objects as a vision_msgs/Detection3DArray; their class is `text`."""
        detections = []
        for obj in objects:
            detection = self._create("vision_msgs/msg/Detection3D", header=header)
            detection.bbox.center = self._pose(obj.box)
            detection.bbox.size = self._vector(obj.box.size)
            hypothesis = self._hypothesis(text, score)
            hypothesis.pose.pose = detection.bbox.center
            detection.results = [hypothesis]
            detections.append(detection)
        return self._create("vision_msgs/msg/Detection3DArray", header=header, detections=detections)

    def point_cloud(self, objects: Sequence[Object3D], header: Any) -> Any:
        """Return the visible points of all objects as a sensor_msgs/PointCloud2 with fields x, y, z and rgb."""
        points = np.concatenate([np.zeros(0, POINT_DTYPE), *(obj.points.packed() for obj in objects)])
        if self._create_cloud is not None and len(points):  # It cannot create an empty cloud.
            cloud = self._create_cloud(header, self._point_fields, points.view([(name, np.float32) for name in XYZRGB]))
            cloud.is_dense = True
            return cloud
        return self._create(
            "sensor_msgs/msg/PointCloud2", header=header, height=1, width=len(points), fields=self._point_fields,
            is_bigendian=sys.byteorder == "big", point_step=POINT_DTYPE.itemsize, row_step=points.nbytes,
            data=_to_bytes(points), is_dense=True)

    def pose(self, obj: Object3D, header: Any) -> Any:
        """Return the pose of an object's box as a geometry_msgs/PoseStamped.

        Its origin is the centre of the box; x is the longer horizontal side, y the shorter one, z is up.
        """
        return self._create("geometry_msgs/msg/PoseStamped", header=header, pose=self._pose(obj.box))

    def answer(self, result: Result, objects: Sequence[Object3D | None], header: Any, objects_header: Any, *,
               camera: str, identifier: str, latency: float | None) -> Any:
        """Return a result as a ris_interfaces/Answer.

        Parameters
        ----------
        result : the result
        objects : for each of its instances the object in 3-D; None for those that could not be located
        header : of the image
        objects_header : with the frame of the objects
        camera : name of the camera
        identifier : of the command
        latency : seconds from the image's stamp to publication; None if stamp and clock do not match

        """
        targets = [self._target(instance, obj, header, objects_header)
                   for instance, obj in zip(result.instances, objects, strict=True)]
        return self._create(
            "ris_interfaces/msg/Answer", header=header, camera=camera, id=identifier, text=result.query.text,
            found=result.found, targets=targets, confidence=float(result.confidence), calibrated=result.calibrated,
            early=result.early, reason=result.reason, note=result.note,
            latency=float("nan") if latency is None else latency)

    def markers(self, objects: Sequence[Object3D], texts: Sequence[str], header: Any) -> Any:
        """Return a visualization_msgs/MarkerArray that replaces all markers shown before.

        For each object: its box, its grasp as the opened fingers and the approach, and its text.
        """
        kinds = self._factory.message_type("visualization_msgs/msg/Marker")
        markers = [self._create("visualization_msgs/msg/Marker", header=header, action=kinds.DELETEALL)]
        for obj, text in zip(objects, texts, strict=True):
            box, grasp = obj.box, obj.grasp
            height = box.size[2]
            top = box.centre + obj.up * height / 2
            solid = self._marker(header, "box", kinds.CUBE, box.size, TARGET_COLOUR, 0.3)
            solid.pose = self._pose(box)
            half = grasp.closing * grasp.opening / 2
            tip = grasp.centre + obj.up * height / 2
            fingers = self._marker(header, "grasp", kinds.LINE_LIST, (0.004, 0.0, 0.0), GRASP_COLOUR, 1.0)
            fingers.points = [self._point(end) for end in (
                tip - half, tip + half, tip - half, tip - half + grasp.approach * height / 2,
                tip + half, tip + half + grasp.approach * height / 2)]
            approach = self._marker(header, "approach", kinds.ARROW, (0.006, 0.014, 0.02), GRASP_COLOUR, 1.0)
            approach.points = [self._point(tip - APPROACH_METRES * grasp.approach), self._point(tip)]
            label = self._marker(header, "text", kinds.TEXT_VIEW_FACING, (0.0, 0.0, 0.03), TEXT_COLOUR, 1.0)
            label.pose.position, label.text = self._point(top + TEXT_HEIGHT_METRES * obj.up), text
            for marker in (solid, fingers, approach, label):
                marker.id = len(markers)
                markers.append(marker)
        return self._create("visualization_msgs/msg/MarkerArray", markers=markers)

    def _create(self, name: str, /, **fields: Any) -> Any:
        return self._factory.create(name, **fields)

    @cached_property
    def _point_fields(self) -> list[Any]:
        """The fields XYZRGB."""
        float32 = self._factory.message_type("sensor_msgs/msg/PointField").FLOAT32
        return [self._create("sensor_msgs/msg/PointField", name=name, offset=4 * i, datatype=float32, count=1)
                for i, name in enumerate(XYZRGB)]

    @cached_property
    def _create_cloud(self) -> Callable[..., Any] | None:
        """The function of sensor_msgs_py that creates ROS's own PointCloud2; None where there is none."""
        if not isinstance(self._factory, RosMessageFactory):
            return None
        try:
            from sensor_msgs_py.point_cloud2 import create_cloud
        except ImportError:
            return None
        return create_cloud  # type: ignore[no-any-return]

    def _target(self, instance: Candidate, obj: Object3D | None, header: Any, objects_header: Any) -> Any:
        x1, y1, x2, y2 = mask_box(instance.mask).tolist()
        target = self._create(
            "ris_interfaces/msg/Target", roi=self._roi(x1, y1, x2, y2), score=float(instance.score),
            mask=self.mask_image(instance.mask[y1:y2, x1:x2], header), has_pose=obj is not None)
        if obj is not None:
            grasp = obj.grasp
            target.pose, target.size = self.pose(obj, objects_header), self._vector(obj.box.size)
            target.grasp = self._create(
                "ris_interfaces/msg/Grasp", centre=self._point(grasp.centre), approach=self._vector(grasp.approach),
                closing=self._vector(grasp.closing), yaw=grasp.yaw, width=grasp.opening)
        return target

    def _roi(self, x1: int, y1: int, x2: int, y2: int) -> Any:
        return self._create("sensor_msgs/msg/RegionOfInterest", x_offset=x1, y_offset=y1, width=x2 - x1,
                            height=y2 - y1)

    def _hypothesis(self, text: str, score: float) -> Any:
        hypothesis = self._create("vision_msgs/msg/ObjectHypothesisWithPose")
        hypothesis.hypothesis.class_id, hypothesis.hypothesis.score = text, float(score)
        return hypothesis

    def _marker(self, header: Any, namespace: str, kind: int, scale: Sequence[float] | np.ndarray,
                rgb: tuple[int, int, int], alpha: float) -> Any:
        red, green, blue = (channel / 255 for channel in rgb)
        color = self._create("std_msgs/msg/ColorRGBA", r=red, g=green, b=blue, a=alpha)
        return self._create("visualization_msgs/msg/Marker", header=header, ns=namespace, type=kind,
                            scale=self._vector(scale), color=color)

    def _pose(self, box: OrientedBox) -> Any:
        x, y, z, w = box.quaternion.tolist()
        orientation = self._create("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w)
        return self._create("geometry_msgs/msg/Pose", position=self._point(box.centre), orientation=orientation)

    def _point(self, position: Sequence[float] | np.ndarray) -> Any:
        x, y, z = map(float, position)
        return self._create("geometry_msgs/msg/Point", x=x, y=y, z=z)

    def _vector(self, values: Sequence[float] | np.ndarray) -> Any:
        x, y, z = map(float, values)
        return self._create("geometry_msgs/msg/Vector3", x=x, y=y, z=z)


def _to_bytes(values: np.ndarray) -> np.ndarray:
    """Return an array's bytes in C order, uint8 [N]; a view where possible."""
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8)
