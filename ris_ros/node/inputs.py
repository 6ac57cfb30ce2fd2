"""What one camera sends: images, and with them depth and the camera's model where they come."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from ris_ros.errors import InputError, one_line
from ris_ros.node import conversions
from ris_ros.node.subscription import PolledSubscription
from ris_ros.node.time_sync import ApproximateTimeSync, Sample
from ris_ros.types import CameraModel, Depth

if TYPE_CHECKING:
    from rclpy.node import Node
    from std_msgs.msg import Header

    from ris_ros.config import Config
    from ris_ros.node.warnings import ThrottledWarnings

# Seconds in which publishers that are there will have been discovered.
DISCOVERY = 5.0


@dataclass(frozen=True, eq=False)
class Frame:
    """An image with what belongs to it.

    Attributes
    ----------
    image : RGB uint8 [H, W, 3]
    depth : in the image's frame and size; None without depth or camera model
    header : of the image's message
    number : how many images the camera had sent by then

    """

    image: np.ndarray
    depth: Depth | None
    header: Header
    number: int


class CameraInputs:
    """The newest frame of a camera, whenever one is wanted; every method may be called by any thread.

    Subscribes to `image` (or `image/compressed`), `depth` (or `depth/compressedDepth`) and `camera_info`, all below the
    camera's name if it has one.
    Where `image` is remapped, `camera_info` is taken from beside it, as image_transport does.

    Parameters
    ----------
    node : makes the subscriptions
    name : of the camera; may be empty
    config : how images are received and paired
    notices : told of what cannot be used

    """

    def __init__(self, node: Node, name: str, config: Config, notices: ThrottledWarnings):
        self.name = name
        self._node = node
        self._notices = notices
        self._lock = threading.RLock()
        self._pairing = ApproximateTimeSync()
        self._frame: Frame | None = None
        self._info: Sample | None = None
        self._tolerance = config.depth_tolerance
        self._open(config)

    @property
    def topics(self) -> list[str]:
        """The names of the image, depth and camera_info topics, resolved."""
        return [stream.topic for stream in self._streams]

    @property
    def rate(self) -> float:
        """Images published a second, lately; 0 when that is unknown."""
        return self._image.rate

    @property
    def frame(self) -> Frame | None:
        """The frame that was used last."""
        return self._frame

    def newest(self) -> Frame | None:
        """The newest frame that can be used, which may be the one of the last call.

        None while there was none yet, and while a newer one waits for its depth.
        """
        with self._lock:
            self._receive()
            now = time.monotonic()
            pairs = self._pairing.take(now, depth_expected=self._depth.publishers > 0, tolerance=self._tolerance)
            for image, depth in pairs:
                try:
                    self._frame = self._made(image, depth)
                except Exception as error:  # No picture that some library chokes on may end the work.
                    self._warn("frame", f"frame ignored: {one_line(error)}")
                else:
                    return self._frame
            return None if self._pairing.is_waiting else self._frame

    def has_frame(self) -> bool:
        """Whether an image has come that may be one to use."""
        with self._lock:
            self._receive()
            return self._frame is not None or self._pairing.is_waiting

    def forget(self) -> None:
        """Forget what has come, as after a jump of the clock."""
        with self._lock:
            self._receive()
            self._pairing.clear()
            self._frame = None

    def check(self) -> None:
        """See what the publishers offer, and adapt to it or say what is wrong."""
        for stream in self._streams:
            stream.adapt()
        if not self._image.publishers and time.monotonic() - self._opened > DISCOVERY:
            self._warn("no camera", f"nothing publishes {self._image.topic}; {self._known_images()}")

    def configure(self, config: Config) -> None:
        """Take over changed settings."""
        with self._lock:
            self._tolerance = config.depth_tolerance
            if _received_by(config) != self._received_by:
                self.close()
                self._pairing.clear()
                self._open(config)

    def close(self) -> None:
        """Unsubscribe."""
        for stream in self._streams:
            stream.close()

    def _open(self, config: Config) -> None:
        self._opened = time.monotonic()
        self._received_by = _received_by(config)
        prefix = f"{self.name}/" if self.name else ""
        image, depth = (self._node.resolve_topic_name(f"{prefix}{name}") for name in ("image", "depth"))

        def stream(message_type: type, topic: str, reliability: str) -> PolledSubscription:
            return PolledSubscription(self._node, message_type, topic, reliability, lambda text: self._warn(topic, text))

        def transported(name: str, base: str, transport: str) -> PolledSubscription:
            if transport == "raw":
                return stream(Image, base, config.image_reliability)
            topic = self._derived(f"{prefix}{name}/{transport}", f"{base}/{transport}")
            return stream(CompressedImage, topic, config.image_reliability)

        self._image = transported("image", image, config.image_transport)
        self._depth = transported("depth", depth, config.depth_transport)
        beside = f"{image.rpartition('/')[0]}/camera_info"
        self._model = stream(CameraInfo, self._derived(f"{prefix}camera_info", beside), "auto")
        self._streams = self._image, self._depth, self._model

    def _derived(self, topic: str, default: str) -> str:
        """A topic's own remapping where it has one, else `default`."""
        resolved = self._node.resolve_topic_name(topic)
        return default if resolved == self._node.resolve_topic_name(topic, only_expand=True) else resolved

    def _receive(self) -> None:
        # The image first: what was sent before it is there too by then.
        images = self._image.take()
        for sample in self._model.take():
            self._info = sample
        for sample in self._depth.take():
            self._pairing.add_depth(sample)
        for sample in images:
            self._pairing.add_image(sample)

    def _made(self, image: Sample, depth: Sample | None) -> Frame:
        message = deserialize_message(image.data, self._image.message_type)
        pixels = conversions.to_rgb(message)
        return Frame(pixels, self._made_depth(depth, message.header, pixels.shape[:2]), message.header, image.number)

    def _made_depth(self, depth: Sample | None, header: Header, shape: tuple[int, int]) -> Depth | None:
        """The depth of an image; None, and a warning, where it cannot be used: the image can without it."""
        if depth is None:
            if self._depth.publishers:
                self._warn("depth", f"no depth within {self._tolerance:g} s of the image: see depth_tolerance, and the "
                           f"stamps of {self._depth.topic}")
            return None
        try:
            message = deserialize_message(depth.data, self._depth.message_type)
            return Depth(conversions.to_metres(message, header, shape), self._camera_model(shape))
        except InputError as error:
            self._warn("depth", f"depth ignored: {error}")
            return None

    def _camera_model(self, shape: tuple[int, int]) -> CameraModel:
        if self._info is None:
            raise InputError(f"no camera model has come on {self._model.topic}")
        return conversions.to_camera_model(deserialize_message(self._info.data, CameraInfo), shape)

    def _known_images(self) -> str:
        wanted = f"sensor_msgs/msg/{self._image.message_type.__name__}"
        own = self._node.get_fully_qualified_name()
        known = [topic for topic, types in self._node.get_topic_names_and_types()
                 if wanted in types and not topic.startswith(f"{own}/") and self._node.count_publishers(topic)]
        return f"remap it to one of the image topics: {', '.join(known)}" if known else "no camera publishes images"

    def _warn(self, kind: str, text: str) -> None:
        self._notices.warn(f"{self.name}: {kind}", f"{self.name}: {text}" if self.name else text)


def _received_by(config: Config) -> tuple[str, ...]:
    """What a change of makes the topics be subscribed to anew."""
    return config.image_transport, config.depth_transport, config.image_reliability
