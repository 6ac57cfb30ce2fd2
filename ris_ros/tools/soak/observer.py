"""The soak test's side of the node: sends commands and faulty messages, and passes answers to the checks."""

from __future__ import annotations

import json
import threading
import time
from array import array
from collections.abc import Callable
from typing import Any

import rclpy
from rcl_interfaces.srv import SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String

from ris_ros.messages import has_interfaces
from ris_ros.tools.soak.checks import AnswerChecks, Truth

AFTER_PAUSE_SECONDS = 2.0
"""Time after a pause of the camera in which an answer may still use the image before it."""


class Observer(Node):
    """Sends commands and checks the answers, while another thread spins this node.

    Attributes
    ----------
    checks : the account of commands and answers; use it with `lock`

    """

    def __init__(self, context: rclpy.Context) -> None:
        super().__init__("soak", context=context)
        self.checks, self.lock = AnswerChecks(), threading.Lock()
        self._commands = self.create_publisher(String, "command", 50)
        # A second publisher on the image topic, for images that no camera sends.
        self._images = self.create_publisher(Image, "image", 5)
        self._setter: Any = self.create_client(SetParameters, "ris/set_parameters")
        self._finder: Any = None
        if has_interfaces():
            from rclpy.action import ActionClient
            from ris_interfaces.action import Find

            self._finder = ActionClient(self, Find, "ris/find")
        self.create_subscription(String, "ris/result", self._on_result, 100)
        # The stamp of an image that is missed here would be taken for a wrong one.
        self.create_subscription(CameraInfo, "camera_info", self._on_camera_info, 1000)

    def ask(self, truth: Truth, *, is_excused: bool = False) -> str:
        """Publish a command with an id of its own, and return the id; an excused one may stay without an answer."""
        with self.lock:
            identifier = self.checks.add_command(truth, self.now(), is_excused=is_excused)
        self.send_raw(json.dumps({"id": identifier, "text": truth.text}))
        return identifier

    def send_raw(self, data: str) -> None:
        """Publish anything as a command."""
        self._commands.publish(String(data=data))

    def send_image(self, **values: Any) -> None:
        """Publish an image message with the given fields."""
        message = Image(**{name: value for name, value in values.items() if name != "data"})
        message.data = array("B", values.get("data", b""))
        message.header.frame_id = "soak"
        self._images.publish(message)

    def set_parameter(self, name: str, value: Any, seconds: float) -> bool:
        """Set a parameter of the node; return whether the node answered in time, also if it refused."""
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        return wait_until(self._setter.call_async(request).done, seconds)

    def send_goal(self, text: str, seconds: float, *, cancel: bool) -> bool:
        """Send a goal, and cancel it if asked; return whether it ended within so many seconds.

        True as well where ris_interfaces is not installed.
        """
        if self._finder is None:
            return True
        from ris_interfaces.action import Find

        accepted = self._finder.send_goal_async(Find.Goal(text=text))
        if not wait_until(accepted.done, seconds):
            return False
        handle = accepted.result()
        if cancel:
            handle.cancel_goal_async()
        return wait_until(handle.get_result_async().done, seconds)

    def is_answered(self, identifier: str) -> bool:
        """Return whether a command has an answer."""
        with self.lock:
            return self.checks.is_answered(identifier)

    def excuse_waiting(self) -> None:
        """Expect no answers to the commands that wait."""
        with self.lock:
            self.checks.excuse_waiting(self.now())

    def expect_pause(self, seconds: float) -> None:
        """Accept old images for so many seconds, and a moment longer."""
        with self.lock:
            self.checks.accept_old_images(self.now() + seconds + AFTER_PAUSE_SECONDS)

    def has_waiting(self) -> bool:
        """Return whether commands wait for their answers; take note of those that have waited for too long."""
        with self.lock:
            self.checks.note_lost(self.now())
            return bool(self.checks.waiting())

    def is_ready(self) -> bool:
        """Return whether an active node and a camera have been discovered."""
        with self.lock:
            has_image = self.checks.has_image
        return bool(has_image and self._commands.get_subscription_count() and self.count_publishers("ris/result")
                    and self._setter.service_is_ready())

    def now(self) -> float:
        """Return the time of the ROS clock, seconds."""
        return float(self.get_clock().now().nanoseconds / 1e9)

    def _on_camera_info(self, message: CameraInfo) -> None:
        with self.lock:
            self.checks.add_image(message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec)

    def _on_result(self, message: String) -> None:
        with self.lock:
            self.checks.add_answer(json.loads(message.data))


def wait_until(condition: Callable[[], object], seconds: float) -> bool:
    """Wait for a condition; return whether it held within so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
