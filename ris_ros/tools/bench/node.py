"""`ris bench node`: what the running node costs and how it behaves under load, measured from outside.

The node runs in a process of its own. A camera of 640 x 480 pixels with depth publishes in this one.
"""

from __future__ import annotations

import statistics
import time
from array import array
from functools import partial

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from ris_ros.config import Config
from ris_ros.messages import MessageBuilder, decode_image
from ris_ros.node.spinning import background_node
from ris_ros.tools.bench.measure import Row, cpu_seconds, timed
from ris_ros.tools.node_client import (
    ANSWER_SECONDS,
    START_UP_SECONDS,
    NodeClient,
    run_executable,
    use_private_ros_domain,
)
from ris_ros.utils.memory import resident_memory

HEIGHT, WIDTH = 480, 640
"""Size of the images, pixels."""
FOCAL_LENGTH = 600.0
"""Focal length of the camera, pixels."""
DEPTH_METRES = 1.5
"""Depth of every pixel."""
RATE_HZ = 30.0
"""Rate of the images."""
STRIPE_ROWS = 32
"""Height of the stripe in which each image differs from the one before, pixels."""
WARM_UP_ANSWERS = 5
"""Answers before the node's memory is compared."""
MEMORY_PERIOD_SECONDS = 0.1
"""Time between two measurements of the node's memory."""
CONVERSIONS = 50
"""Conversions of which the median is reported."""


def bench_node(config: Config, *, seconds: float = 10.0, frames: int = 1000) -> list[Row]:
    """Measure the node.

    Parameters
    ----------
    config : configuration of the node
    seconds : duration of each measurement
    frames : frames over which the node's memory is measured

    """
    rows = _measure_conversions()
    use_private_ros_domain()
    with run_executable("ris_ros.node.main", config.to_dict()) as process, background_node(_Camera) as camera, \
            background_node(partial(NodeClient, processes={"ris_node": process})) as client:
        client.wait(lambda: camera.is_connected and client.is_connected, START_UP_SECONDS, "the node")
        rows += _measure_idle(camera, process.pid, seconds)
        client.set_node_parameter("mode", "continuous")
        client.send_command("the red cup")
        client.wait(lambda: len(client.results) >= WARM_UP_ANSWERS, WARM_UP_ANSWERS * ANSWER_SECONDS, "answers")
        rows += _measure_busy(client, seconds)
        rows += _measure_memory(camera, client, process.pid, frames)
    return rows


def _measure_conversions() -> list[Row]:
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    rows = []
    for encoding in ("rgb8", "bgr8"):
        message = MessageBuilder().image(pixels, encoding, Header())
        image = decode_image(message)
        times = [timed(partial(decode_image, message))[1] for _ in range(CONVERSIONS)]
        is_shared = np.shares_memory(image, np.frombuffer(message.data, np.uint8))
        rows.append({"what": f"{encoding} to RGB, ms" + (", no copy" if is_shared else ""),
                     "value": 1000 * statistics.median(times)})
    return rows


def _measure_idle(camera: _Camera, pid: int, seconds: float) -> list[Row]:
    time.sleep(2)
    sent, all_before, main_before, start = camera.sent, cpu_seconds(pid), cpu_seconds(pid, pid), time.monotonic()
    time.sleep(seconds)
    passed, count = time.monotonic() - start, camera.sent - sent
    all_seconds, main_seconds = cpu_seconds(pid) - all_before, cpu_seconds(pid, pid) - main_before
    return [{"what": f"idle with images and depth at {count / passed:.0f} Hz, percent of a core",
             "value": 100 * all_seconds / passed},
            {"what": "the callbacks' thread, ms a frame", "value": 1000 * main_seconds / count}]


