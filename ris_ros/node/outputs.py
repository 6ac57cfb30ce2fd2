"""What is published about one camera."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sensor_msgs.msg import Image, RegionOfInterest
from std_msgs.msg import Header, String

from ris_ros.drawing import draw_result
from ris_ros.node import conversions
from ris_ros.report import result_to_dict

try:
    from vision_msgs.msg import Detection2DArray
except ImportError:
    Detection2DArray = None

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecycleNode
    from rclpy.time import Time

    from ris_ros.node.commands import Command
    from ris_ros.node.inputs import Frame
    from ris_ros.types import Result

# A stamp that is further from now than this was made by another clock: a recording played without its time.
_BELIEVABLE = 3600.0  # seconds


class CameraOutputs:
    """The publishers of a camera, below `~/` and its name if it has one.

    Pictures and clouds are only made for those who listen.
    """

    def __init__(self, node: LifecycleNode, camera: str):
        self._node = node
        self._camera = camera
        kinds = {"mask": Image, "roi": RegionOfInterest, "overlay": Image, "candidates": Image}
        if Detection2DArray is not None:
            kinds["box"] = Detection2DArray
        prefix = f"~/{camera}/" if camera else "~/"
        self._publishers = {name: node.create_lifecycle_publisher(kind, f"{prefix}{name}", 1)
                            for name, kind in kinds.items()}
        self._result = node.create_lifecycle_publisher(String, f"{prefix}result", 10)

    def publish(self, result: Result, frame: Frame, command: Command) -> float | None:
        """Publish an answer; its latency, as :meth:`publish_report` tells it."""
        header = frame.header
        for name, make in {
                "mask": lambda: conversions.to_mask_image(result.mask, header),
                "roi": lambda: conversions.to_roi(result),
                "box": lambda: conversions.to_detections(result, header),
                "overlay": lambda: conversions.to_image(draw_result(frame.image, result), "rgb8", header),
                "candidates": lambda: conversions.to_candidates_image(result.candidates, result.mask.shape, header),
        }.items():
            publisher = self._publishers.get(name)
            if publisher is not None and publisher.get_subscription_count():
                publisher.publish(make())
        # Last, so that whoever waits for the answer has the rest already.
        return self.publish_report(result_to_dict(result), header, command)

    def publish_failure(self, reason: str, header: Header, command: Command) -> None:
        """Publish that a command could not be answered."""
        self.publish_report({"text": command.text, "found": False, "box": None, "score": 0.0, "confidence": 0.0,
                             "candidates": [], "timings": {}, "reason": reason}, header, command)

    def publish_report(self, report: dict[str, Any], header: Header, command: Command) -> float | None:
        """Publish on `~/result`; the seconds since the frame was taken, None where the clocks do not fit."""
        stamp = header.stamp
        latency = _latency(self._node.get_clock().now(), stamp)
        self._result.publish(String(data=json.dumps({
            **report, "id": command.id, "camera": self._camera, "stamp": {"sec": stamp.sec, "nanosec": stamp.nanosec},
            "frame_id": header.frame_id, "latency": latency}, ensure_ascii=False)))
        return latency

    def close(self) -> None:
        """Take the publishers down."""
        for publisher in (*self._publishers.values(), self._result):
            self._node.destroy_lifecycle_publisher(publisher)


def _latency(now: Time, stamp: Any) -> float | None:
    seconds = now.nanoseconds / 1e9 - stamp.sec - stamp.nanosec / 1e9
    return round(seconds, 6) if 0 <= seconds < _BELIEVABLE else None
