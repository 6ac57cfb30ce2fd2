"""The node in a process of its own or in this one, and the rest of a robot, which talks to it over DDS."""

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
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

PARAMETERS = {"device": "cpu", "encoder.model": "bundled", "proposals.max_prompts": 6, "matching.min_confidence": 0.0,
              "max_image_age": 0.0}
"""Real models that are small and quick: the bundled CLIP, and MobileSAM with few prompts; and images that stay valid as
long as a slow machine takes to answer the commands of a test."""
START_UP_SECONDS = 240.0
"""Time for torch, CLIP and the proposer to load on a busy machine."""
ANSWER_SECONDS = 60.0
"""Time for a message to arrive on a busy machine."""
LEFT_SHARED_MEMORY = "RTPS_TRANSPORT_SHM"
"""Marks lines in which Fast DDS complains of shared memory that some killed process has left on this machine."""
NEXT_FRAME_SECONDS = 15.0
"""Time well above what an answer takes."""


FORGING = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]")
"""Characters with which a text could end a line, act on a terminal, turn the direction of writing, or hide."""


def is_plain_line(text):
    """Return whether a text is a line that cannot be mistaken for more or less than it is."""
    return bool(text) and not FORGING.search(text)


def wait_for(condition, seconds=ANSWER_SECONDS, what="the condition"):
    """Return the first true value of `condition()`."""
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
            if LEFT_SHARED_MEMORY not in line:
                self.lines.append(line.rstrip("\n"))

    def log(self, pattern, seconds=START_UP_SECONDS):
        """Return the first line, now or later, that matches `pattern`."""
        def matching():
            if line := next((line for line in list(self.lines) if re.search(pattern, line)), None):
                return line
            assert self.process.poll() is None, f"the node ended:\n{self.text}"
            return None
        try:
            return wait_for(matching, seconds, repr(pattern))
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
    """A segmenter without models, which finds the brighter half of an image.

    `seen` collects the image and depth of every call of `set_image`, `completed` the images that were completed; while
    `gate` is cleared, queries wait, and while `completion_gate` is cleared, the completion of an image.
    """

    def __init__(self, config, seen=None, gate=None, completion_gate=None, completed=None):
        self.config = config
        self.seen = [] if seen is None else seen
        self.gate = gate or threading.Event()
        self.gate.set()
        self.completion_gate = completion_gate or threading.Event()
        self.completion_gate.set()
        self.completed = [] if completed is None else completed
        self.image = None
        self.device, self.arithmetic = "fake", "float32"
        self.notes = []
        self.calibrated_by = "labels"

    def sibling(self):
        return FakeSegmenter(self.config, self.seen, self.gate, self.completion_gate, self.completed)

    def update(self, config):
        self.config = config

    def set_image(self, image, proposals=None, *, depth=None):
        self.seen.append((image.copy(), depth))
        self.image = image

    start_image = set_image

    def answer(self, text, *, min_confidence=0.0, on_early=None):
        """Answer early if the text says "early"; if it says "unsure", tell of the answer and complete the image."""
        result = self.query(text, min_confidence=min_confidence)
        early = replace(result, early=True)
        if "early" in text:
            return early
        if "unsure" in text:
            on_early(early)
            self.complete_image()
        return result

    def complete_image(self):
        from ris_ros.utils.cancellation import check_cancelled

        while not self.completion_gate.wait(0.01):
            check_cancelled()
        if self.image is not None:
            self.completed.append(self.image)

    def query(self, text, *, min_confidence=0.0):
        from ris_ros.errors import InputError
        from ris_ros.types import Candidate, Description, Query, Relation, Result
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
        relations = tuple(Relation(name, (Description("it"),)) for name in ("behind", "left of") if name in text)
        query = Query(text, text, (Description(text, relations=relations),))
        return Result(bool(mask.any()), mask, best.box, 0.75, 0.5, [best], query, {"text": 0.001},
                      instances=[best] if mask.any() else [])


