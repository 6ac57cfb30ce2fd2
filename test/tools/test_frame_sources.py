"""Images for a calibration: from a folder, a bag and a running camera."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from ris_ros.errors import InputError, MissingError
from ris_ros.tools import frame_sources
from ris_ros.tools.frame_sources import frames_from
from ris_ros.utils.images import write_image


def shade(value: int) -> np.ndarray:
    return np.full((48, 64, 3), value, np.uint8)


def shades(frames) -> list[int]:
    return [int(frame.mean()) for frame in frames]


def test_a_folder_gives_images_spread_over_it(tmp_path):
    for i in range(10):
        write_image(tmp_path / f"{i}.png", shade(20 * i))
    assert shades(frames_from(tmp_path, None, 4)) == [0, 60, 120, 180]
    assert len(shades(frames_from(tmp_path, None, 99))) == 10
    with pytest.raises(InputError, match="not a bag"):
        frames_from(tmp_path, "image", 4)


def test_what_is_no_source_is_refused(tmp_path):
    with pytest.raises(InputError, match="a folder of images, a bag, or a --topic"):
        frames_from(None, None, 4)
    with pytest.raises(InputError, match="is not a folder"):
        frames_from(tmp_path / "missing", None, 4)
    with pytest.raises(InputError, match=r"no \.png"):
        frames_from(tmp_path, None, 4)
    with pytest.raises(InputError, match="cannot read the bag"):
        list(frames_from(tmp_path / "missing.mcap", None, 4))


def test_a_bag_gives_images_spread_over_it(tmp_path):
    pytest.importorskip("rosbags.rosbag2")
    from rosbags.rosbag2 import Writer
    from rosbags.typesys import Stores, get_typestore

    types = get_typestore(Stores.ROS2_HUMBLE)
    with Writer(tmp_path / "bag", version=9) as writer:
        connection = writer.add_connection("/camera/image", "sensor_msgs/msg/Image", typestore=types)
        for i in range(8):
            stamp = types.types["builtin_interfaces/msg/Time"](sec=i, nanosec=0)
            message = types.types["sensor_msgs/msg/Image"](
                header=types.types["std_msgs/msg/Header"](stamp=stamp, frame_id="camera"), height=48, width=64,
                encoding="rgb8", is_bigendian=0, step=192, data=shade(20 * i).ravel())
            writer.write(connection, i * 10**9, types.serialize_cdr(message, connection.msgtype))
    assert shades(frames_from(tmp_path / "bag", None, 4)) == [0, 40, 80, 120]
    assert shades(frames_from(tmp_path / "bag", "/camera/image", 3)) == [0, 40, 80]


@pytest.mark.usefixtures("private_ros_domain")
def test_a_topic_gives_images_that_differ(monkeypatch):
    rclpy = pytest.importorskip("rclpy")
    from sensor_msgs.msg import Image

    monkeypatch.setattr(frame_sources, "MIN_INTERVAL_SECONDS", 0.1)
    monkeypatch.setattr(frame_sources, "NEXT_IMAGE_SECONDS", 2.0)
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("fake_camera", context=context)
    publisher = node.create_publisher(Image, "/camera/image", 5)
    stop = threading.Event()

    def publish():
        started = time.monotonic()
        while not stop.is_set():
            if not publisher.get_subscription_count():
                started = time.monotonic()
            # Three different views, then a camera that stands still.
            pixels = shade(40 * min(2, int((time.monotonic() - started) / 1.5)))
            publisher.publish(Image(height=48, width=64, encoding="rgb8", step=192, data=pixels.tobytes()))
            time.sleep(0.05)

    thread = threading.Thread(target=publish)
    thread.start()
    frames = []
    try:
        with pytest.raises(MissingError, match="only 3 different images"):
            for frame in frames_from(None, "/camera/image", 5):
                frames.append(frame)  # noqa: PERF402  (those before the error count)
    finally:
        stop.set()
        thread.join()
        node.destroy_node()
        context.try_shutdown()
    assert shades(frames) == [0, 40, 80]


@pytest.mark.usefixtures("private_ros_domain")
def test_a_silent_topic_is_reported(monkeypatch):
    pytest.importorskip("rclpy")
    monkeypatch.setattr(frame_sources, "FIRST_IMAGE_SECONDS", 0.5)
    with pytest.raises(MissingError, match="no image came on /nothing"):
        list(frames_from(None, "/nothing", 3))
