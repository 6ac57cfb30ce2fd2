"""What is published about one camera."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import Image, PointCloud2, RegionOfInterest
from std_msgs.msg import Header, String
from visualization_msgs.msg import MarkerArray

from ris_ros.errors import InputError
from ris_ros.geometry import Object3D, locate
from ris_ros.node import conversions, spatial
from ris_ros.serialization import result_to_dict
from ris_ros.visualization import draw_result

try:
    from vision_msgs.msg import Detection2DArray, Detection3DArray
except ImportError:
    Detection2DArray = Detection3DArray = None

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecycleNode
    from rclpy.time import Time

    from ris_ros.node.commands import Command
    from ris_ros.node.inputs import Frame
    from ris_ros.node.spatial import TargetFrame
    from ris_ros.node.warnings import ThrottledWarnings
    from ris_ros.types import Result

# A stamp that is further from now than this was made by another clock: a recording played without its time.
_BELIEVABLE = 3600.0  # seconds


class CameraOutputs:
    """The publishers of a camera, below `~/` and its name if it has one.

    Pictures, clouds and the like are only made for those who listen.
    """

    def __init__(self, node: LifecycleNode, camera: str, notices: ThrottledWarnings):
        self._node = node
        self._camera = camera
        self._notices = notices
        kinds = {"mask": Image, "roi": RegionOfInterest, "overlay": Image, "candidates": Image, "points": PointCloud2,
                 "pose": PoseStamped, "marker": MarkerArray}
        if Detection2DArray is not None:
            kinds |= {"box": Detection2DArray, "box_3d": Detection3DArray}
        prefix = f"~/{camera}/" if camera else "~/"
        self._publishers = {name: node.create_lifecycle_publisher(kind, f"{prefix}{name}", 1)
                            for name, kind in kinds.items()}
        self._result = node.create_lifecycle_publisher(String, f"{prefix}result", 10)

    def publish(self, result: Result, frame: Frame, command: Command, target: TargetFrame | None, *,
                following: str | None = None) -> dict[str, float]:
        """Publish an answer, its objects in the `target` frame or the camera's; more of its seconds by stage.

        `following` is "tracking", "lost" or "regained" where the target is followed, None where it is not.
        Where the clocks fit, "stamp to publish" is the time since the frame was taken.
        """
        header, image = frame.header, frame.image
        timings: dict[str, float] = {}
        report: dict[str, Any] = {"objects": None, "following": following}
        self._for_listeners({
            "mask": lambda: conversions.to_mask_image(result.mask, header),
            "roi": lambda: conversions.to_roi(result),
            "box": lambda: conversions.to_detections(result, header),
            "overlay": lambda: conversions.to_image(draw_result(image, result), "rgb8", header),
            "candidates": lambda: conversions.to_candidates_image(result.candidates, result.mask.shape, header)})
        if frame.depth is not None:
            started = time.perf_counter()
            things, place = self._located(result, frame, target)
            timings["space"] = time.perf_counter() - started
            report |= {"objects": [thing.to_dict() for thing in things], "objects_frame_id": place.frame_id}
            self._for_listeners({
                "points": lambda: spatial.to_points(things, place),
                "marker": lambda: spatial.to_markers(things, [command.text] * len(things), place),
                "box_3d": lambda: spatial.to_detections_3d(things, command.text, result.confidence, place),
                **({"pose": lambda: spatial.to_pose(things[0], place)} if things else {})})
        # Last, so that whoever waits for the answer has the rest already.
        latency = self._report(result_to_dict(result) | report, header, command)
        return timings if latency is None else timings | {"stamp to publish": latency}

    def publish_failure(self, reason: str, header: Header, command: Command) -> None:
        """Publish that a command could not be answered."""
        self._report({"text": command.text, "found": False, "box": None, "score": 0.0, "confidence": 0.0,
                      "candidates": [], "objects": None, "following": None, "timings": {}, "reason": reason},
                     header, command)

    def close(self) -> None:
        """Take the publishers down."""
        for publisher in (*self._publishers.values(), self._result):
            self._node.destroy_lifecycle_publisher(publisher)

    def _for_listeners(self, makers: dict[str, Any]) -> None:
        for name, make in makers.items():
            publisher = self._publishers.get(name)
            if publisher is not None and publisher.get_subscription_count():
                publisher.publish(make())

    def _located(self, result: Result, frame: Frame, target: TargetFrame | None) -> tuple[list[Object3D], Header]:
        """The found objects in space, those that can be placed, and the header of the frame that they are in."""
        try:
            pose = None if target is None else target.pose(frame.header)
        except InputError as error:
            self._notices.warn("target_frame", str(error))
            return [], target.header(frame.header)
        things = []
        for instance in result.instances:
            try:
                thing = locate(instance.mask, frame.depth, frame.image, up=None if pose is None else pose[2, :3])
            except InputError as error:
                self._notices.warn("space", f"no place in space for {result.query.text!r}: {error}")
            else:
                things.append(thing if pose is None else thing.moved(pose))
        return things, frame.header if target is None else target.header(frame.header)

    def _report(self, report: dict[str, Any], header: Header, command: Command) -> float | None:
        stamp = header.stamp
        latency = _latency(self._node.get_clock().now(), stamp)
        self._result.publish(String(data=json.dumps({
            **report, "id": command.id, "camera": self._camera, "stamp": {"sec": stamp.sec, "nanosec": stamp.nanosec},
            "frame_id": header.frame_id, "latency": latency}, ensure_ascii=False)))
        return latency


def _latency(now: Time, stamp: Any) -> float | None:
    """Seconds from a stamp to now; None where they are not of one clock."""
    seconds = now.nanoseconds / 1e9 - stamp.sec - stamp.nanosec / 1e9
    return round(seconds, 6) if 0 <= seconds < _BELIEVABLE else None