class LocalNode:
    """The node in this process with a FakeSegmenter: it starts quickly, and tests can look inside."""

    def __init__(self, parameters=None, arguments=(), node_class=None):
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.parameter import Parameter

        from ris_ros.node.node import RisNode
        from ris_ros.node.spinning import spin, until_interrupted

        self.segmenters = []
        self.context = rclpy.Context()
        rclpy.init(context=self.context, args=["--ros-args", *arguments] if arguments else [])
        self.node = (node_class or RisNode)(
            load=self._load, context=self.context,
            parameter_overrides=[Parameter(name, value=value) for name, value in (parameters or {}).items()])
        self.load_error = None
        self._executor = SingleThreadedExecutor(context=self.context)

        def run():
            self.node.autostart()
            with until_interrupted():
                spin(self.node, self._executor, partial(self.node.warnings.warn, "request-ignored"))

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def _load(self, config):
        if self.load_error:
            raise self.load_error
        self.segmenters.append(FakeSegmenter(config))
        return self.segmenters[-1]

    @property
    def gate(self):
        """While it is cleared, every answer waits."""
        return self.segmenters[-1].gate

    @property
    def completion_gate(self):
        """While it is cleared, no image is completed."""
        return self.segmenters[-1].completion_gate

    @property
    def seen(self):
        return self.segmenters[-1].seen

    def close(self):
        if self.node is None:
            return
        for segmenter in self.segmenters:
            segmenter.gate.set()
            segmenter.completion_gate.set()
        self.context.try_shutdown()
        self._thread.join(5)
        self._executor.shutdown()
        self.node.close(5)
        self.node.destroy_node()
        # As long as a node of the same name exists, the next one would publish on /rosout through its publisher.
        self.node = self._executor = self._thread = None
        gc.collect()


class Robot:
    """The rest of the robot: a camera, whoever sends commands, and everything that listens to the node."""

    def __init__(self, *, namespace="", image_topic="image", image_type=None, image_reliability="best_effort",
                 prefix=""):
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray
        from rcl_interfaces.msg import Log
        from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
        from sensor_msgs.msg import Image, RegionOfInterest
        from std_msgs.msg import String

        from ris_ros.node.spinning import background_node

        self._spinning = ExitStack()
        self.node = self._spinning.enter_context(background_node(
            lambda context: rclpy.create_node("robot", namespace=namespace, context=context)))
        reliability = ReliabilityPolicy.RELIABLE if image_reliability == "reliable" else ReliabilityPolicy.BEST_EFFORT
        self.camera = self.node.create_publisher(image_type or Image, image_topic,
                                                 QoSProfile(depth=1, reliability=reliability))
        self.commands = self.node.create_publisher(String, "command", 10)
        self.prefix = f"ris/{prefix}"
        self.received = {}
        self.listeners = {}
        self.publishers = {}
        self._last_image = None
        self.logs = []
        self.diagnostics = []
        self.node.create_subscription(Log, "/rosout", lambda line: self.logs.append(line.msg), QoSProfile(
            depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL))
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self.diagnostics.append, 10)
        for name, message_type in (("mask", Image), ("roi", RegionOfInterest), ("result", String)):
            self.listen(name, message_type)

    def publisher(self, message_type, topic, reliability="reliable", **qos):
        """Return a further publisher, the same one for each topic."""
        from rclpy.qos import QoSProfile, ReliabilityPolicy

        if topic not in self.publishers:
            self.publishers[topic] = self.node.create_publisher(message_type, topic, QoSProfile(
                depth=5, reliability=ReliabilityPolicy[reliability.upper()], **qos))
            wait_for(lambda: self.publishers[topic].get_subscription_count(), what=f"a subscription of {topic}")
            time.sleep(0.3)
        return self.publishers[topic]

    def log(self, pattern, seconds=ANSWER_SECONDS):
        """Return the first line on /rosout since :meth:`clear`, now or later, that matches `pattern`."""
        return wait_for(lambda: next((line for line in list(self.logs) if re.search(pattern, line)), None), seconds,
                        f"{pattern!r} in {self.logs}")

    def status(self, name, condition=lambda status, values: True, seconds=ANSWER_SECONDS):
        """Wait until the status whose name ends with `name` meets `condition`; return it and its values."""
        def matching():
            for status in self.diagnostics[-1].status if self.diagnostics else ():
                values = {pair.key: pair.value for pair in status.values}
                if status.name.endswith(name) and condition(status, values):
                    return status, values
            return None
        return wait_for(matching, seconds, f"a status {name!r}, not {self.diagnostics[-1:]}")

    def listen(self, name, message_type):
        self.received[name] = []
        self.listeners[name] = self.node.create_subscription(
            message_type, f"{self.prefix}{name}", self.received[name].append, 10)

    def unlisten(self, name):
        self.node.destroy_subscription(self.listeners.pop(name))

    def connect(self):
        """Wait until the active node and this one have discovered each other."""
        wait_for(lambda: (self.camera.get_subscription_count() and self.commands.get_subscription_count()
                          and all(self.node.count_publishers(f"{self.prefix}{name}") for name in self.listeners)),
                 START_UP_SECONDS, "discovery")
        # Each end discovers the other on its own: that this one has does not mean that the other one has.
        time.sleep(0.3)

    def clear(self):
        for messages in (*self.received.values(), self.logs, self.diagnostics):
            messages.clear()
        self._last_image = None

    def send_command(self, text):
        from std_msgs.msg import String

        self.commands.publish(String(data=text))

    def send_image(self, image, stamp=(1, 0), encoding="rgb8", **changes):
        """Publish an image taken at `stamp`, (sec, nanosec), with some fields of its message changed."""
        from sensor_msgs.msg import Image

        message = Image(height=image.shape[0], width=image.shape[1], encoding=encoding, step=image[0].nbytes)
        message.header.stamp.sec, message.header.stamp.nanosec = stamp
        message.header.frame_id = "camera_optical"
        message.data = array("B", np.ascontiguousarray(image).tobytes())
        for name, value in changes.items():
            setattr(message, name, value)
        self._last_image = message
        self.camera.publish(message)

    def wait(self, seconds=1.0):
        """Wait, for instance for what the node should not do."""
        time.sleep(seconds)

    def restart(self):
        """Make the node discard its frames and commands."""
        assert self.change_state("deactivate")
        assert self.change_state("activate")
        self.connect()
        self.clear()

    def results(self):
        return [json.loads(message.data) for message in list(self.received["result"])]

    def answer(self, text, seconds=ANSWER_SECONDS):
        """Return the first result for `text` since :meth:`clear`."""
        def matching():
            return next((result for result in self.results() if result["text"] == text), None)

        # A best-effort frame may be lost while the node has not discovered this camera; a real one sends another.
        with suppress(AssertionError):
            return wait_for(matching, NEXT_FRAME_SECONDS)
        if self._last_image is not None:
            self.camera.publish(self._last_image)
        try:
            return wait_for(matching, seconds, f"a result for {text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}; the node wrote {self.logs}") from None

    def matching(self, name, stamp, seconds=ANSWER_SECONDS):
        """Return the message on `name` whose header has `stamp`, (sec, nanosec)."""
        return wait_for(lambda: next((m for m in list(self.received[name])
                                      if (m.header.stamp.sec, m.header.stamp.nanosec) == stamp), None),
                        seconds, f"{name} with stamp {stamp}")

    def call(self, service_type, name, seconds=START_UP_SECONDS, **fields):
        client = self.node.create_client(service_type, name)
        try:
            assert client.wait_for_service(seconds), f"no service {name}"
            futures = [client.call_async(service_type.Request(**fields))]

            def answered():
                return next((future for future in futures if future.done()), None)

            # An answer is lost if the service has not discovered its client yet, and a request if it goes to a node of
            # the same name that has just ended. Asking again is harmless, except for transitions.
            if service_type.__name__ != "ChangeState":
                with suppress(AssertionError):
                    return wait_for(answered, NEXT_FRAME_SECONDS).result()
                futures.append(client.call_async(service_type.Request(**fields)))
            return wait_for(answered, seconds, f"the answer of {name}").result()
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

        [result] = self.call(SetParameters, "ris/set_parameters",
                             parameters=[Parameter(name, value=value).to_parameter_msg()]).results
        return result

    def close(self):
        self._spinning.close()


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
def _private_ros_domain(private_ros_domain):
    """Every module here has a ROS domain of its own."""


