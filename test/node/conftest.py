"""The node as users run it: a process of its own, spoken to over DDS."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from array import array
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import numpy as np
import pytest

# Small and quick but real: the bundled CLIP, real masks from few prompts.
PARAMETERS = {"device": "cpu", "encoder.model": "bundled", "proposals.max_prompts": 6, "matching.min_confidence": 0.0}
START_UP = 240.0  # seconds: torch, CLIP and the proposer load, perhaps on a busy machine
ANSWER = 60.0  # seconds: messages find their way, on a busy machine
NEXT_FRAME = 15.0  # seconds: well above what an answer takes


def wait_for(condition, seconds=ANSWER, what="the condition"):
    """The first true value of `condition()`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}")


class NodeProcess:
    """A running `ris_node` and the lines it has written."""

    def __init__(self, parameters=None, arguments=()):
        values = {**PARAMETERS, **(parameters or {})}
        command = [sys.executable, "-m", "ris_ros.node.main", "--ros-args", *arguments]
        for name, value in values.items():
            command += ["-p", f"{name}:={json.dumps(value)}"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        env={**os.environ, "PYTHONUNBUFFERED": "1"})
        self.lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def log(self, pattern, seconds=START_UP):
        """The first line, now or later, that holds `pattern`."""
        def found():
            if line := next((line for line in list(self.lines) if re.search(pattern, line)), None):
                return line
            assert self.process.poll() is None, f"the node ended:\n{self.text}"
            return None
        try:
            return wait_for(found, seconds, repr(pattern))
        except AssertionError as error:
            raise AssertionError(f"{error}; the node wrote:\n{self.text}") from None

    @property
    def text(self):
        return "\n".join(self.lines)

    def end(self, sign=signal.SIGINT, seconds=30):
        """Send a signal and return the exit status."""
        self.process.send_signal(sign)
        try:
            return self.process.wait(seconds)
        finally:
            self.kill()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(5)


class FakeSegmenter:
    """A segmenter without models: finds the brighter half. Its `seen` are (image, depth) of every new image."""

    def __init__(self, config, seen=None, gate=None):
        self.config = config
        self.seen = [] if seen is None else seen
        self.gate = gate or threading.Event()
        self.gate.set()
        self.encoder = SimpleNamespace(device="fake", arithmetic="float32")
        self.notes = []

    def sibling(self):
        return FakeSegmenter(self.config, self.seen, self.gate)

    def update(self, config):
        self.config = config

    def set_image(self, image, proposals=None, *, depth=None):
        self.seen.append((image.copy(), depth))
        self.image = image

    def query(self, text):
        from ris_ros.errors import InputError
        from ris_ros.types import Candidate, Description, Query, Result
        from ris_ros.utils.cancellation import check_cancelled
        from ris_ros.utils.masks import mask_box

        while not self.gate.wait(0.01):
            check_cancelled()
        if text == "break":
            raise ValueError("broken\nfor the test")
        if not any(map(str.isalnum, text)):
            raise InputError("the text names nothing")
        mask = self.image.mean(axis=2) > self.image.mean()
        best = Candidate(0, mask, mask_box(mask).astype(np.float32), 0.75, {})
        query = Query(text, text, (Description(text),))
        return Result(bool(mask.any()), mask, best.box, 0.75, 0.5, [best], query, {"text": 0.001},
                      instances=[best] if mask.any() else [])


class LocalNode:
    """The node in this process, on a thread of its own, with a FakeSegmenter: quick, and open to the test."""

    def __init__(self, parameters=None, arguments=(), node_class=None):
        import rclpy
        from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
        from rclpy.parameter import Parameter

        from ris_ros.node.node import RisNode

        self.segmenters = []
        self.context = rclpy.Context()
        rclpy.init(context=self.context, args=["--ros-args", *arguments] if arguments else [])
        self.node = (node_class or RisNode)(
            load=self._load, context=self.context,
            parameter_overrides=[Parameter(name, value=value) for name, value in (parameters or {}).items()])
        self.load_error = None
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)

        def spin():
            self.node.autostart()
            with suppress(ExternalShutdownException):
                self._executor.spin()

        self._thread = threading.Thread(target=spin, daemon=True)
        self._thread.start()

    def _load(self, config):
        if self.load_error:
            raise self.load_error
        self.segmenters.append(FakeSegmenter(config))
        return self.segmenters[-1]

    @property
    def gate(self):
        """Cleared, it holds every answer up."""
        return self.segmenters[-1].gate

    @property
    def seen(self):
        return self.segmenters[-1].seen

    def close(self):
        if self.node is None:
            return
        for segmenter in self.segmenters:
            segmenter.gate.set()
        self._executor.shutdown()
        self._thread.join(5)
        self.node.close(5)
        self.node.destroy_node()
        self.context.try_shutdown()
        # A node that lingers keeps the publisher on /rosout of the next one of its name, on its own network.
        self.node = self._executor = self._thread = None
        gc.collect()


