"""`ris bench node`: what the running node costs and how it behaves under load, seen from outside.

The node is a process of its own, a camera of 640 x 480 pixels with depth publishes in this one.
"""

from __future__ import annotations

import os
import random
import statistics
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import rclpy
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String

from ris_ros.config import Config, settings
from ris_ros.errors import MissingError
from ris_ros.node import conversions
from ris_ros.node.operator import ANSWER, START_UP, process

Row = dict[str, Any]
HEIGHT, WIDTH = 480, 640
RATE = 30.0  # Hz
WARM = 5  # answers before memory is compared
HEADER = Image().header
HEADER.frame_id = "camera"


def bench_node(config: Config, *, seconds: float = 10.0, frames: int = 10_000) -> list[Row]:
    """Measure the node; `seconds` each time, and its memory before and after `frames` frames."""
    rows = _conversions()
    os.environ |= {"ROS_DOMAIN_ID": str(random.randint(1, 100)), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
                   "ROS_LOCALHOST_ONLY": "1"}
    parameters = {setting.name: setting.value for setting in settings(config)}
    with process("ris_ros.node.main", parameters) as node, _camera() as camera:
        camera.wait(lambda: camera.images.get_subscription_count(), START_UP, "the node")
        rows += _idle(camera, node.pid, seconds)
        camera.set("mode", "continuous")
        camera.command.publish(String(data="the red cup"))
        camera.wait(lambda: camera.answers >= WARM, WARM * ANSWER, "answers")
        rows += _busy(camera, seconds)
        rows += _soak(camera, node.pid, frames)
    return rows


def _conversions() -> list[Row]:
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    rows = []
    for encoding in ("rgb8", "bgr8"):
        message = conversions.to_image(pixels, encoding, HEADER)
        conversions.to_rgb(message)
        times = [_timed(lambda message=message: conversions.to_rgb(message)) for _ in range(50)]
        shared = np.shares_memory(conversions.to_rgb(message), np.frombuffer(message.data, np.uint8))
        rows.append({"what": f"{encoding} to RGB, ms" + (", no copy" if shared else ""),
                     "value": 1000 * statistics.median(times)})
    return rows


def _idle(camera: _Camera, pid: int, seconds: float) -> list[Row]:
    time.sleep(2)
    sent, all_before, main_before, start = camera.sent, _cpu(pid), _cpu(pid, pid), time.monotonic()
    time.sleep(seconds)
    passed, count = time.monotonic() - start, camera.sent - sent
    return [{"what": f"idle with images and depth at {count / passed:.0f} Hz, percent of a core",
             "value": 100 * (_cpu(pid) - all_before) / passed},
            {"what": "the callbacks' thread, ms a frame", "value": 1000 * (_cpu(pid, pid) - main_before) / count}]


def _busy(camera: _Camera, seconds: float) -> list[Row]:
    times, answers, end = [], camera.answers, time.monotonic() + seconds
    while time.monotonic() < end:
        times.append(_timed(lambda: camera.get("mode")))
        time.sleep(0.05)
    return [{"what": f"a parameter call while the worker is busy ({camera.answers - answers} answers), ms: median",
             "value": 1000 * statistics.median(times)},
            {"what": "the same: 95 % of the calls within", "value": 1000 * float(np.percentile(times, 95))},
            {"what": "the same: longest", "value": 1000 * max(times)}]


def _soak(camera: _Camera, pid: int, frames: int) -> list[Row]:
    before, sent, answers = _resident(pid), camera.sent, camera.answers
    highest = before
    while camera.sent < sent + frames:
        time.sleep(1)
        highest = max(highest, _resident(pid))
    return [{"what": f"memory after {frames} frames and {camera.answers - answers} answers, MB more than before",
             "value": (_resident(pid) - before) / 1e6},
            {"what": "the same: most on the way", "value": (highest - before) / 1e6},
            {"what": "memory, MB", "value": _resident(pid) / 1e6}]


