"""Inputs of one camera: images and, where they are published, depth and the camera model."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from ris_ros.errors import InputError, one_line
from ris_ros.messages import decode_camera_info, decode_depth, decode_image
from ris_ros.node.subscription import PolledSubscription
from ris_ros.node.time_sync import ApproximateTimeSync, Sample
from ris_ros.node.topics import is_remapped, suggest_image_topics
from ris_ros.types import CameraModel, Depth

if TYPE_CHECKING:
    from rclpy.node import Node
    from std_msgs.msg import Header

    from ris_ros.config import Config
    from ris_ros.node.throttled_warnings import ThrottledWarnings, Trouble

DISCOVERY_SECONDS = 5.0
"""Time within which existing publishers are discovered."""


@dataclass(frozen=True, eq=False)
class Frame:
    """An image with its depth.

    Attributes
    ----------
    image : uint8 RGB [H, W, 3]
    depth : depth registered to the image; None without depth or without camera model
    missing_depth : why there is no depth although the camera publishes some; empty if there is, or if it never did
    header : header of the image's message
    number : how many images the camera had sent by then
    arrived : when the image arrived, seconds of ``time.monotonic()``

    """

    image: np.ndarray
    depth: Depth | None
    missing_depth: str
    header: Header
    number: int
    arrived: float


class CameraInputs:
    """The frames of a camera, of which the newest can be had at any time; methods may be called from any thread.

    Subscribes to `image` (or `image/compressed`), `depth` (or `depth/compressedDepth`) and `camera_info`, all below the
    camera's name if it has one. Where `image` is remapped, `camera_info` is expected beside it, as by image_transport;
    if nothing publishes it there, under its own name.

    Parameters
    ----------
    node : creates the subscriptions
    name : name of the camera; may be empty
    config : how images are received and synchronized with depth
    warnings : takes warnings about what cannot be used

    Attributes
    ----------
    last_frame : the frame that was returned last; None when there is none

    """

    def __init__(self, node: Node, name: str, config: Config, warnings: ThrottledWarnings):
        self.name = name
        self.last_frame: Frame | None = None
        self._prefix = f"{name}/" if name else ""
        self._node = node
        self._warnings = warnings
        self._lock = threading.RLock()
        self._sync = ApproximateTimeSync()
        self._camera_info: Sample | None = None
        self._has_had_depth = False
        self._tolerance, self._max_age = config.depth_tolerance, config.max_image_age
        self._max_pixels = config.max_image_pixels
        self._subscribe(config)

    @property
    def topics(self) -> list[str]:
        """The resolved names of the image, depth and camera_info topics."""
        return [subscription.topic for subscription in self._subscriptions]

    @property
    def rate(self) -> float:
        """Rate at which images were published in the last seconds, Hz; 0 when it is unknown."""
        return self._images.rate

    def newest_frame(self) -> Frame | None:
        """Return the newest usable frame, which may be that of the last call.

        None before the first one, and while a newer image waits for its depth.
        """
        with self._lock:
            self._receive()
            pairs = self._sync.take(time.monotonic(), depth_expected=self._depths.publishers > 0,
                                    tolerance=self._tolerance)
            for image, depth in pairs:
                try:
                    self.last_frame = self._make_frame(image, depth)
                except Exception as error:  # No image that makes some library fail may end the work.
                    self._warn("frame-ignored", f"frame ignored: {one_line(error)}")
                else:
                    return self.last_frame
            return None if self._sync.is_waiting else self.last_frame

    def missing_frame(self) -> str:
        """Return why there is no frame to answer a command on; empty if there is one, or an image still to be read."""
        with self._lock:
            self._receive()
            if self._sync.is_waiting:
                return ""
            return "no image has arrived yet" if self.last_frame is None else self.staleness(self.last_frame)

    def staleness(self, frame: Frame) -> str:
        """Return in words how a frame is too old to answer a command on; empty if it is not."""
        age = self._age(frame)
        if not self._max_age or age <= self._max_age:
            return ""
        return (f"the newest usable image on {self._images.topic} is {age:.1f} s old, more than max_image_age "
                f"({self._max_age:g} s): has the camera stopped?")

    def discard_frames(self) -> None:
        """Discard everything that has arrived, as after a jump of the clock."""
        with self._lock:
            self._receive()
            self._sync.clear()
            self.last_frame = None

    def check(self) -> None:
        """Adapt the subscriptions to what the publishers offer, and warn about what is wrong with them."""
        if self._resolve_camera_info() != self._camera_infos.topic:
            with self._lock:
                self._camera_infos.close()
                self._subscribe_camera_info()
        for subscription in self._subscriptions:
            subscription.adapt()
        if (frame := self.last_frame) is not None and self.staleness(frame) and (reason := self.missing_frame()):
            self._warn("old-image", reason)
        if not self._images.publishers and time.monotonic() - self._subscribed_time > DISCOVERY_SECONDS:
            suggestion = suggest_image_topics(self._node, f"{self._prefix}image", self._settings[0])
            self._warn("no-image", f"nothing publishes {self._images.topic}; {suggestion}")

    def configure(self, config: Config) -> None:
        """Apply changed settings."""
        with self._lock:
            self._tolerance, self._max_age = config.depth_tolerance, config.max_image_age
            self._max_pixels = config.max_image_pixels
            if _subscription_settings(config) != self._settings:
                self.close()
                self._sync.clear()
                self._has_had_depth = False
                self._subscribe(config)

    def close(self) -> None:
        """Unsubscribe."""
        for subscription in self._subscriptions:
            subscription.close()

    def _subscribe(self, config: Config) -> None:
        self._subscribed_time = time.monotonic()
        self._settings = _subscription_settings(config)

        def subscribe_transport(name: str, transport: str) -> PolledSubscription:
            base, derived = self._resolve(name), f"{self._prefix}{name}/{transport}"
            if transport == "raw":
                return self._subscribe_to(Image, base, config.image_reliability)
            own = self._node.resolve_topic_name(derived)
            topic = own if is_remapped(self._node, derived) else f"{base}/{transport}"
            return self._subscribe_to(CompressedImage, topic, config.image_reliability)

        self._images = subscribe_transport("image", config.image_transport)
        self._depths = subscribe_transport("depth", config.depth_transport)
        self._subscribe_camera_info()

    def _subscribe_camera_info(self) -> None:
        self._camera_infos = self._subscribe_to(CameraInfo, self._resolve_camera_info(), "auto")
        self._subscriptions = self._images, self._depths, self._camera_infos

    def _subscribe_to(self, message_type: type, topic: str, reliability: str) -> PolledSubscription:
        return PolledSubscription(self._node, message_type, topic, reliability, partial(self._warn, source=topic))

    def _resolve(self, name: str) -> str:
        return self._node.resolve_topic_name(f"{self._prefix}{name}")

    def _resolve_camera_info(self) -> str:
        own, beside = self._resolve("camera_info"), f"{self._resolve('image').rpartition('/')[0]}/camera_info"
        if own == beside or is_remapped(self._node, f"{self._prefix}camera_info"):
            return own
        if self._node.count_publishers(beside) or not self._node.count_publishers(own):
            return beside
        self._warn("camera-info", f"nothing publishes {beside}, so the camera model is read from {own}: remap "
                   "camera_info to the topic of the camera")
        return own

    def _receive(self) -> None:
        # The image first: what was sent before it has then arrived as well.
        images = self._images.take()
        for sample in self._camera_infos.take():
            self._camera_info = sample
        for sample in self._depths.take():
            self._has_had_depth = True
            self._sync.add_depth(sample)
        for sample in images:
            self._sync.add_image(sample)

    def _make_frame(self, image: Sample, depth: Sample | None) -> Frame:
        message: Image | CompressedImage = _deserialize(image, self._images.message_type)
        pixels = decode_image(message, self._max_pixels)
        depth_image, missing_depth = self._make_depth(depth, message.header, pixels.shape[:2])
        return Frame(pixels, depth_image, missing_depth, message.header, image.number, image.arrived)

    def _make_depth(self, sample: Sample | None, image_header: Header, shape: tuple[int, int]
                    ) -> tuple[Depth | None, str]:
        """Return the depth of an image; None, with the reason and a warning, if it is unusable.

        The image is used without it. The reason is empty for a camera that has no depth.
        """
        if sample is None:
            return None, self._absent_depth()
        try:
            message: Image | CompressedImage = _deserialize(sample, self._depths.message_type)
            return Depth(decode_depth(message, image_header, shape), self._camera_model(shape)), ""
        except InputError as error:
            self._warn("depth-ignored", f"depth ignored: {error}")
            return None, str(error)

    def _absent_depth(self) -> str:
        """Return why no depth belongs to an image, and warn of it; empty for a camera that has no depth."""
        if self._depths.publishers:
            reason = f"no depth within {self._tolerance:g} s of the image"
            self._warn("depth-missing", f"{reason}: see depth_tolerance, and the stamps of {self._depths.topic}")
        elif self._has_had_depth:
            reason = f"nothing publishes {self._depths.topic} any more"
            self._warn("depth-missing", reason)
        else:
            reason = ""
        return reason

    def _camera_model(self, shape: tuple[int, int]) -> CameraModel:
        if self._camera_info is None:
            raise InputError(f"no camera model has arrived on {self._camera_infos.topic}")
        return decode_camera_info(_deserialize(self._camera_info, CameraInfo), shape)

    def _age(self, frame: Frame) -> float:
        """Return the seconds since a frame arrived; at most the simulated time since it was taken, if that is used."""
        age, clock = time.monotonic() - frame.arrived, self._node.get_clock()
        stamp = frame.header.stamp
        simulated = clock.now().nanoseconds / 1e9 - stamp.sec - stamp.nanosec / 1e9
        is_simulated = clock.ros_time_is_active  # type: ignore[attr-defined]  # It is a ROSClock.
        # A paused simulation sends no images, but nothing moves in it either.
        return min(age, simulated) if is_simulated and simulated >= 0 else age

    def _warn(self, trouble: Trouble, text: str, source: str = "") -> None:
        self._warnings.warn(trouble, f"{self.name}: {text}" if self.name else text, f"{self.name} {source}")


def _deserialize(sample: Sample, message_type: type) -> Any:
    """Return a message; raises an InputError if the data are not one of that type."""
    try:
        return deserialize_message(sample.data, message_type)
    except RuntimeError as error:  # Of a private type of rclpy's.
        raise InputError(f"{len(sample.data)} bytes that are no {message_type.__name__}: {one_line(error)}") from error


def _subscription_settings(config: Config) -> tuple[str, ...]:
    """Return the settings whose change needs new subscriptions."""
    return config.image_transport, config.depth_transport, config.image_reliability