class Robot:
    """The rest of the robot: camera, operator and everything that listens to the node."""

    def __init__(self, *, namespace="", image_topic="image", image_type=None, image_reliability="best_effort",
                 prefix=""):
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray
        from rcl_interfaces.msg import Log
        from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
        from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
        from sensor_msgs.msg import Image, RegionOfInterest
        from std_msgs.msg import String

        self.context = rclpy.Context()
        rclpy.init(context=self.context)
        self.node = rclpy.create_node("robot", namespace=namespace, context=self.context)
        reliability = ReliabilityPolicy.RELIABLE if image_reliability == "reliable" else ReliabilityPolicy.BEST_EFFORT
        self.camera = self.node.create_publisher(image_type or Image, image_topic,
                                                 QoSProfile(depth=1, reliability=reliability))
        self.operator = self.node.create_publisher(String, "command", 10)
        self.prefix = f"ris/{prefix}"
        self.received = {}
        self.listeners = {}
        self.extra = {}
        self._shown = None
        self.logs = []
        self.diagnostics = []
        self.node.create_subscription(Log, "/rosout", lambda line: self.logs.append(line.msg), QoSProfile(
            depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self.diagnostics.append, 10)
        for name, message_type in (("mask", Image), ("roi", RegionOfInterest), ("result", String)):
            self.listen(name, message_type)
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)

        def spin():
            with suppress(ExternalShutdownException):
                self._executor.spin()

        self._thread = threading.Thread(target=spin, daemon=True)
        self._thread.start()

    def publisher(self, message_type, topic, reliability="reliable", **qos):
        """A further publisher, made once."""
        from rclpy.qos import QoSProfile, ReliabilityPolicy

        if topic not in self.extra:
            self.extra[topic] = self.node.create_publisher(message_type, topic, QoSProfile(
                depth=5, reliability=ReliabilityPolicy[reliability.upper()], **qos))
            wait_for(lambda: self.extra[topic].get_subscription_count(), ANSWER, f"a subscription of {topic}")
            time.sleep(0.3)
        return self.extra[topic]

    def log(self, pattern, seconds=ANSWER):
        """The first line on /rosout since :meth:`clear`, now or later, that holds `pattern`."""
        return wait_for(lambda: next((line for line in list(self.logs) if re.search(pattern, line)), None), seconds,
                        f"{pattern!r} in {self.logs}")

    def status(self, name, condition=lambda status, values: True, seconds=ANSWER):
        """The newest diagnostic status whose name ends with `name`, once it meets `condition`, and its values."""
        def found():
            for status in self.diagnostics[-1].status if self.diagnostics else ():
                values = {pair.key: pair.value for pair in status.values}
                if status.name.endswith(name) and condition(status, values):
                    return status, values
            return None
        return wait_for(found, seconds, f"a status {name!r}, not {self.diagnostics[-1:]}")

    def listen(self, name, message_type):
        self.received[name] = []
        self.listeners[name] = self.node.create_subscription(
            message_type, f"{self.prefix}{name}", self.received[name].append, 10)

    def unlisten(self, name):
        self.node.destroy_subscription(self.listeners.pop(name))

    def connect(self):
        """Wait until the active node hears us and we hear it."""
        wait_for(lambda: (self.camera.get_subscription_count() and self.operator.get_subscription_count()
                          and all(self.node.count_publishers(f"{self.prefix}{name}") for name in self.listeners)),
                 START_UP, "discovery")
        # Both ends discover each other on their own: this end's match does not prove the other's.
        time.sleep(0.3)

    def clear(self):
        for messages in (*self.received.values(), self.logs, self.diagnostics):
            messages.clear()
        self._shown = None

    def say(self, text):
        from std_msgs.msg import String

        self.operator.publish(String(data=text))

    def show(self, picture, stamp=(1, 0), encoding="rgb8", **changes):
        """Publish `picture`, laid out as `encoding` says and taken at `stamp`, (sec, nanosec), after some `changes`."""
        from sensor_msgs.msg import Image

        message = Image(height=picture.shape[0], width=picture.shape[1], encoding=encoding, step=picture[0].nbytes)
        message.header.stamp.sec, message.header.stamp.nanosec = stamp
        message.header.frame_id = "camera_optical"
        message.data = array("B", np.ascontiguousarray(picture).tobytes())
        for name, value in changes.items():
            setattr(message, name, value)
        self._shown = message
        self.camera.publish(message)

    def rest(self, seconds=1.0):
        """Give the node time to do what it should not do."""
        time.sleep(seconds)

    def restart(self):
        """Have the node forget frame and command."""
        assert self.change_state("deactivate")
        assert self.change_state("activate")
        self.connect()
        self.clear()

    def results(self):
        return [json.loads(message.data) for message in list(self.received["result"])]

    def answer(self, text, seconds=ANSWER):
        """The first result for `text` since :meth:`clear`."""
        def found():
            return next((result for result in self.results() if result["text"] == text), None)

        # One best-effort frame may be lost, as long as the node has not matched this camera; a real one goes on.
        with suppress(AssertionError):
            return wait_for(found, NEXT_FRAME)
        if self._shown is not None:
            self.camera.publish(self._shown)
        try:
            return wait_for(found, seconds, f"a result for {text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}; the node wrote {self.logs}") from None

    def matching(self, name, stamp, seconds=ANSWER):
        """The message on `name` whose header carries `stamp`, (sec, nanosec)."""
        return wait_for(lambda: next((m for m in list(self.received[name])
                                      if (m.header.stamp.sec, m.header.stamp.nanosec) == stamp), None),
                        seconds, f"{name} with stamp {stamp}")

    def call(self, service_type, name, seconds=START_UP, **fields):
        client = self.node.create_client(service_type, name)
        try:
            assert client.wait_for_service(seconds), f"no service {name}"
            future = client.call_async(service_type.Request(**fields))
            wait_for(future.done, seconds, f"the answer of {name}")
            return future.result()
        finally:
            self.node.destroy_client(client)

    def state(self):
        from lifecycle_msgs.srv import GetState

        return self.call(GetState, "ris/get_state").current_state.label

    def change_state(self, label):
        from lifecycle_msgs.msg import Transition
        from lifecycle_msgs.srv import ChangeState

        return self.call(ChangeState, "ris/change_state", transition=Transition(
            id=getattr(Transition, f"TRANSITION_{label.upper()}"))).success

    def set(self, name, value):
        from rcl_interfaces.srv import SetParameters
        from rclpy.parameter import Parameter

        [outcome] = self.call(SetParameters, "ris/set_parameters",
                              parameters=[Parameter(name, value=value).to_parameter_msg()]).results
        return outcome

    def close(self):
        self._executor.shutdown()
        self._thread.join(5)
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture(scope="session", name="wait_for")
def _wait_for():
    return wait_for


