"""Subscriptions that are read on demand: messages stay in the middleware until the newest one is needed.

An executor takes every message of every camera, some milliseconds of Python each at 30 Hz, and the node would throw
nearly all of them away. Here a message that nobody needs costs this process nothing but the middleware's own threads.
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

from ris_ros.errors import InputError
from ris_ros.node.time_sync import Sample

if TYPE_CHECKING:
    from rclpy.node import Node
    from rclpy.subscription import MessageInfo

    from ris_ros.node.throttled_warnings import Trouble

QUEUE_DEPTH = 5
"""Messages that wait in the middleware, as in ROS's profile for sensor data."""
QUIET_SECONDS = 10.0
"""Time without a message after which a topic counts as quiet."""
STAMP_END = 12
"""Number of bytes of a serialized message until the end of its header's stamp."""
RATE_WINDOW_SECONDS = 5.0
"""Time over which a rate is measured."""


class PolledSubscription:
    """The messages of one topic, serialized; every method may be called from any thread.

    Parameters
    ----------
    node : creates the subscription
    message_type : message type whose first field is a header
    topic : resolved name
    reliability : "best_effort", "reliable", or "auto" for what the publishers offer
    warn : takes a warning about messages that cannot be received, and what to do about it

    """

    def __init__(self, node: Node, message_type: type, topic: str, reliability: str,
                 warn: Callable[[Trouble, str], object]):
        self.topic = topic
        self.message_type = message_type
        self._node = node
        self._reliability = reliability
        self._warn = warn
        self._group = _PolledGroup()
        self._lock = threading.Lock()
        self._published = 0
        self._last_taken = time.monotonic()
        self._counts: deque[tuple[float, int]] = deque()
        self._profile = self._suitable_profile()
        self._subscription: Subscription[Any] | None = self._subscribe()

    def take(self) -> list[Sample]:
        """Return the messages that have arrived since the last call, oldest first; the newest QUEUE_DEPTH at most."""
        taken: list[Sample] = []
        with self._lock:
            if self._subscription is None:
                return taken
            handle = self._subscription.handle
            with handle:
                while (message := handle.take_message(self.message_type, True)) is not None:
                    try:
                        taken.append(self._make_sample(*message))
                    except InputError as error:
                        self._warn("message-ignored", f"a message on {self.topic} is ignored: {error}")
                self._last_taken = time.monotonic()
        if taken:
            self._group.last_received = now = taken[-1].arrived
            self._counts.append((now, self._published))
            while self._counts[0][0] < now - RATE_WINDOW_SECONDS and len(self._counts) > 2:
                self._counts.popleft()
        return taken

    @property
    def rate(self) -> float:
        """Rate at which messages were published in the last seconds, Hz; 0 when it is unknown."""
        counts = tuple(self._counts)
        if len(counts) < 2 or time.monotonic() - counts[-1][0] > RATE_WINDOW_SECONDS:
            return 0.0
        (start, first), (end, last) = counts[0], counts[-1]
        return (last - first) / (end - start) if end > start else 0.0

    @property
    def publishers(self) -> int:
        """How many publishers the topic has."""
        return int(self._node.count_publishers(self.topic))

    def adapt(self) -> None:
        """Subscribe again if the publishers offer another quality of service than before; warn of other types."""
        for publisher in self._node.get_publishers_info_by_topic(self.topic):
            if publisher.topic_type != _type_name(self.message_type):
                self._warn("other-type", f"{publisher.node_name} publishes {self.topic} as {publisher.topic_type}, but "
                           f"{_type_name(self.message_type)} is read from it: see image_transport, depth_transport "
                           "and the remappings")
        profile = self._suitable_profile()
        if profile != self._profile:
            with self._lock:
                self._unsubscribe()
                self._profile = profile
                self._subscription = self._subscribe()

    def close(self) -> None:
        """Unsubscribe."""
        with self._lock:
            self._unsubscribe()

    def _subscribe(self) -> Subscription[Any]:
        return self._node.create_subscription(
            self.message_type, self.topic, _reject_callback, self._profile, raw=True, callback_group=self._group,
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=self._on_incompatible))

    def _unsubscribe(self) -> None:
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _make_sample(self, data: bytes, info: MessageInfo) -> Sample:
        # Not every middleware numbers its messages.
        stamp = _read_stamp(data)
        number = info.get("publication_sequence_number") or self._published + 1
        if number <= self._published:  # The publisher was restarted, or there are several.
            self._counts.clear()
        self._published = number
        return Sample(stamp, self._arrival(info), number, data)

    def _arrival(self, info: MessageInfo) -> float:
        """Return when a message arrived, seconds of ``time.monotonic()``: it may have waited in the middleware."""
        now, received = time.monotonic(), info.get("received_timestamp")
        # Not every middleware tells. The system's clock may have been set since then, but not while messages waited.
        return max(self._last_taken, now - max(0.0, (time.time_ns() - received) / 1e9)) if received else now

    def _suitable_profile(self) -> QoSProfile:
        offers = [publisher.qos_profile for publisher in self._node.get_publishers_info_by_topic(self.topic)]
        all_reliable = bool(offers) and all(offer.reliability == ReliabilityPolicy.RELIABLE for offer in offers)
        all_latched = bool(offers) and all(offer.durability == DurabilityPolicy.TRANSIENT_LOCAL for offer in offers)
        reliable = all_reliable if self._reliability == "auto" else self._reliability == "reliable"
        return QoSProfile(
            depth=QUEUE_DEPTH,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if all_latched else DurabilityPolicy.VOLATILE)

    def _on_incompatible(self, event: Any) -> None:
        if self._reliability == "auto":
            self.adapt()
        else:
            self._warn("other-qos", f"a publisher of {self.topic} offers less than this node asks for, and nothing is "
                       "received from it: set image_reliability to auto or best_effort")


class _PolledGroup(CallbackGroup):
    """Keeps executors from taking messages, but lets the middleware's events pass while the topic is quiet.

    With Fast DDS an executor that waits for the events of a subscription is also woken by its unread messages, and
    would never rest. Incompatible publishers are noticed all the same, since no messages arrive from them.

    Attributes
    ----------
    last_received : when the last message arrived, seconds of ``time.monotonic()``

    """

    last_received = -math.inf

    def can_execute(self, entity: Any) -> bool:
        return not isinstance(entity, Subscription) and time.monotonic() - self.last_received > QUIET_SECONDS

    def beginning_execution(self, entity: Any) -> bool:
        return True

    def ending_execution(self, entity: Any) -> None:
        pass


def _reject_callback(message: Any) -> None:
    raise AssertionError("this subscription is read on demand")


def _type_name(message_type: type) -> str:
    return f"{message_type.__module__.split('.')[0]}/msg/{message_type.__name__}"


def _read_stamp(data: bytes) -> int:
    """Return the stamp, in nanoseconds, of a serialized message that begins with a header.

    The second byte of the encapsulation says which byte order the message is in (DDS-RTPS, section 10.5). Raises an
    InputError for data that are too short to be such a message.
    """
    if len(data) < STAMP_END:
        raise InputError(f"{len(data)} bytes are too few for its type")
    seconds, nanoseconds = struct.unpack_from("<iI" if data[1] & 1 else ">iI", data, 4)
    return int(seconds * 10**9 + nanoseconds)
