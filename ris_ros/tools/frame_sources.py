"""Images for a calibration, from a folder, a bag or a camera's topic."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.errors import InputError, MissingError, one_line
from ris_ros.utils.frame_cache import FrameCache
from ris_ros.utils.images import image_files, read_image

BAG_SUFFIXES = (".mcap", ".db3", ".bag")
FIRST_IMAGE_SECONDS, NEXT_IMAGE_SECONDS = 20.0, 60.0
"""Time to wait for a topic's first image, and for one that differs from the last."""
MIN_INTERVAL_SECONDS = 1.0
"""Time between two images that are taken from a topic."""
SAME_IMAGE_TOLERANCE = 8.0
"""Grey levels, see :class:`FrameCache`: images that differ less show nothing new."""


def frames_from(source: Path | None, topic: str | None, count: int) -> Iterator[np.ndarray]:
    """Yield at most `count` images, uint8 RGB [H, W, 3].

    Parameters
    ----------
    source : folder of images, or a bag; None for a live topic
    topic : of the bag, None for its only colour images; or the live topic
    count : images of a folder or a bag are taken evenly spaced

    Raises
    ------
    InputError
        When there is no such source, or its images cannot be read.
    MissingError
        When a topic is silent, its images do not change, or ROS 2 is not there.

    """
    if source is None:
        if not topic:
            raise InputError("name a folder of images, a bag, or a --topic")
        return _frames_from_topic(topic, count)
    if source.suffix in BAG_SUFFIXES or (source / "metadata.yaml").is_file():
        return _frames_from_bag(source, topic, count)
    if topic:
        raise InputError(f"{source} is not a bag, so that --topic does not apply")
    files = image_files(source)
    return (read_image(files[i]) for i in _spread(len(files), count))


def _frames_from_bag(path: Path, topic: str | None, count: int) -> Iterator[np.ndarray]:
    from ris_ros.recordings.bag import Bag

    with Bag(path, topic, depth="none") as bag:
        every = max(1, len(bag) // max(1, count))
        for number, frame in enumerate(bag.frames(every)):
            if number == count:
                return
            yield frame.image


def _frames_from_topic(topic: str, count: int) -> Iterator[np.ndarray]:
    try:
        import rclpy
        from rclpy.node import Node
        from rclpy.qos import qos_profile_sensor_data
        from sensor_msgs.msg import CompressedImage, Image
    except ImportError as error:
        raise MissingError("a topic needs ROS 2: source a ROS 2 installation, or give a folder or a bag") from error
    from ris_ros.messages import decode_image
    from ris_ros.node.spinning import background_node

    newest: list[Any] = []

    def make_node(context: rclpy.Context) -> Node:
        node = Node("ris_calibrate", context=context)
        kind = CompressedImage if topic.endswith("/compressed") else Image
        node.create_subscription(kind, topic, lambda message: newest.__setitem__(slice(None), [message]),
                                 qos_profile_sensor_data)
        return node

    taken: FrameCache[bool] = FrameCache(count)
    with background_node(make_node):
        for number in range(count):
            deadline = time.monotonic() + (NEXT_IMAGE_SECONDS if number else FIRST_IMAGE_SECONDS)
            while True:
                if time.monotonic() > deadline:
                    raise MissingError(
                        f"only {number} different images came on {topic}: move the camera or the objects between them"
                        if number else f"no image came on {topic}: start the camera, or name its topic")
                message = newest.pop() if newest else None
                if message is None:
                    time.sleep(0.05)
                    continue
                try:
                    image = decode_image(message)
                except InputError as error:
                    raise InputError(f"cannot read the images on {topic}: {one_line(error)}") from error
                if taken.get(image, SAME_IMAGE_TOLERANCE) is None:
                    break
            taken.put(image, True)
            yield image
            time.sleep(MIN_INTERVAL_SECONDS)


def _spread(length: int, count: int) -> list[int]:
    """Return at most `count` indices below `length`, evenly spaced."""
    return sorted({int(i) for i in np.linspace(0, length - 1, min(length, count)).round()})
