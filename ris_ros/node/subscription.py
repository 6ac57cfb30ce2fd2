"""Topics that are read on demand: messages stay in the middleware until the work wants the newest.

An executor would take every message of every camera, some milliseconds of Python each at 30 Hz, to throw nearly all of
them away. Here a message that nobody needs costs this process nothing but the middleware's own threads.
"""

from __future__ import annotations

import math
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import CallbackGroup
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from ris_ros.node.time_sync import Sample

if TYPE_CHECKING:
    from rclpy.node import Node

# Messages that wait in the middleware, as in ROS's profile for sensor data.
DEPTH = 5
# Seconds without a message after which a stream counts as quiet.
QUIET = 10.0
# Seconds over which a rate is taken.
WINDOW = 5.0


class PolledSubscription:
    """The messages of one topic, as bytes with the stamp of their header; every method may be called by any thread.

    Parameters
    ----------
    node : makes the subscription
    message_type : a message type whose first field is a header
    topic : name, resolved
    reliability : "best_effort", "reliable", or "auto" for what the publishers offer
    warn : told of publishers that cannot be heard, with the remedy

    """

    def __init__(self, node: Node, message_type: type, topic: str, reliability: str, warn: Callable[[str], None]):
        self.topic = topic
        self.message_type = message_type
        self._node = node
        self._reliability = reliability
        self._warn = warn
        self._group = _Unserved()
        self._lock = threading.Lock()
        self._published = 0
        self._counts: deque[tuple[float, int]] = deque()
        self._profile = self._suitable_profile()
        self._subscription = self._subscribe()

    def take(self) -> list[Sample]:
        """What has come since the last call, oldest first; at most DEPTH messages, the newest."""
        taken = []
        with self._lock:
            if self._subscription is None:
                return taken
            handle = self._subscription.handle
            with handle:
                while (message := handle.take_message(self.message_type, True)) is not None:
                    taken.append(self._sample(*message))
        if taken:
            self._group.received = now = taken[-1].arrived
            self._counts.append((now, self._published))
            while self._counts[0][0] < now - WINDOW and len(self._counts) > 2:
                self._counts.popleft()
        return taken

    @property
    def rate(self) -> float:
        """Messages published a second, lately; 0 when that is unknown."""
        counts = tuple(self._counts)
        if len(counts) < 2 or time.monotonic() - counts[-1][0] > WINDOW:
            return 0.0
        (start, first), (end, last) = counts[0], counts[-1]
        return (last - first) / (end - start) if end > start else 0.0

    @property
    def publishers(self) -> int:
        """How many publishers the topic has."""
        return self._node.count_publishers(self.topic)

    def adapt(self) -> None:
        """Subscribe anew where the publishers offer another quality of service than they did."""
        for publisher in self._node.get_publishers_info_by_topic(self.topic):
            if publisher.topic_type != _type_name(self.message_type):
                self._warn(f"{publisher.node_name} publishes {self.topic} as {publisher.topic_type}, but "
                           f"{_type_name(self.message_type)} is read from it: see image_transport, depth_transport "
                           "and the remappings")
        profile = self._suitable_profile()
        if profile != self._profile:
            with self._lock:
                self._node.destroy_subscription(self._subscription)
                self._profile = profile
                self._subscription = self._subscribe()

    def close(self) -> None:
        """Unsubscribe."""
        with self._lock:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _subscribe(self) -> Subscription:
        return self._node.create_subscription(
            self.message_type, self.topic, _never, self._profile, raw=True, callback_group=self._group,
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=self._on_incompatible))

    def _sample(self, data: bytes, info: dict[str, Any]) -> Sample:
        # Not every middleware numbers what it sends.
        number = info.get("publication_sequence_number") or self._published + 1
        if number <= self._published:  # A publisher that started anew, or a second one.
            self._counts.clear()
        self._published = number
        return Sample(_stamp(data), time.monotonic(), number, data)

    def _suitable_profile(self) -> QoSProfile:
        offers = [publisher.qos_profile for publisher in self._node.get_publishers_info_by_topic(self.topic)]
        all_reliable = bool(offers) and all(offer.reliability == ReliabilityPolicy.RELIABLE for offer in offers)
        all_latched = bool(offers) and all(offer.durability == DurabilityPolicy.TRANSIENT_LOCAL for offer in offers)
        reliable = all_reliable if self._reliability == "auto" else self._reliability == "reliable"
        return QoSProfile(
            depth=DEPTH,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if all_latched else DurabilityPolicy.VOLATILE)

    def _on_incompatible(self, event: Any) -> None:
        if self._reliability == "auto":
            self.adapt()
        else:
            self._warn(f"a publisher of {self.topic} offers less than this node asks for, and nothing is received from "
                       "it: set image_reliability to auto or best_effort")


class _Unserved(CallbackGroup):
    """Keeps executors from taking messages; the middleware's events pass while no messages come.

    With Fast DDS an executor that waits for the events of a subscription is woken by its unread messages too, and would
    never rest. Publishers that cannot be heard are noticed all the same: from them no messages come.
    """

    received = -math.inf  # when the last message came, of time.monotonic()

    def can_execute(self, entity: Any) -> bool:
        return not isinstance(entity, Subscription) and time.monotonic() - self.received > QUIET

    def beginning_execution(self, entity: Any) -> bool:
        return True

    def ending_execution(self, entity: Any) -> None:
        pass


def _never(message: Any) -> None:
    raise AssertionError("this subscription is read on demand")


def _type_name(message_type: type) -> str:
    return f"{message_type.__module__.split('.')[0]}/msg/{message_type.__name__}"


def _stamp(data: bytes) -> int:
    """The stamp, in nanoseconds, of a serialized message that begins with a header.

    The encapsulation's second byte tells the byte order (DDS-RTPS, 10.5).
    """
    seconds, nanoseconds = struct.unpack_from("<iI" if data[1] & 1 else ">iI", data, 4)
    return seconds * 10**9 + nanoseconds
