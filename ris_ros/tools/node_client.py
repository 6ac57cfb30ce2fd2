"""Programs' side of the node: start it as a process, send it commands and collect what it publishes."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import rclpy
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import String

from ris_ros.errors import MissingError
from ris_ros.messages import decode_image
from ris_ros.node.spinning import background_node

START_UP_SECONDS = 180.0
"""Time for the models to load, also on a slow machine."""
ANSWER_SECONDS = 120.0
"""Time for one answer, also on a slow machine."""
POLL_SECONDS = 0.02
"""Time between two checks of a condition that is waited for."""
ANSWER_IMAGES = ("ris/mask", "ris/overlay", "ris/candidates")
"""Topics of the images that belong to an answer."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What the node published for one command.

    Attributes
    ----------
    command : text of the command
    result : content of `~/result`
    latency : seconds from the command's publication to the result's arrival
    mask : bool [H, W]
    overlay : uint8 RGB [H, W, 3]
    ranks : uint16 [H, W], the rank of the candidate at each pixel, 0 for none

    """

    command: str
    result: dict[str, Any]
    latency: float
    mask: np.ndarray
    overlay: np.ndarray
    ranks: np.ndarray


class NodeClient(Node):
    """Sends commands to the node `ris` and collects its results, while another thread spins this node.

    Parameters
    ----------
    context : rclpy context
    images : image topics whose newest message is kept, in addition to the results
    processes : processes by name; waiting ends with an error when one of them has ended

    Attributes
    ----------
    results : the content of every `~/result` so far
    newest : the newest message by topic of `images`

    """

    def __init__(self, context: rclpy.Context, *, images: tuple[str, ...] = (),
                 processes: Mapping[str, subprocess.Popen[bytes]] | None = None):
        super().__init__("client", context=context)
        self.results: list[dict[str, Any]] = []
        self.newest: dict[str, Image] = {}
        self._result_time = 0.0
        self._processes = processes or {}
        self._command_publisher = self.create_publisher(String, "command", 10)
        self._parameter_setter: Any = self.create_client(SetParameters, "ris/set_parameters")
        self._parameter_getter: Any = self.create_client(GetParameters, "ris/get_parameters")
        self.create_subscription(String, "ris/result", self._on_result, 10)
        for topic in images:
            self.create_subscription(Image, topic, partial(self._on_image, topic), 1)

    @property
    def is_connected(self) -> bool:
        """Whether an active node has been discovered."""
        return bool(self._command_publisher.get_subscription_count() and self.count_publishers("ris/result")
                    and self._parameter_setter.service_is_ready() and self._parameter_getter.service_is_ready())

    def send_command(self, text: str) -> None:
        """Publish a command."""
        self._command_publisher.publish(String(data=text))

    def ask(self, text: str) -> Answer:
        """Publish a command and wait for its answer, with the images of ANSWER_IMAGES.

        Raises
        ------
        MissingError
            When the node cannot answer, does not answer in time, or has ended.

        """
        count = len(self.results)
        self.newest.clear()
        started = time.perf_counter()
        self.send_command(text)
        self.wait(lambda: len(self.results) > count, ANSWER_SECONDS, f"the answer to {text!r}")
        result, latency = self.results[count], self._result_time - started
        # Unlike a failure, a result that nothing was found has timings and an empty mask.
        if not result["found"] and not result["timings"]:
            raise MissingError(f"the node could not answer {text!r}: {result['reason']}")
        self.wait(lambda: all(topic in self.newest for topic in ANSWER_IMAGES), ANSWER_SECONDS,
                  f"the images of the answer to {text!r}")
        mask, overlay, ranks = (self.newest[topic] for topic in ANSWER_IMAGES)
        return Answer(text, result, latency, decode_image(mask)[..., 0] > 0, decode_image(overlay),
                      np.frombuffer(ranks.data, np.uint16).reshape(ranks.height, ranks.width))

    def wait(self, condition: Callable[[], object], seconds: float, what: str) -> None:
        """Wait for a condition to hold.

        Parameters
        ----------
        condition : is called until its value is true
        seconds : how long to wait
        what : what is waited for, for the error message

        Raises
        ------
        MissingError
            When the condition does not hold in time, or a process has ended.

        """
        end = time.monotonic() + seconds
        while not condition():
            self.check_processes()
            if time.monotonic() > end:
                raise MissingError(f"waited {seconds:.0f} s for {what}; see the output of the node above")
            time.sleep(POLL_SECONDS)

    def check_processes(self) -> None:
        """Raise a MissingError if one of the processes has ended."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise MissingError(f"{name} ended with status {process.returncode}; see its output above")

    def get_node_parameter(self, name: str) -> Any:
        """Return the value of a parameter of the node, as an rcl_interfaces/ParameterValue."""
        return self._call(self._parameter_getter, GetParameters.Request(names=[name])).values[0]

    def set_node_parameter(self, name: str, value: Any) -> None:
        """Set a parameter of the node."""
        parameter = Parameter(name, value=value).to_parameter_msg()
        self._call(self._parameter_setter, SetParameters.Request(parameters=[parameter]))

    def _on_image(self, topic: str, message: Image) -> None:
        self.newest[topic] = message

    def _on_result(self, message: String) -> None:
        self._result_time = time.perf_counter()
        self.results.append(json.loads(message.data))

    def _call(self, client: Any, request: Any) -> Any:
        done = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: done.set())
        if not done.wait(ANSWER_SECONDS):
            raise MissingError("the node does not answer; see its output above")
        return future.result()


