"""Writing of results into a bag and a video."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ris_ros.errors import InputError
from ris_ros.messages import MessageBuilder, TypestoreMessageFactory
from ris_ros.serialization import to_json

if TYPE_CHECKING:
    from ris_ros.geometry import Object3D
    from ris_ros.recordings.bag import BagFrame
    from ris_ros.types import Result

MIN_FRAME_RATE, MAX_FRAME_RATE = 1.0, 60.0
"""Range of a video's frame rate, in Hz."""


class BagWriter(AbstractContextManager["BagWriter"]):
    """An MCAP bag of results, in the node's topics and message types.

    Parameters
    ----------
    path : a folder that is created

    """

    def __init__(self, path: Path) -> None:
        from rosbags.rosbag2 import StoragePlugin, Writer
        from rosbags.typesys import Stores, get_typestore

        self._typestore = get_typestore(Stores.LATEST)
        self._messages = MessageBuilder(TypestoreMessageFactory(self._typestore))
        self._writer = Writer(path, version=9, storage_plugin=StoragePlugin.MCAP)
        self._writer.open()
        self._connections: dict[str, Any] = {}

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, namespace: str, frame: BagFrame, result: Result, objects: list[Object3D],
              report: dict[str, Any]) -> None:
        """Write a result at the time of its frame.

        Parameters
        ----------
        namespace : prefix of the topics
        frame : that was segmented
        result : of one text
        objects : the found objects in 3-D
        report : the JSON-serializable values of the topic `result`

        """
        header = self._messages.header(frame.stamp, frame.frame_id)
        messages = {"mask": self._messages.mask_image(result.mask, header), "roi": self._messages.roi(result)}
        if frame.depth is not None:
            messages["points"] = self._messages.point_cloud(objects, header)
        if objects:
            messages["pose"] = self._messages.pose(objects[0], header)
        messages["result"] = self._messages.string(to_json(report))
        for name, message in messages.items():
            self._write_message(f"{namespace}/{name}", frame.time, message)

    def _write_message(self, topic: str, time: int, message: Any) -> None:
        kind = message.__msgtype__
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(topic, kind, typestore=self._typestore)
        self._writer.write(self._connections[topic], time, self._typestore.serialize_cdr(message, kind))


class VideoWriter(AbstractContextManager["VideoWriter"]):
    """An MP4 video with the frame rate of the recording, estimated from its first two frames.

    Images of another size are resized to that of the first.

    Parameters
    ----------
    path : a file that is created with the second image, or on exit

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._first: tuple[np.ndarray, int] | None = None
        self._video: cv2.VideoWriter | None = None

    def __exit__(self, *_: object) -> None:
        if self._video is None and self._first is not None:
            self._open(self._first[0], MIN_FRAME_RATE)
        if self._video is not None:
            self._video.release()

    def add(self, image: np.ndarray, time: int) -> None:
        """Append an image, uint8 RGB [H, W, 3], that was recorded at `time`, in nanoseconds."""
        if self._first is None:
            self._first = image, time
            return
        if self._video is None:
            self._open(self._first[0], 1e9 / max(1, time - self._first[1]))
        self._append(image)

    def _open(self, first: np.ndarray, frame_rate: float) -> None:
        # The codec takes even sizes only.
        self._size = first.shape[1] // 2 * 2, first.shape[0] // 2 * 2
        self._video = cv2.VideoWriter(str(self._path), cv2.VideoWriter.fourcc(*"mp4v"),
                                      min(max(frame_rate, MIN_FRAME_RATE), MAX_FRAME_RATE), self._size)
        if not self._video.isOpened():
            raise InputError(f"cannot write {self._path}")
        self._append(first)

    def _append(self, image: np.ndarray) -> None:
        assert self._video is not None
        if (image.shape[1], image.shape[0]) != self._size:
            image = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        self._video.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