@pytest.fixture(scope="session")
def photograph():
    """The coffee photograph of scikit-image, uint8 RGB [213, 320, 3]."""
    import cv2
    from skimage.data import coffee

    return cv2.resize(coffee(), (320, 213), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module", autouse=True)
def _own_network(request):
    """A domain for each test module, kept on this machine, so that no other ROS system takes part."""
    domain = 1 + (os.getpid() * 7 + sum(map(ord, request.module.__name__))) % 100
    changes = {"ROS_DOMAIN_ID": str(domain), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_LOCALHOST_ONLY": "1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in changes.items():
            patch.setenv(name, value)
        yield


@contextmanager
def _running(make, close):
    things = []
    try:
        yield lambda *args, **kwargs: things.append(make(*args, **kwargs)) or things[-1]
    finally:
        for thing in reversed(things):
            close(thing)


@pytest.fixture(scope="module")
def start_node():
    """Starts node processes, which end with the module at the latest."""
    with _running(NodeProcess, NodeProcess.kill) as start:
        yield start


@pytest.fixture(scope="module")
def local_node():
    """Starts nodes in this process, which end with the module at the latest."""
    with _running(LocalNode, LocalNode.close) as start:
        yield start


@pytest.fixture(scope="module")
def make_robot():
    """Makes robots, which are closed with the module at the latest."""
    with _running(Robot, Robot.close) as make:
        yield make


@pytest.fixture(scope="module")
def node(local_node):
    """The node that :func:`robot` speaks to: one in this process, unless a module makes another of this name."""
    return local_node()


@pytest.fixture(scope="module")
def _robot(node, make_robot):
    robot = make_robot()
    robot.connect()
    return robot


@pytest.fixture
def robot(_robot):
    """A robot of which the active node remembers nothing."""
    _robot.clear()
    yield _robot
    _robot.restart()
