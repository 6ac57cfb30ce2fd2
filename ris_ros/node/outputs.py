"""Outputs of one camera: everything that is published about its answers."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import Image, PointCloud2, RegionOfInterest
from std_msgs.msg import Header, String
from visualization_msgs.msg import MarkerArray

from ris_ros.errors import InputError
from ris_ros.geometry import Object3D, locate
from ris_ros.messages import MessageBuilder, has_interfaces
from ris_ros.node.commands import QUEUE_DEPTH, Goal
from ris_ros.serialization import result_to_dict, to_json
from ris_ros.visualization import draw_result

try:
    from vision_msgs.msg import Detection2DArray, Detection3DArray
except ImportError:
    Detection2DArray = Detection3DArray = None

try:
    from ris_interfaces.msg import Answer
except ImportError:
    Answer = None

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecycleNode
    from rclpy.time import Time

    from ris_ros.node.commands import Command
    from ris_ros.node.inputs import Frame
    from ris_ros.node.target_frame import TargetFrame
    from ris_ros.node.throttled_warnings import ThrottledWarnings
    from ris_ros.types import Depth, Result

MAX_LATENCY_SECONDS = 3600.0
"""A stamp that is older than this comes from another clock, as when a recording is played without its time."""


class CameraOutputs:
    """The publishers of a camera, below `~/` and the camera's name if it has one.

    Only messages that somebody subscribes to are built, except for the results.

    Parameters
    ----------
    node : creates the publishers
    camera : name of the camera; may be empty
    warnings : takes warnings about what cannot be published

    """

    def __init__(self, node: LifecycleNode, camera: str, warnings: ThrottledWarnings):
        self._node = node
        self._camera = camera
        self._warnings = warnings
        self._messages = MessageBuilder()
        types = {"mask": Image, "roi": RegionOfInterest, "overlay": Image, "candidates": Image, "points": PointCloud2,
                 "pose": PoseStamped, "marker": MarkerArray}
        if Detection2DArray is not None:
            types |= {"box": Detection2DArray, "box_3d": Detection3DArray}
        prefix = f"~/{camera}/" if camera else "~/"
        self._publishers = {name: node.create_lifecycle_publisher(message_type, f"{prefix}{name}", 1)
                            for name, message_type in types.items()}
        # Deep queues, unlike those of the images: every command has its own.
        if has_interfaces():
            self._publishers["answer"] = node.create_lifecycle_publisher(Answer, f"{prefix}answer", QUEUE_DEPTH)
        self._result_publisher = node.create_lifecycle_publisher(String, f"{prefix}result", QUEUE_DEPTH)

    def publish(self, result: Result, frame: Frame, command: Command, target: TargetFrame | None, *,
                following: str | None = None) -> dict[str, float]:
        """Publish an answer.

        Parameters
        ----------
        result : result of the command on the frame
        frame, command : what was answered
        target : frame that objects are published in; None for the camera's
        following : "tracking", "lost" or "regained" while the object is tracked; None while it is not

        Returns
        -------
        Seconds by stage: "space" for locating objects in 3-D and, if stamp and time are of one clock, "stamp to
        publish" since the frame was taken.

        """
        header, messages = frame.header, self._messages
        timings: dict[str, float] = {}
        fields: dict[str, Any] = {**result_to_dict(result), "objects": None, "following": following}
        self._publish_subscribed({
            "mask": lambda: messages.mask_image(result.mask, header),
            "roi": lambda: messages.roi(result),
            "box": lambda: messages.detections(result, header),
            "overlay": lambda: messages.image(draw_result(frame.image, result), "rgb8", header),
            "candidates": lambda: messages.candidates_image(result.candidates, result.mask.shape, header)})
        objects: list[Object3D | None] = [None] * len(result.instances)
        objects_header = header
        if frame.depth is not None:
            started = time.perf_counter()
            objects, objects_header = self._locate(result, frame.image, frame.depth, header, target)
            timings["space"] = time.perf_counter() - started
            located = [one for one in objects if one is not None]
            fields |= {"objects": [one.to_dict() for one in located], "objects_frame_id": objects_header.frame_id}
            self._publish_subscribed({
                "points": lambda: messages.point_cloud(located, objects_header),
                "marker": lambda: messages.markers(located, [command.text] * len(located), objects_header),
                "box_3d": lambda: messages.detections_3d(located, command.text, result.confidence, objects_header),
                **({"pose": lambda: messages.pose(located[0], objects_header)} if located else {})})
        # The result comes last: whoever waits for it has everything else by then.
        latency = _latency(self._node.get_clock().now(), header.stamp)

        def answer() -> Any:
            return messages.answer(result, objects, header, objects_header, camera=self._camera,
                                   identifier=command.id_text, latency=latency)

        self._publish_subscribed({"answer": answer})
        self._publish_result(fields, header, command, latency)
        if isinstance(command, Goal):
            command.on_answer(answer(), result)
        return timings if latency is None else timings | {"stamp to publish": latency}

    def report_early(self, result: Result, frame: Frame, goal: Goal) -> None:
        """Tell the client of a goal what an early answer has found; without 3-D, which takes time."""
        header = frame.header
        goal.on_early(self._messages.answer(
            result, [None] * len(result.instances), header, header, camera=self._camera, identifier=goal.id_text,
            latency=_latency(self._node.get_clock().now(), header.stamp)), result)

    def publish_failure(self, reason: str, header: Header, command: Command) -> None:
        """Publish that a command could not be answered."""
        latency = _latency(self._node.get_clock().now(), header.stamp)
        self._publish_subscribed({"answer": lambda: Answer(
            header=header, camera=self._camera, id=command.id_text, text=command.text, reason=reason,
            latency=math.nan if latency is None else latency)})
        self._publish_result({
            "text": command.text, "found": False, "box": None, "score": 0.0, "confidence": 0.0, "calibrated": False,
            "early": False, "candidates": [], "objects": None, "following": None, "timings": {}, "reason": reason,
            "note": ""}, header, command, latency)
        if isinstance(command, Goal):
            command.on_failure(reason)

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in (*self._publishers.values(), self._result_publisher):
            self._node.destroy_lifecycle_publisher(publisher)

    def _publish_subscribed(self, builders: Mapping[str, Callable[[], Any]]) -> None:
        """Build and publish the messages of those topics that have subscribers."""
        for name, build in builders.items():
            publisher = self._publishers.get(name)
            if publisher is not None and publisher.get_subscription_count():
                publisher.publish(build())

    def _locate(self, result: Result, image: np.ndarray, depth: Depth, header: Header, target: TargetFrame | None
                ) -> tuple[list[Object3D | None], Header]:
        """Return each instance of a result in 3-D, None where that is impossible, and the header of their frame."""
        pose, objects_header = None, header
        if target is not None:
            objects_header = target.header(header)
            try:
                pose = target.pose(header)
            except InputError as error:
                self._warnings.warn("target-frame", str(error))
                return [None] * len(result.instances), objects_header
        objects: list[Object3D | None] = []
        for instance in result.instances:
            try:
                located = locate(instance.mask, depth, image, up=None if pose is None else pose[2, :3])
            except InputError as error:
                self._warnings.warn("no-position", f"cannot locate {result.query.text!r} in 3-D: {error}")
                objects.append(None)
            else:
                objects.append(located if pose is None else located.transformed(pose))
        return objects, objects_header

    def _publish_result(self, fields: dict[str, Any], header: Header, command: Command, latency: float | None) -> None:
        """Publish a result with what every result has."""
        stamp = header.stamp
        self._result_publisher.publish(String(data=to_json({
            **fields, "id": command.id, "camera": self._camera, "stamp": {"sec": stamp.sec, "nanosec": stamp.nanosec},
            "frame_id": header.frame_id, "latency": latency})))


def _latency(now: Time, stamp: Any) -> float | None:
    """Return the seconds from a stamp to now; None if they come from different clocks."""
    seconds = float(now.nanoseconds / 1e9 - stamp.sec - stamp.nanosec / 1e9)
    return round(seconds, 6) if 0 <= seconds < MAX_LATENCY_SECONDS else None