def ask_node(commands: list[str], *, camera: Mapping[str, object], node: Mapping[str, object],
             progress: Callable[[str], None]) -> tuple[np.ndarray, list[Answer]]:
    """Start a camera and the node as processes of their own, publish each command and collect the answers.

    Parameters
    ----------
    commands : texts of the commands
    camera, node : ROS parameters of `ris_camera` and `ris_node`
    progress : takes a few words about what is waited for

    Returns
    -------
    An image of the camera, uint8 RGB [H, W, 3], and an answer for each command.

    Raises
    ------
    MissingError
        When a process ends or does not answer in time; what it wrote is on stderr.

    """
    use_private_ros_domain()
    with run_executable("ris_ros.tools.camera", camera) as camera_process, \
            run_executable("ris_ros.node.main", node) as node_process, \
            background_node(partial(NodeClient, images=("image", *ANSWER_IMAGES), processes={
                "ris_camera": camera_process, "ris_node": node_process})) as client:
        progress("waiting for the camera")
        client.wait(lambda: "image" in client.newest, START_UP_SECONDS, "the camera")
        image = decode_image(client.newest["image"])
        progress("waiting for the node to load its models")
        client.wait(lambda: client.is_connected, START_UP_SECONDS, "the node")
        answers = []
        for command in commands:
            progress(f"asking for {command!r}")
            answers.append(client.ask(command))
        return image, answers


THIS_MACHINE_ONLY = {"ROS_LOCALHOST_ONLY": "1"} if os.environ.get("ROS_DISTRO") == "humble" else {
    "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
"""Environment variables that keep ROS on this machine. Later distributions warn of Humble's."""


PRIVATE_DOMAINS = (*range(1, 102), *range(215, 233))
"""ROS domains to choose from: those whose ports Linux does not give to other programs."""
_claims: list[socket.socket] = []
"""Claims on the domain of this process, until it ends."""


def claim_ros_domain() -> tuple[int, socket.socket]:
    """Return a random ROS domain that no other program has claimed, and the claim: closing it frees the domain.

    Two programs in one domain would answer each other's commands. A claim is a socket with a name, which ends with its
    process and with those that inherited it, and leaves no file behind.

    Raises
    ------
    MissingError
        If all domains are claimed.

    """
    for domain in random.sample(PRIVATE_DOMAINS, len(PRIVATE_DOMAINS)):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0ris_ros-domain-{domain}")
        except OSError:
            claim.close()
            continue
        return domain, claim
    raise MissingError(f"all {len(PRIVATE_DOMAINS)} ROS domains are in use: end other programs of ris_ros first")


def use_private_ros_domain() -> None:
    """Choose a ROS domain that does not leave this machine, for this process and those that it starts."""
    domain, claim = claim_ros_domain()
    _claims.append(claim)
    os.environ |= {"ROS_DOMAIN_ID": str(domain), **THIS_MACHINE_ONLY}


def claimed() -> tuple[int, ...]:
    """Return file descriptors for a process in this program's domain to inherit.

    The domain stays claimed while the process lives, even if this program is killed before it.
    """
    return tuple(claim.fileno() for claim in _claims)


def executable_command(module: str, parameters: Mapping[str, object]) -> list[str]:
    """Return the command line that runs one of this package's executables; parameters as in `run_executable`."""
    assignments = [f"{name}:={json.dumps(value)}" for name, value in parameters.items()]
    return [sys.executable, "-m", module, "--ros-args", "--log-level", "warn",
            *(word for one in assignments for word in ("-p", one))]


@contextmanager
def run_executable(module: str, parameters: Mapping[str, object]) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of this package's executables in a process that ends with the block.

    Parameters
    ----------
    module : module with the executable
    parameters : ROS parameters

    """
    process = subprocess.Popen(executable_command(module, parameters), pass_fds=claimed())
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
