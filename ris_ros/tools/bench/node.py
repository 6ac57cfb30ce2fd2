"""`ris bench node`: what the running node costs and how it behaves under load, seen from outside.

The node is a process of its own, a camera of 640 x 480 pixels with depth publishes in this one.
"""

from __future__ import annotations

import json
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
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String

from ris_ros.config import Config, settings
from ris_ros.errors import MissingError
from ris_ros.node import conversions
from ris_ros.tools.node_client import ANSWER, START_UP, process

Row = dict[str, Any]
HEIGHT, WIDTH = 480, 640
RATE = 30.0  # Hz
WARM = 5  # answers before memory is compared
HEADER = Image().header
HEADER.frame_id = "camera"


def bench_node(config: Config, *, seconds: float = 10.0, frames: int = 1000) -> list[Row]:
    """Measure the node; `seconds` each time, and its memory over `frames` frames."""
    rows = _conversions()
    os.environ |= {"ROS_DOMAIN_ID": str(random.randint(1, 100)), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
                   "ROS_LOCALHOST_ONLY": "1"}
    parameters = {setting.name: setting.value for setting in settings(config)}
    with process("ris_ros.node.main", parameters) as node, _spinning(_Camera) as camera, \
            _spinning(_Operator) as operator:
        operator.wait(lambda: camera.images.get_subscription_count() and operator.is_connected, START_UP, "the node")
        rows += _idle(camera, node.pid, seconds)
        operator.set("mode", "continuous")
        operator.command.publish(String(data="the red cup"))
        operator.wait(lambda: len(operator.results) >= WARM, WARM * ANSWER, "answers")
        rows += _busy(operator, seconds)
        rows += _soak(camera, operator, node.pid, frames)
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


def _busy(operator: _Operator, seconds: float) -> list[Row]:
    times, before, end = [], len(operator.results), time.monotonic() + seconds
    # At least one whole answer, however slow the machine is.
    while time.monotonic() < end or len(operator.results) < before + 2:
        times.append(_timed(lambda: operator.get("mode")))
        time.sleep(0.05)
    stamps = [result["stamp"]["sec"] + 1e-9 * result["stamp"]["nanosec"] for result in operator.results]
    return [{"what": f"a parameter call while the worker is busy ({len(times)} calls, {len(operator.results) - before} "
             "answers), ms: median", "value": 1000 * statistics.median(times)},
            {"what": "the same: 95 % of the calls within", "value": 1000 * float(np.percentile(times, 95))},
            {"what": "the same: longest", "value": 1000 * max(times)},
            {"what": "frames answered before an older one", "value": int((np.diff(stamps) <= 0).sum())}]


def _soak(camera: _Camera, operator: _Operator, pid: int, frames: int) -> list[Row]:
    sent, answers = camera.sent, len(operator.results)
    taken: list[int] = []
    while camera.sent < sent + frames:
        taken.append(_resident(pid))
        time.sleep(0.1)
    # Every answer takes memory and gives it back: what stays is the least of many moments.
    fifth = max(1, len(taken) // 5)
    first, last = min(taken[:fifth]), min(taken[-fifth:])
    return [{"what": f"memory over {frames} frames and {len(operator.results) - answers} answers, MB: least in the "
             "first fifth", "value": first / 1e6},
            {"what": "the same: least in the last fifth, more than in the first", "value": (last - first) / 1e6},
            {"what": "the same: most", "value": max(taken) / 1e6}]


class _Camera(Node):
    """Publishes frames that differ from each other, at RATE."""

    def __init__(self, context: rclpy.Context) -> None:
        super().__init__("camera", context=context)
        self.images = self.create_publisher(Image, "image", qos_profile_sensor_data)
        self._depths = self.create_publisher(Image, "depth", qos_profile_sensor_data)
        self._infos = self.create_publisher(CameraInfo, "camera_info", qos_profile_sensor_data)
        self.sent = 0
        self._image = conversions.to_image(_picture(), "rgb8", HEADER)
        self._depth = conversions.to_image(np.full((HEIGHT, WIDTH), 1.5, np.float32), "32FC1", HEADER)
        focal = 600.0
        self._info = CameraInfo(header=HEADER, height=HEIGHT, width=WIDTH, distortion_model="plumb_bob", d=[0.0] * 5,
                                k=[focal, 0.0, WIDTH / 2, 0.0, focal, HEIGHT / 2, 0.0, 0.0, 1.0])
        self.create_timer(1 / RATE, self._publish)

    def _publish(self) -> None:
        stamp = self.get_clock().now().to_msg()
        # Another picture each time: of one it knows, the node remembers the masks.
        row = self.sent * 37 % (HEIGHT - 32)
        self._image.data[3 * WIDTH * row:3 * WIDTH * (row + 32)] = array(
            "B", bytes([self.sent * 101 % 256])) * (3 * WIDTH * 32)
        for publisher, message in ((self._infos, self._info), (self._depths, self._depth), (self.images, self._image)):
            message.header.stamp = stamp
            publisher.publish(message)
        self.sent += 1


class _Operator(Node):
    """Commands, collects the results, and asks for parameters."""

    def __init__(self, context: rclpy.Context) -> None:
        super().__init__("operator", context=context)
        self.command = self.create_publisher(String, "command", 1)
        self.results: list[dict[str, Any]] = []
        self.create_subscription(String, "ris/result", self._on_result, 10)
        self._setter = self.create_client(SetParameters, "ris/set_parameters")
        self._getter = self.create_client(GetParameters, "ris/get_parameters")

    @property
    def is_connected(self) -> bool:
        return bool(self.command.get_subscription_count() and self.count_publishers("ris/result")
                    and self._setter.service_is_ready() and self._getter.service_is_ready())

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

    def _on_result(self, message: String) -> None:
        self.results.append(json.loads(message.data))

    def _call(self, client: Any, request: Any) -> Any:
        done = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: done.set())
        if not done.wait(ANSWER):
            raise MissingError("the node does not answer; what it wrote stands above")
        return future.result()


@contextmanager
def _spinning(make: Callable[[rclpy.Context], Node]) -> Iterator[Any]:
    """A node with a context, and so a DDS participant, of its own, as in a process of its own.

    A service call from the participant that publishes the images waits for room between them.
    """
    context = rclpy.Context()
    rclpy.init(context=context)
    node = make(context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)

    def spin() -> None:
        with suppress(ExternalShutdownException):
            executor.spin()

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        executor.shutdown()
        thread.join(5)
        node.destroy_node()
        context.try_shutdown()


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
