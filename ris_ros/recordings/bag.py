"""Recordings without ROS: the frames of a camera in a bag.

By the rosbags library (extra `bag`), which reads what ROS 1 and ROS 2 record: folders, .mcap, .db3 and .bag files.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ris_ros.errors import InputError, MissingError
from ris_ros.geometry import camera_model
from ris_ros.types import CameraModel, Depth
from ris_ros.utils.images import decode_depth

RAW, COMPRESSED, INFO = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/CameraInfo"
# Encodings that say nothing about colour, as what most drivers mean by them.
_SAME_AS = {"8UC1": "mono8", "8UC3": "rgb8", "8UC4": "rgba8"}
_DEPTH = {"16UC1": (np.uint16, 0.001), "mono16": (np.uint16, 0.001), "32FC1": (np.float32, 1.0)}
# Depth belongs to an image when their stamps are no further apart, in nanoseconds.
_TOGETHER = 50_000_000
# Broken messages that are named.
_NAMED = 20


@dataclass(frozen=True, eq=False)
class BagFrame:
    """One image of a bag.

    Attributes
    ----------
    number : which of its topic's images it is, from 0
    time : when it was recorded, nanoseconds
    stamp : of its header, (seconds, nanoseconds)
    frame_id : of its header
    image : uint8 RGB [H, W, 3]
    depth : in the image's frame and size; None where there is none

    """

    number: int
    time: int
    stamp: tuple[int, int]
    frame_id: str
    image: np.ndarray
    depth: Depth | None


class Bag:
    """The frames of one camera in a bag; a context manager.

    Parameters
    ----------
    path : a folder, or an .mcap, .db3 or .bag file
    topic : of raw or compressed colour images; None for the only one there is
    depth : topic of depth images; None for the only one of the image's size, "none" for no depth
    camera_info : topic of the camera's model; None for the one beside the images

    Raises
    ------
    InputError
        When the bag cannot be read or has no such topic, or the choice is not clear.

    """

    def __init__(self, path: str | Path, topic: str | None = None, depth: str | None = None,
                 camera_info: str | None = None):
        self.path = Path(path)
        self.broken: list[str] = []
        self._broken_count = 0
        self._reader = _open(self.path)
        try:
            self.topic = self._choose_image(topic)
            self.camera_info = self._choose_camera_info(camera_info)
            self.depth = self._choose_depth(depth)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Bag:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __len__(self) -> int:
        """How many images the topic has, broken ones included."""
        return sum(connection.msgcount for connection in self._connections(self.topic))

    @property
    def broken_count(self) -> int:
        """How many messages could not be used; `broken` names the first of them and what was wrong."""
        return self._broken_count

    def close(self) -> None:
        """Close the files."""
        self._reader.close()

    def frames(self, every: int = 1) -> Iterator[BagFrame]:
        """Every so manieth frame, in the order in which they were recorded; broken ones are left out and counted."""
        for number, (time, message) in enumerate(self._messages(self.topic, every)):
            try:
                if message is None:
                    continue
                image = _to_rgb(message)
                depth = self._depth_at(time, _stamp(message.header), image.shape[:2])
            except Exception as error:      # What is in a bag makes decoders raise nearly anything.
                self._note(self.topic, time, error)
                continue
            stamp = message.header.stamp
            yield BagFrame(number * every, time, (stamp.sec, stamp.nanosec), message.header.frame_id, image, depth)

    def _connections(self, topic: str) -> list[Any]:
        return [connection for connection in self._reader.connections if connection.topic == topic]

    def _messages(self, topic: str, every: int = 1, **between: int) -> Iterator[tuple[int, Any]]:
        """Time and message of every so manieth; None instead of one that cannot be read."""
        raw = enumerate(self._reader.messages(self._connections(topic), **between))
        while True:
            try:
                number, (connection, time, data) = next(raw)
            except StopIteration:
                return
            except Exception as error:      # The file itself is damaged from here on.
                self._note(topic, 0, error)
                return
            if number % every:
                continue
            try:
                message = self._reader.deserialize(data, connection.msgtype)
            except Exception as error:
                self._note(topic, time, error)
                message = None
            yield time, message

    def _first(self, topic: str) -> Any:
        return next((message for _, message in self._messages(topic) if message is not None), None)

    def _note(self, topic: str, time: int, error: Exception) -> None:
        self._broken_count += 1
        if len(self.broken) < _NAMED:
            text = " ".join(str(error).split()) or type(error).__name__
            self.broken.append(f"{topic} at {time / 1e9:.3f} s: {text}")

    def _of_types(self, *types: str) -> list[str]:
        return sorted({connection.topic for connection in self._reader.connections if connection.msgtype in types})

    def _choose_image(self, topic: str | None) -> str:
        known = self._of_types(RAW, COMPRESSED)
        if topic is not None:
            # As image_transport names them: a base topic may be here in its compressed form alone.
            for name in (topic, f"{topic}/compressed"):
                if name in known:
                    return name
            raise InputError(f"{self.path} has no images on {topic}; it has {', '.join(known) or 'none'}")
        colour = [name for name in known if (first := self._first(name)) is not None and _is_colour(first)]
        # One camera's raw images go before its compressed ones.
        colour = [name for name in colour if name.removesuffix("/compressed") == name
                  or name.removesuffix("/compressed") not in colour]
        if len(colour) > 1:
            raise InputError(f"{self.path} has images on {', '.join(colour)}: choose with --topic")
        if not colour:
            topics = ", ".join(sorted(self._reader.topics)) or "none"
            raise InputError(f"{self.path} has no colour images; its topics are {topics}")
        return colour[0]

    def _choose_camera_info(self, topic: str | None) -> str | None:
        known = self._of_types(INFO)
        if topic is not None:
            if topic not in known:
                raise InputError(f"{self.path} has no camera_info on {topic}; it has {', '.join(known) or 'none'}")
            return topic
        base = self.topic.removesuffix("/compressed")
        beside = f"{base.rpartition('/')[0]}/camera_info"
        return beside if beside in known else known[0] if len(known) == 1 else None

    def _choose_depth(self, topic: str | None) -> str | None:
        if topic == "none":
            return None
        known = [name for name in self._of_types(RAW, COMPRESSED) if name != self.topic]
        if topic is not None:
            if topic not in known:
                raise InputError(f"{self.path} has no images on {topic}; it has {', '.join(known) or 'none'}")
            if self._camera() is None:
                raise InputError(f"depth needs a camera model: {self.path} has no camera_info for {self.topic}; "
                                 "choose one with --camera-info, or --depth none")
            return topic
        first = self._first(self.topic)
        if self._camera() is None or first is None:
            return None
        size = _to_rgb(first).shape[:2]
        fitting = []
        for name in known:
            with suppress(Exception):
                if _to_metres(self._first(name)).shape == size:
                    fitting.append(name)
        raw = [name for name in fitting if not name.endswith("/compressedDepth")]
        # An unclear choice is none: depth that is not in the image's frame would put things in wrong places.
        fitting = raw or fitting
        return fitting[0] if len(fitting) == 1 else None

    def _camera(self) -> CameraModel | None:
        if not hasattr(self, "_model"):
            info = None if self.camera_info is None else self._first(self.camera_info)
            self._model = None if info is None else camera_model(info)
        return self._model

    def _depth_at(self, time: int, stamp: int, size: tuple[int, int]) -> Depth | None:
        if self.depth is None:
            return None
        # Recorded a little earlier or later than the image; which one belongs to it, the stamps say.
        around = [message for _, message in self._messages(self.depth, start=time - 4 * _TOGETHER,
                                                           stop=time + 4 * _TOGETHER) if message is not None]
        apart = [abs(_stamp(message.header) - stamp) for message in around]
        if not around or min(apart) > _TOGETHER:
            return None
        try:
            metres = _to_metres(around[int(np.argmin(apart))])
            if metres.shape != size:
                raise InputError(f"depth is {metres.shape[1]} x {metres.shape[0]} pixels, but the image is {size[1]} x "
                                 f"{size[0]}")
        except Exception as error:
            self._note(self.depth, time, error)
            return None
        return Depth(metres, self._camera())


def _open(path: Path) -> Any:
    try:
        from rosbags.highlevel import AnyReader
        from rosbags.typesys import Stores, get_typestore
    except ImportError as error:
        raise MissingError("bags need the rosbags library: pip install 'ris_ros[bag]'") from error
    try:
        # Bags of ROS 2 before Iron do not carry their types.
        reader = AnyReader([path], default_typestore=get_typestore(Stores.LATEST))
        reader.open()
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"cannot read the bag {path}: {reason}") from error
    return reader


def _stamp(header: Any) -> int:
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec


def _is_colour(message: Any) -> bool:
    if hasattr(message, "encoding"):
        return message.encoding not in _DEPTH
    return "compressedDepth" not in message.format and "16UC1" not in message.format


def _to_rgb(message: Any) -> np.ndarray:
    """Uint8 RGB [H, W, 3] of a raw or compressed image; errors of any kind."""
    from rosbags.image import message_to_cvimage

    if not hasattr(message, "encoding"):
        # The camera model describes the pixels as they were taken: an orientation tag must not turn them.
        flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        picture = cv2.imdecode(message.data, flags) if message.data.size else None
        if picture is None:
            raise InputError(f"a compressed image of {message.data.size} bytes cannot be decoded")
        return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    if not message.width or not message.height or message.data.size < message.height * message.step:
        raise InputError(f"an image of {message.width} x {message.height} pixels with {message.data.size} bytes")
    plain = replace(message, encoding=_SAME_AS.get(message.encoding, message.encoding))
    return np.ascontiguousarray(message_to_cvimage(plain, "rgb8"))


def _to_metres(message: Any) -> np.ndarray:
    """Float32 [H, W] of a raw or compressed depth image; errors of any kind."""
    if not hasattr(message, "encoding"):
        return decode_depth(message.data, message.format)
    if message.encoding not in _DEPTH:
        raise InputError(f"depth is 16UC1 or 32FC1, not {message.encoding}")
    dtype, scale = _DEPTH[message.encoding]
    order = np.dtype(dtype).newbyteorder(">" if message.is_bigendian else "<")
    rows = message.data[:message.height * message.step].reshape(message.height, message.step)
    pixels = np.ascontiguousarray(rows[:, :message.width * order.itemsize]).view(order)
    return pixels.astype(np.float32) * np.float32(scale)
