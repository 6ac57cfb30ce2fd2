"""Where the camera model is read, and which topics are suggested."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

pytest.importorskip("rclpy")

from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2

from ris_ros.node.topics import is_remapped, suggest_image_topics


@pytest.fixture
def publish(robot, node, wait_for):
    """A function that makes publishers, for the time of a test."""
    made = []

    def publish(topics):
        for topic, message_type in topics.items():
            made.append(robot.node.create_publisher(message_type, topic, 1))
        wait_for(lambda: all(map(node.node.count_publishers, topics)), what="discovery")

    yield publish
    for publisher in made:
        robot.node.destroy_publisher(publisher)
    wait_for(lambda: not any(node.node.count_publishers(publisher.topic) for publisher in made), what="their end")


@pytest.fixture(scope="module")
def _robot(node, make_robot):
    """A robot whose own camera is not suggested."""
    return make_robot(image_topic="/nobody/mask")


@pytest.fixture
def robot(_robot):
    return _robot


OTHERS = {"/camera/depth/image_rect_raw": Image, "/camera/aligned_depth_to_color/image_raw": Image,
          "/other/mask": Image, "/other/front/overlay": Image, "/other/candidates": Image, "/infra1/image": Image,
          "/camera/depth/image/compressedDepth": CompressedImage, "/camera/depth/image/compressed": CompressedImage,
          "/camera/points": PointCloud2}


@pytest.mark.parametrize(("topics", "transport", "expected"), [
    ({}, "raw", "no camera publishes images"), ({}, "compressed", "no camera publishes images"),
    ({"/cam/rgb/image_raw": Image, "/depth_cam/rgb/image": Image}, "raw",
     "remap it to one of the image topics: /cam/rgb/image_raw, /depth_cam/rgb/image"),
    ({"/cam/image": Image, "/cam/image/compressed": CompressedImage}, "raw",
     "remap it to one of the image topics: /cam/image"),
    ({"/cam/image": Image, "/cam/image/compressed": CompressedImage}, "compressed", "remap it: image:=/cam/image"),
    ({"/cam/image/compressed": CompressedImage, "/web/jpeg": CompressedImage}, "raw",
     "only compressed images are published: use image_transport:=compressed with image:=/cam/image or "
     "image/compressed:=/web/jpeg"),
    ({"/image/compressed": CompressedImage}, "raw",
     "only compressed images are published: use image_transport:=compressed"),
    ({"/cam/image": Image}, "compressed",
     "only raw images are published: use image_transport:=raw with image:=/cam/image"),
    ({"/image": Image}, "compressed", "only raw images are published: use image_transport:=raw"),
])
@pytest.mark.parametrize("others", [{}, OTHERS], ids=["alone", "among others"])
def test_suggestions(node, publish, wait_for, topics, transport, expected, others):
    publish(topics | others)
    assert suggest_image_topics(node.node, "image", transport) == expected


IDENTITY = ["camera_info:=/camera_info", "/camera_info:=/camera_info", "ris:camera_info:=/camera_info",
            "rostopic://camera_info:=camera_info"]


@pytest.mark.parametrize(("rules", "is_rule"), [
    *(([rule], True) for rule in IDENTITY),
    (["image:=/camera_info"], False), (["other:camera_info:=/camera_info"], False), (["__ns:=/"], False), ([], False),
    (["a:=b", "image:=/cam/image", "camera_info:=/info"], True)])
@pytest.mark.parametrize("flag", ["-r", "--remap"])
def test_a_remapping_to_the_same_name_is_seen(local_node, monkeypatch, rules, is_rule, flag):
    arguments = [word for rule in rules for word in (flag, rule)]
    monkeypatch.setattr(sys, "argv", ["ris_node", "--ros-args", *arguments])
    node = local_node({"autostart": False}, arguments)
    assert is_remapped(node.node, "camera_info") is is_rule
    node.close()


@pytest.mark.parametrize("cameras", [[], ["front", "wrist"]])
@pytest.mark.parametrize("told", [True, False])
def test_the_camera_model_is_read_under_its_own_name(local_node, make_robot, wait_for, monkeypatch, cameras, told):
    name = f"{cameras[0]}/" if cameras else ""
    rules = [f"{name}image:=/cam/rgb/image", f"{name}depth:=/cam/depth", f"{name}camera_info:=/{name}camera_info"]
    arguments = ["-r", "__node:=eye", *(word for rule in rules for word in ("-r", rule))]
    if told:
        monkeypatch.setattr(sys, "argv", ["ris_node", "--ros-args", *arguments])
    node = local_node({"cameras": cameras} if cameras else {}, arguments)
    robot = make_robot(image_topic="/cam/rgb/image", image_reliability="reliable")
    info, depth = robot.publisher(CameraInfo, f"/{name}camera_info"), robot.publisher(Image, "/cam/depth")
    image = np.full((24, 32, 3), 90, np.uint8)
    wait_for(robot.camera.get_subscription_count)
    robot.wait(0.5)
    message = Image(height=24, width=32, encoding="32FC1", step=128, data=np.ones((24, 32), "<f4").tobytes())
    message.header.frame_id = "camera_optical"
    stamps = itertools.count(1)

    def paired():
        """On a busy machine, the depth of an image may come too late for it."""
        message.header.stamp.sec = stamp = next(stamps)
        info.publish(CameraInfo(width=32, height=24, k=[30.0, 0.0, 16.0, 0.0, 30.0, 12.0, 0.0, 0.0, 1.0]))
        depth.publish(message)
        robot.send_image(image, (stamp, 0))
        robot.wait(0.3)
        frame = node.node.cameras[name[:-1]].newest_frame()
        return frame if frame is not None and frame.depth is not None else None

    frame = wait_for(paired, what="a frame with depth")
    assert frame.depth is not None
    node.close()
