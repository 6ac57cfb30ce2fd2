"""Reading of a camera's frames from a bag, without ROS.

The rosbags library (extra `bag`) reads what ROS 1 and ROS 2 record: folders, .mcap, .db3 and .bag files. Messages are
decoded as by the node.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.errors import InputError, MissingError, one_line, reading
from ris_ros.messages import decode_camera_info, decode_depth, decode_image
from ris_ros.recordings.open import open_bag
from ris_ros.types import Depth
from ris_ros.utils.images import MAX_IMAGE_PIXELS

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED_IMAGE = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"

FIELDS = {
    IMAGE: ("header", "height", "width", "encoding", "is_bigendian", "step", "data"),
    COMPRESSED_IMAGE: ("header", "format", "data"), CAMERA_INFO: ("header", "height", "width", "distortion_model")}
"""Fields of each message that is read. A bag brings its own definitions of the types."""

GREY_OR_DEPTH_ENCODINGS = ("16UC1", "32FC1", "mono16")
"""Encodings of topics that are not chosen as the colour images unless they are named."""

MAX_STAMP_DIFFERENCE_NS = 50_000_000
"""Largest difference, in nanoseconds, between the stamps of an image and of the depth that belongs to it."""

DEPTH_SEARCH_NS = 200_000_000
"""How long before and after an image, in nanoseconds, its depth may have been recorded."""

MAX_REPORTED_ERRORS = 20
"""Unusable messages that are described; further ones are only counted."""


@dataclass(frozen=True, eq=False)
class BagFrame:
    """One image of a bag.

    Attributes
    ----------
    number : its index among the images of the topic, from 0
    time : when it was recorded, in nanoseconds
    stamp : of its header, (seconds, nanoseconds)
    frame_id : of its header
    image : uint8 RGB [H, W, 3]
    depth : registered to the image; None if there is none
    missing_depth : why there is none although the bag has depth for the images; otherwise empty

    """

    number: int
    time: int
    stamp: tuple[int, int]
    frame_id: str
    image: np.ndarray
    depth: Depth | None
    missing_depth: str = ""


@dataclass(frozen=True)
class _Record:
    """A message as it was recorded: its time in nanoseconds, and the message or the error that reading it raised."""

    time: int
    message: Any = None
    error: Exception | None = None


class Bag:
    """The frames of one camera in a bag; a context manager.

    Parameters
    ----------
    path : a folder, or an .mcap, .db3 or .bag file
    topic : raw or compressed colour images; None for the only such topic
    depth : depth images; None for the only topic that is registered to the images, "none" for no depth
    camera_info : camera models; None for the topic next to the images
    max_pixels : of the largest image that is decoded

    Attributes
    ----------
    path : of the bag
    topic, depth, camera_info : the topics that are read; `depth` and `camera_info` are None if there is none to use
    broken : descriptions of the first unusable messages and topics, each with the reason

    Raises
    ------
    InputError
        If the bag cannot be read, does not have such a topic, or has several colour topics and none is named.

    """

    def __init__(self, path: str | Path, topic: str | None = None, depth: str | None = None,
                 camera_info: str | None = None, max_pixels: int = MAX_IMAGE_PIXELS) -> None:
        self.path = Path(path)
        self._max_pixels = max_pixels
        self.broken: list[str] = []
        self._broken_messages: set[tuple[str, int]] = set()
        self._reader = open_bag(self.path)
        try:
            with reading(f"the bag {path}"):
                self.topic = self._choose_image(topic)
                self.camera_info = self._choose_camera_info(camera_info)
                self._info = None if self.camera_info is None else self._first(self.camera_info)
                self.depth = self._choose_depth(depth)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Bag:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        """Return the number of images of the topic, unusable ones included."""
        return sum(connection.msgcount for connection in self._connections(self.topic))

    @property
    def broken_count(self) -> int:
        """Return the number of unusable messages; `broken` describes the first of them."""
        return len(self._broken_messages)

    def close(self) -> None:
        """Close the files."""
        self._reader.close()

    def frames(self, every: int = 1) -> Iterator[BagFrame]:
        """Yield the first frame and every `every`-th one after it, in the order in which they were recorded.

        Images that cannot be decoded are skipped and counted. A frame whose depth cannot be used comes without depth.
        """
        for index, record in enumerate(self._records(self.topic, every)):
            if record.error is not None:
                self._note(self.topic, record.time, record.error)
                continue
            try:
                image, header = decode_image(record.message, self._max_pixels), record.message.header
                stamp = header.stamp.sec, header.stamp.nanosec
            except MissingError:
                raise
            except Exception as error:  # Decoders may raise any exception for damaged data.
                self._note(self.topic, record.time, error)
                continue
            yield BagFrame(index * every, record.time, stamp, header.frame_id, image,
                           *self._find_depth(record.time, header, image.shape[:2]))

    def _connections(self, topic: str) -> list[Any]:
        return [connection for connection in self._reader.connections if connection.topic == topic]

    def _records(self, topic: str, every: int = 1, **period: int) -> Iterator[_Record]:
        """Yield the first message of a topic and every `every`-th one after it."""
        recorded = enumerate(self._reader.messages(self._connections(topic), **period))
        while True:
            try:
                number, (connection, time, data) = next(recorded)
            except StopIteration:
                return
            except InputError as error:  # It is too large.
                yield _Record(0, error=error)
                return
            except Exception as error:
                yield _Record(0, error=InputError(f"the file is damaged from here on: {one_line(error)}"))
                return
            if number % every:
                continue
            if not isinstance(time, int):
                yield _Record(0, error=InputError(f"message {number} has no time"))
                continue
            try:
                message = self._reader.deserialize(data, connection.msgtype)
                missing = [name for name in FIELDS.get(connection.msgtype, ()) if not hasattr(message, name)]
                if missing:
                    raise InputError(f"this {connection.msgtype} has no {', '.join(missing)}")
            except Exception as error:
                yield _Record(time, error=error)
            else:
                yield _Record(time, message)

    def _first(self, topic: str) -> _Record | None:
        """Return the first message of a topic that can be read; if there is none, note the reason."""
        failure: _Record | None = None
        for record in self._records(topic):
            if record.error is None:
                return record
            failure = failure or record
        if failure is not None and failure.error is not None:
            self._note(topic, failure.time, failure.error)
        return None

    def _first_image(self) -> tuple[Any, tuple[int, int]] | None:
        """Return header, height and width of the first image that can be decoded."""
        for record in self._records(self.topic):
            if record.error is None:
                try:
                    height, width, _ = decode_image(record.message, self._max_pixels).shape
                except MissingError:
                    raise
                except Exception:
                    continue
                return record.message.header, (height, width)
        return None

    def _note(self, topic: str, time: int, error: Exception) -> None:
        """Count an unusable message, once even if it is read repeatedly, and describe it if it is one of the first."""
        if (topic, time) in self._broken_messages:
            return
        self._broken_messages.add((topic, time))
        if len(self.broken) < MAX_REPORTED_ERRORS:
            self.broken.append(f"{topic} at {time / 1e9:.3f} s: {one_line(error)}" if time else
                               f"{topic}: {one_line(error)}")

    def _topics(self, *types: str) -> list[str]:
        return sorted({connection.topic for connection in self._reader.connections if connection.msgtype in types})

    def _choose_image(self, topic: str | None) -> str:
        known = self._topics(IMAGE, COMPRESSED_IMAGE)
        if topic is not None:
            # As image_transport names them: of a base topic, only its compressed form may have been recorded.
            for name in (topic, f"{topic}/compressed"):
                if name in known:
                    return name
            raise InputError(f"{self.path} has no images on {topic}; it has {', '.join(known) or 'none'}")
        colour = [name for name in known if (first := self._first(name)) is not None and _is_colour(first.message)]
        # Prefer the raw images of a camera to its compressed ones.
        colour = [name for name in colour if name.removesuffix("/compressed") == name
                  or name.removesuffix("/compressed") not in colour]
        if len(colour) > 1:
            raise InputError(f"{self.path} has images on {', '.join(colour)}: choose with --topic")
        if not colour:
            topics = ", ".join(sorted(self._reader.topics)) or "none"
            unread = f", as far as it can be read ({self.broken[0]})" if self.broken else ""
            raise InputError(f"{self.path} has no colour images{unread}; its topics are {topics}")
        return colour[0]

    def _choose_camera_info(self, topic: str | None) -> str | None:
        known = self._topics(CAMERA_INFO)
        if topic is not None:
            if topic not in known:
                raise InputError(f"{self.path} has no camera_info on {topic}; it has {', '.join(known) or 'none'}")
            return topic
        base = self.topic.removesuffix("/compressed")
        sibling = f"{base.rpartition('/')[0]}/camera_info"
        chosen = sibling if sibling in known else known[0] if len(known) == 1 else None
        if chosen is None and known:
            self._note(sibling, 0, InputError(f"no such camera model for the images on {self.topic}, so depth is not "
                                              f"used: choose one of {', '.join(known)} with --camera-info"))
        return chosen

    def _choose_depth(self, topic: str | None) -> str | None:
        """Return the depth topic to read; None, and the reason among the broken messages, if it cannot be used."""
        if topic == "none":
            return None
        known = [name for name in self._topics(IMAGE, COMPRESSED_IMAGE) if name != self.topic]
        if topic is not None:
            if topic not in known:
                raise InputError(f"{self.path} has no images on {topic}; it has {', '.join(known) or 'none'}")
            if self._info is None:
                raise InputError(f"depth needs a camera model: {self.path} has no camera_info for {self.topic}; "
                                 "choose one with --camera-info, or --depth none")
            known = [topic]
        first_records = {name: first for name in known if (first := self._first(name)) is not None
                  and (name == topic or not _is_colour(first.message))}
        if not first_records:
            return topic
        if self._info is None:
            if self.camera_info is None and not self._topics(CAMERA_INFO):
                self._note(next(iter(first_records)), 0, InputError("depth ignored: the bag has no camera_info"))
            return topic
        image = self._first_image()
        if image is None:
            return topic
        header, shape = image
        try:
            decode_camera_info(self._info.message, shape)
        except InputError as error:
            self._note(str(self.camera_info), self._info.time, InputError(f"depth ignored: {error}"))
            return None
        return topic or self._only_registered(first_records, header, shape)

    def _only_registered(self, first_records: dict[str, _Record], header: Any, shape: tuple[int, int]
                         ) -> str | None:
        """Return the only depth topic whose first message is registered to the images."""
        registered: list[str] = []
        refused: dict[str, Exception] = {}
        for name, first in first_records.items():
            try:
                decode_depth(first.message, header, shape)
            except Exception as error:
                refused[name] = error
            else:
                registered.append(name)
        if not registered:
            for name, reason in refused.items():
                self._note(name, first_records[name].time, reason)
        raw = [name for name in registered if not name.endswith("/compressedDepth")]
        # None if there are several: depth of another camera would put objects in wrong positions.
        registered = raw or registered
        if len(registered) > 1:
            self._note(registered[0], 0, InputError(f"depth ignored: {', '.join(registered)} all have the size and "
                                                    "frame of the images: choose one with --depth"))
        return registered[0] if len(registered) == 1 else None

    def _find_depth(self, time: int, header: Any, shape: tuple[int, int]) -> tuple[Depth | None, str]:
        """Return the depth of an image by its record time, header, height and width; None if there is none to use.

        With it comes the reason why there is none; it is empty for a bag without depth for the images.
        """
        if self.depth is None or self._info is None:
            return None, ""
        # It may have been recorded before or after the image; the stamps determine which one belongs to it.
        records = []
        for record in self._records(self.depth, start=time - DEPTH_SEARCH_NS, stop=time + DEPTH_SEARCH_NS):
            if record.error is None:
                records.append(record)
            else:
                self._note(self.depth, record.time, record.error)
        stamp = _stamp_ns(header)
        differences = [abs(_stamp_ns(record.message.header) - stamp) for record in records]
        if not records or min(differences) > MAX_STAMP_DIFFERENCE_NS:
            self._note(self.depth, time, InputError("no depth within 0.05 s of the stamp of the image at this time"))
            return None, "no depth within 0.05 s of the image"
        nearest = records[int(np.argmin(differences))]
        try:
            metres, camera = decode_depth(nearest.message, header, shape), decode_camera_info(self._info.message, shape)
        except Exception as error:
            self._note(self.depth, nearest.time, error)
            return None, one_line(error)
        return Depth(metres, camera), ""


def _stamp_ns(header: Any) -> int:
    return int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)


def _is_colour(message: Any) -> bool:
    """Return whether an image message is likely to hold a colour image, by its encoding or format."""
    if hasattr(message, "encoding"):
        return message.encoding not in GREY_OR_DEPTH_ENCODINGS
    original = message.format.partition(";")[0].strip()
    return "compressedDepth" not in message.format and original not in GREY_OR_DEPTH_ENCODINGS