def _measure_busy(client: NodeClient, seconds: float) -> list[Row]:
    times, before, end = [], len(client.results), time.monotonic() + seconds
    # For at least one whole answer, however slow the machine is.
    while time.monotonic() < end or len(client.results) < before + 2:
        client.check_processes()
        times.append(timed(partial(client.get_node_parameter, "mode"))[1])
        time.sleep(0.05)
    stamps = [result["stamp"]["sec"] + 1e-9 * result["stamp"]["nanosec"] for result in client.results]
    return [{"what": f"a parameter call while the worker is busy ({len(times)} calls, {len(client.results) - before} "
             "answers), ms: median", "value": 1000 * statistics.median(times)},
            {"what": "the same: 95 % of the calls within", "value": 1000 * float(np.percentile(times, 95))},
            {"what": "the same: longest", "value": 1000 * max(times)},
            {"what": "frames answered before an older one", "value": int((np.diff(stamps) <= 0).sum())}]


def _measure_memory(camera: _Camera, client: NodeClient, pid: int, frames: int) -> list[Row]:
    sent, answers = camera.sent, len(client.results)
    sizes: list[int] = []
    while camera.sent < sent + frames:
        client.check_processes()
        sizes.append(resident_memory(pid))
        time.sleep(MEMORY_PERIOD_SECONDS)
    # Each answer takes memory and frees it again: what stays is the minimum over some time.
    fifth = max(1, len(sizes) // 5)
    first, last = min(sizes[:fifth]), min(sizes[-fifth:])
    return [{"what": f"memory over {frames} frames and {len(client.results) - answers} answers, MB: least in the "
             "first fifth", "value": first / 1e6},
            {"what": "the same: least in the last fifth, more than in the first", "value": (last - first) / 1e6},
            {"what": "the same: most", "value": max(sizes) / 1e6}]


class _Camera(Node):
    """Publishes images with depth at RATE_HZ, each different from the one before.

    Attributes
    ----------
    sent : number of images so far

    """

    def __init__(self, context: rclpy.Context) -> None:
        super().__init__("camera", context=context)
        self.sent = 0
        self._image_publisher = self.create_publisher(Image, "image", qos_profile_sensor_data)
        self._depth_publisher = self.create_publisher(Image, "depth", qos_profile_sensor_data)
        self._info_publisher = self.create_publisher(CameraInfo, "camera_info", qos_profile_sensor_data)
        messages, header = MessageBuilder(), Header(frame_id="camera")
        self._image = messages.image(_draw_discs(), "rgb8", header)
        self._depth = messages.image(np.full((HEIGHT, WIDTH), DEPTH_METRES, np.float32), "32FC1", header)
        self._info = CameraInfo(
            header=header, height=HEIGHT, width=WIDTH, distortion_model="plumb_bob", d=[0.0] * 5,
            k=[FOCAL_LENGTH, 0.0, WIDTH / 2, 0.0, FOCAL_LENGTH, HEIGHT / 2, 0.0, 0.0, 1.0])
        self.create_timer(1 / RATE_HZ, self._publish)

    @property
    def is_connected(self) -> bool:
        """Whether somebody subscribes to the images."""
        return bool(self._image_publisher.get_subscription_count())

    def _publish(self) -> None:
        stamp = self.get_clock().now().to_msg()
        # The node would remember the masks of an image that it has seen before.
        row = self.sent * 37 % (HEIGHT - STRIPE_ROWS)
        grey = bytes([self.sent * 101 % 256])
        self._image.data[3 * WIDTH * row:3 * WIDTH * (row + STRIPE_ROWS)] = array("B", grey) * (3 * WIDTH * STRIPE_ROWS)
        for publisher, message in ((self._info_publisher, self._info), (self._depth_publisher, self._depth),
                                   (self._image_publisher, self._image)):
            message.header.stamp = stamp
            publisher.publish(message)
        self.sent += 1


def _draw_discs() -> np.ndarray:
    """Return coloured discs on a gradient, uint8 RGB [HEIGHT, WIDTH, 3]: enough for a proposer to find objects."""
    import cv2

    image = np.linspace(60, 140, WIDTH, dtype=np.uint8)[None, :, None].repeat(HEIGHT, 0).repeat(3, 2)
    for number, colour in enumerate(((200, 40, 40), (40, 160, 60), (40, 60, 200), (220, 200, 60))):
        cv2.circle(image, (100 + 140 * number, 180 + 60 * (number % 2)), 45, colour, -1)
    return image