@contextmanager
def _closing_all(make, close):
    """A function that makes objects, which are closed at the end, the last one first."""
    made = []
    try:
        yield lambda *args, **kwargs: made.append(make(*args, **kwargs)) or made[-1]
    finally:
        for one in reversed(made):
            close(one)


@pytest.fixture(scope="module")
def start_node():
    """A function that starts a node process, which ends with the module at the latest."""
    with _closing_all(NodeProcess, NodeProcess.kill) as start:
        yield start


@pytest.fixture(scope="module")
def local_node():
    """A function that starts a node in this process, which ends with the module at the latest."""
    with _closing_all(LocalNode, LocalNode.close) as start:
        yield start


@pytest.fixture(scope="module")
def make_robot():
    """A function that makes a robot, which is closed with the module at the latest."""
    with _closing_all(Robot, Robot.close) as make:
        yield make


@pytest.fixture(scope="module")
def node(local_node):
    """The node that :func:`robot` talks to: one in this process, unless a module overrides this fixture."""
    return local_node()


@pytest.fixture(scope="module")
def _robot(node, make_robot):
    robot = make_robot()
    robot.connect()
    return robot


@pytest.fixture
def robot(_robot):
    """A robot whose node is active and has no frame and no command."""
    _robot.clear()
    yield _robot
    _robot.restart()
