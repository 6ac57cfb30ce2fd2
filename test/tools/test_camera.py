"""What the executable `ris_camera` publishes."""

from __future__ import annotations

import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest
import rclpy
from sensor_msgs.msg import CameraInfo, Image

from ris_ros.messages import decode_image
from ris_ros.sim.render import Renderer
from ris_ros.sim.tabletop import sample_scene


@pytest.fixture
def start_camera():
    processes = []

    def start(**parameters) -> subprocess.Popen:
        words = [word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")]
        processes.append(subprocess.Popen([sys.executable, "-m", "ris_ros.tools.camera", "--ros-args", *words],
                                          stderr=subprocess.PIPE, text=True))
        return processes[-1]

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def receive():
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("receiver", context=context)
    executor = rclpy.executors.SingleThreadedExecutor(context=context)
    executor.add_node(node)
    node.newest = {}
    for topic, kind in (("image", Image), ("depth", Image), ("camera_info", CameraInfo)):
        node.create_subscription(kind, topic, lambda message, topic=topic: node.newest.update({topic: message}), 1)

    def receive(*topics: str, after=(0, 0)) -> list:
        """Return the newest messages on some topics, once all have one stamp that is later than `after`."""
        for _ in range(1200):
            executor.spin_once(0.05)
            stamps = {(m.header.stamp.sec, m.header.stamp.nanosec) for m in map(node.newest.get, topics) if m}
            if len(stamps) == 1 and all(topic in node.newest for topic in topics) and min(stamps) > after:
                return [node.newest[topic] for topic in topics]
        raise AssertionError(f"no such messages on {topics}")

    yield receive
    node.destroy_node()
    context.try_shutdown()


def test_the_simulated_camera_publishes_image_depth_and_model(start_camera, receive):
    camera = start_camera(seed=200_001)
    image, depth, info = receive("image", "depth", "camera_info")
    with Renderer() as renderer:
        truth = renderer.render(sample_scene(200_001))
    assert (decode_image(image) == truth.image).all()
    assert depth.encoding == "32FC1"
    metres = np.frombuffer(depth.data, np.float32).reshape(depth.height, depth.width)
    assert np.allclose(metres, truth.depth)
    assert np.allclose(np.reshape(info.k, (3, 3)), truth.intrinsics)
    assert (info.width, info.height) == (image.width, image.height) == (640, 480)
    assert image.header.frame_id == depth.header.frame_id == info.header.frame_id != ""
    camera.send_signal(signal.SIGINT)
    assert camera.wait(20) == 0


def test_a_moving_camera_sees_the_scene_change(start_camera, receive):
    start_camera(seed=200_001, moving="true", rate=2.0)
    [first] = receive("image")
    [second] = receive("image", after=(first.header.stamp.sec + 1, first.header.stamp.nanosec))
    assert (decode_image(first) != decode_image(second)).any()


def test_an_image_file_is_published_unchanged(start_camera, receive, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "picture.png"), pixels)
    start_camera(picture=tmp_path / "picture.png")
    [image] = receive("image")
    assert (decode_image(image) == pixels[..., ::-1]).all()


def test_a_missing_image_file_is_an_error_of_one_line(start_camera, tmp_path):
    camera = start_camera(picture=tmp_path / "missing.png")
    _, errors = camera.communicate(timeout=60)
    assert camera.returncode == 2
    assert "missing.png" in errors
    assert "Traceback" not in errors