class _Camera:
    """Publishes frames that differ from each other, at RATE, and counts the answers."""

    def __init__(self) -> None:
        self.node = rclpy.create_node("bench")
        self.images = self.node.create_publisher(Image, "image", qos_profile_sensor_data)
        self.depths = self.node.create_publisher(Image, "depth", qos_profile_sensor_data)
        self.infos = self.node.create_publisher(CameraInfo, "camera_info", qos_profile_sensor_data)
        self.command = self.node.create_publisher(String, "command", 1)
        self.node.create_subscription(String, "ris/result", self._on_result, 10)
        self._setter = self.node.create_client(SetParameters, "ris/set_parameters")
        self._getter = self.node.create_client(GetParameters, "ris/get_parameters")
        self.sent = self.answers = 0
        self._image = conversions.to_image(_picture(), "rgb8", HEADER)
        self._depth = conversions.to_image(np.full((HEIGHT, WIDTH), 1.5, np.float32), "32FC1", HEADER)
        focal = 600.0
        self._info = CameraInfo(header=HEADER, height=HEIGHT, width=WIDTH, distortion_model="plumb_bob", d=[0.0] * 5,
                                k=[focal, 0.0, WIDTH / 2, 0.0, focal, HEIGHT / 2, 0.0, 0.0, 1.0])
        self.node.create_timer(1 / RATE, self._publish)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def wait(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise MissingError(f"waited {seconds:.0f} s for {what}; what the node wrote stands above")
            time.sleep(0.05)

    def get(self, name: str) -> Any:
        return self._call(self._getter, GetParameters.Request(names=[name])).values[0]

    def set(self, name: str, value: Any) -> None:
        self._call(self._setter, SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()]))

    def close(self) -> None:
        self._executor.shutdown()
        self._thread.join(5)
        self.node.destroy_node()

    def _call(self, client: Any, request: Any) -> Any:
        if not client.wait_for_service(10):
            raise MissingError("the node offers no parameters; what it wrote stands above")
        done = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: done.set())
        if not done.wait(ANSWER):
            raise MissingError("the node does not answer; what it wrote stands above")
        return future.result()

    def _publish(self) -> None:
        stamp = self.node.get_clock().now().to_msg()
        # Another picture each time: of one it knows, the node remembers the masks.
        row = self.sent * 37 % (HEIGHT - 32)
        self._image.data[3 * WIDTH * row:3 * WIDTH * (row + 32)] = array(
            "B", bytes([self.sent * 101 % 256])) * (3 * WIDTH * 32)
        for publisher, message in ((self.infos, self._info), (self.depths, self._depth), (self.images, self._image)):
            message.header.stamp = stamp
            publisher.publish(message)
        self.sent += 1

    def _on_result(self, _: String) -> None:
        self.answers += 1

    def _spin(self) -> None:
        with suppress(ExternalShutdownException):
            self._executor.spin()


@contextmanager
def _camera() -> Iterator[_Camera]:
    rclpy.init()
    camera = _Camera()
    try:
        yield camera
    finally:
        camera.close()
        rclpy.try_shutdown()


def _picture() -> np.ndarray:
    """Some coloured discs on a gradient, uint8 [HEIGHT, WIDTH, 3]: enough for a proposer to find things."""
    import cv2

    picture = np.linspace(60, 140, WIDTH, dtype=np.uint8)[None, :, None].repeat(HEIGHT, 0).repeat(3, 2)
    for number, colour in enumerate(((200, 40, 40), (40, 160, 60), (40, 60, 200), (220, 200, 60))):
        cv2.circle(picture, (100 + 140 * number, 180 + 60 * (number % 2)), 45, colour, -1)
    return picture


def _cpu(pid: int, thread: int | None = None) -> float:
    """Seconds of CPU that a process, or one of its threads, has used; Linux."""
    with open(f"/proc/{pid}/stat" if thread is None else f"/proc/{pid}/task/{thread}/stat") as stat:
        user, system = stat.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _timed(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
