"""Messages on topics, as the viewer gets them."""

from __future__ import annotations

import json
import threading
import time
from array import array

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("rerun")

import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from std_msgs.msg import Header, String

from ris_ros.geometry import POINT_DTYPE
from ris_ros.messages import MessageBuilder
from ris_ros.tools.viewer_node import ViewerNode

SECOND = 1_000_000_000


class RecordingViewer:
    """A viewer that only records the calls of its methods."""

    def __init__(self):
        self.calls = {}

    def __getattr__(self, name):
        return lambda *values: self.calls.setdefault(name, []).append(values)


@pytest.fixture
def robot():
    """A viewer node and one that publishes to it."""
    context = rclpy.Context()
    rclpy.init(context=context)
    drawn = RecordingViewer()
    view = ViewerNode(drawn, "/cam/image/compressed", "/cam/camera_info", "/ris/front", context=context)
    sender = rclpy.create_node("sender", context=context)
    executor = SingleThreadedExecutor(context=context)
    for node in (view, sender):
        executor.add_node(node)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    yield drawn, sender
    executor.shutdown()
    thread.join(10)
    for node in (view, sender):
        node.destroy_node()
    rclpy.try_shutdown(context=context)


def header():
    message = Header(frame_id="optical")
    message.stamp.sec = 7
    return message


def sent(robot, topic, message, name, seconds=30):
    """Publish a message until the viewer's method `name` is called, and return its arguments."""
    drawn, sender = robot
    publisher = sender.create_publisher(type(message), topic, 1)
    end = time.monotonic() + seconds
    while not drawn.calls.get(name):
        assert time.monotonic() < end, f"{name} was not drawn"
        publisher.publish(message)
        time.sleep(0.1)
    return drawn.calls[name][0]


def test_every_topic_is_drawn_at_its_stamp(robot):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    mask = pixels[..., 0] > 100
    jpeg = cv2.imencode(".jpg", pixels)[1].tobytes()
    image = CompressedImage(header=header(), format="rgb8; jpeg compressed bgr8", data=array("B", jpeg))
    assert sent(robot, "/cam/image/compressed", image, "encoded_image") == (7 * SECOND, jpeg, "image/jpeg")

    stamp, shown = sent(robot, "/ris/front/mask", MessageBuilder().mask_image(mask, header()), "mask")
    assert stamp == 7 * SECOND
    np.testing.assert_array_equal(shown, mask)

    info = CameraInfo(header=header(), width=8, height=6, k=[5.0, 0, 4, 0, 5, 3, 0, 0, 1])
    _, frame, model, width, height = sent(robot, "/cam/camera_info", info, "camera")
    assert (frame, model.intrinsics[0, 0], width, height) == ("optical", 5.0, 8, 6)

    points = np.zeros(2, POINT_DTYPE)
    points["xyz"], points["bgr"] = [[1, 2, 3], [4, 5, 6]], [[3, 2, 1], [6, 5, 4]]
    cloud = PointCloud2(header=header(), height=1, width=2, point_step=16, row_step=32)
    cloud.data = array("B", points.tobytes())
    _, frame, xyz, colours = sent(robot, "/ris/front/points", cloud, "points")
    assert xyz.tolist() == [[1, 2, 3], [4, 5, 6]] and colours.tolist() == [[1, 2, 3], [4, 5, 6]]

    report = {"text": "the cup", "found": False}
    assert sent(robot, "/ris/front/result", String(data=json.dumps(report)), "result") == (report,)


def test_a_message_that_cannot_be_drawn_is_skipped(robot):
    drawn, sender = robot
    publisher = sender.create_publisher(Image, "/ris/front/mask", 1)
    results = sender.create_publisher(String, "/ris/front/result", 1)
    for _ in range(5):
        publisher.publish(Image(header=header(), width=8, height=6, step=8, data=array("B", b"short")))
        results.publish(String(data="no json"))
        time.sleep(0.1)
    assert sent(robot, "/ris/front/result", String(data="{}"), "result") == ({},)
    assert "mask" not in drawn.calls
