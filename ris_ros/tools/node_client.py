"""The operator of the demo: starts a camera and the node as a robot would, asks, and collects what is published."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import String

from ris_ros.errors import MissingError
from ris_ros.node.conversions import to_rgb

START_UP = 180.0  # seconds for the models to load, also on a slow machine
ANSWER = 120.0  # seconds for one answer, likewise


@dataclass(frozen=True, eq=False)
class Answer:
    """What the node published for one command.

    Attributes
    ----------
    command : the text
    result : what came on `~/result`
    latency : seconds from the command's publication to the result's arrival
    mask : bool [H, W]
    overlay : RGB uint8 [H, W, 3]
    ranks : uint16 [H, W], the rank of the candidate at each pixel, 0 for none

    """

    command: str
    result: dict
    latency: float
    mask: np.ndarray
    overlay: np.ndarray
    ranks: np.ndarray


def ask(commands: list[str], *, camera: dict[str, object], node: dict[str, object],
        progress: Callable[[str], None]) -> tuple[np.ndarray, list[Answer]]:
    """Start a camera and the node as processes of their own, publish each command and collect the answers.

    All of it takes place in a ROS domain of its own that does not leave this machine.

    Parameters
    ----------
    commands : texts
    camera, node : ROS parameters of `ris_camera` and `ris_node`
    progress : told in a few words what is being waited for

    Returns
    -------
    The camera's image, RGB uint8 [H, W, 3], and an answer for each command.

    Raises
    ------
    MissingError
        When a process ends or does not answer in time; its own words are on stderr.

    """
    os.environ |= {"ROS_DOMAIN_ID": str(random.randint(1, 100)), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
                   "ROS_LOCALHOST_ONLY": "1"}
    with process("ris_ros.tools.camera", camera) as camera_process, \
            process("ris_ros.node.main", node) as node_process, _operator() as operator:
        processes = {"ris_camera": camera_process, "ris_node": node_process}
        progress("waiting for the camera")
        image = to_rgb(operator.wait(lambda: operator.newest.get("image"), START_UP, processes))
        progress("waiting for the node to load its models")
        operator.wait(lambda: operator.publisher.get_subscription_count(), START_UP, processes)
        answers = []
        for command in commands:
            progress(f"asking for {command!r}")
            answers.append(operator.ask(command, processes))
        return image, answers


class _Operator(Node):
    def __init__(self) -> None:
        super().__init__("operator")
        self.newest: dict[str, Image | String] = {}
        self.publisher = self.create_publisher(String, "command", 10)
        for name, topic, kind in (
                ("image", "image", Image), ("mask", "ris/mask", Image), ("overlay", "ris/overlay", Image),
                ("candidates", "ris/candidates", Image), ("result", "ris/result", String)):
            self.create_subscription(kind, topic, lambda message, name=name: self.newest.update({name: message}), 1)

    def ask(self, command: str, processes: dict[str, subprocess.Popen]) -> Answer:
        outputs = ("mask", "overlay", "candidates", "result")
        for name in outputs:
            self.newest.pop(name, None)
        start = time.perf_counter()
        self.publisher.publish(String(data=command))
        result = json.loads(self.wait(lambda: self.newest.get("result"), ANSWER, processes).data)
        latency = time.perf_counter() - start
        # An answer of nothing took time and has an empty mask; a failure has neither.
        if not result["found"] and not result["timings"]:
            raise MissingError(f"the node could not answer {command!r}: {result['reason']}")
        self.wait(lambda: all(name in self.newest for name in outputs), ANSWER, processes)
        ranks = self.newest["candidates"]
        return Answer(command, result, latency, to_rgb(self.newest["mask"])[..., 0] > 0, to_rgb(self.newest["overlay"]),
                      np.frombuffer(ranks.data, np.uint16).reshape(ranks.height, ranks.width))

    def wait(self, condition: Callable[[], object], seconds: float, processes: dict[str, subprocess.Popen]) -> object:
        end = time.monotonic() + seconds
        while not (value := condition()):
            for name, process in processes.items():
                if process.poll() is not None:
                    raise MissingError(f"{name} ended with status {process.returncode}; its own words stand above")
            if time.monotonic() > end:
                raise MissingError(f"no answer within {seconds:.0f} s; what the node wrote stands above")
            rclpy.spin_once(self, timeout_sec=0.05)
        return value


@contextmanager
def _operator() -> Iterator[_Operator]:
    rclpy.init()
    operator = _Operator()
    try:
        yield operator
    finally:
        operator.destroy_node()
        rclpy.try_shutdown()


@contextmanager
def process(module: str, parameters: dict[str, object]) -> Iterator[subprocess.Popen]:
    """One of our executables, by its module and with ROS parameters; it ends with the context."""
    assignments = [f"{name}:={json.dumps(value)}" for name, value in parameters.items()]
    command = [sys.executable, "-m", module, "--ros-args", "--log-level", "warn"]
    running = subprocess.Popen(command + [word for one in assignments for word in ("-p", one)])
    try:
        yield running
    finally:
        running.send_signal(signal.SIGINT)
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
