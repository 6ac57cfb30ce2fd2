"""Ask about every frame of a bag; bag, JSON lines, video and page of the answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ris_ros.errors import InputError
from ris_ros.geometry import POINT, Object3D, locate
from ris_ros.recordings.bag import Bag, BagFrame
from ris_ros.serialization import result_to_dict
from ris_ros.utils.images import write_image
from ris_ros.utils.masks import box_to_list
from ris_ros.visualization import draw_objects, draw_result, draw_sheet

if TYPE_CHECKING:
    from ris_ros.segmenter import ReferringSegmenter
    from ris_ros.types import Result

# Pictures on the page.
_TILES = 12


@dataclass
class BagSummary:
    """What came of a run over a bag.

    Attributes
    ----------
    topic, depth : the topics that were read; depth is None without
    frames : how many were looked at
    found : how often each text was found
    located : how often it was also placed in space
    broken_count, broken : messages that could not be used, the first of them by name
    files : what was written

    """

    topic: str
    depth: str | None
    frames: int = 0
    found: dict[str, int] = field(default_factory=dict)
    located: dict[str, int] = field(default_factory=dict)
    broken_count: int = 0
    broken: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


def run_over_bag(segmenter: ReferringSegmenter, bag: Bag, texts: list[str], output: Path, *, every: int = 1,
                 progress: Callable[[int], None] = lambda done: None) -> BagSummary:
    """Ask every text about every so manieth frame of a bag.

    Writes into the folder `output`: `results.jsonl`, a line for each frame and text; `bag`, in the topics and types of
    the node: mask, roi and result, with depth also points and pose; `results.mp4`; `sheet.png`, frames evenly taken.

    Parameters
    ----------
    segmenter : answers
    bag : is read
    texts : what to find; with several, the topics of the n-th are below ris/text_n
    output : a new or empty folder
    every : 1 for all frames
    progress : told how many of the bag's images are done

    Raises
    ------
    InputError
        When the folder is not empty or cannot be written to, or no frame could be used.

    """
    _make_empty(output)
    summary = BagSummary(bag.topic, bag.depth, found=dict.fromkeys(texts, 0), located=dict.fromkeys(texts, 0))
    names = ["/ris"] if len(texts) == 1 else [f"/ris/text_{i}" for i in range(1, len(texts) + 1)]
    total = max(1, len(bag) // every)
    tiles: list[tuple[np.ndarray, str]] = []
    with (_BagWriter(output / "bag") as written, _Film(output / "results.mp4") as film,
          open(output / "results.jsonl", "w", encoding="utf-8") as lines):
        for frame in bag.frames(every):
            segmenter.set_image(frame.image, depth=frame.depth)
            pictures = []
            for name, text in zip(names, texts, strict=True):
                result = segmenter.query(text)
                things = _located(result, frame)
                report = {**result_to_dict(result), "objects": [thing.to_dict() for thing in things],
                          "stamp": dict(zip(("sec", "nanosec"), frame.stamp, strict=True)),
                          "frame_id": frame.frame_id, "frame": frame.number}
                lines.write(json.dumps(report, ensure_ascii=False) + "\n")
                lines.flush()
                written.write(name, frame, result, things, report)
                picture = draw_result(frame.image, result)
                pictures.append(draw_objects(picture, things, frame.depth.camera) if things else picture)
                summary.found[text] += result.found
                summary.located[text] += bool(things)
            picture = np.hstack(pictures)
            film.add(picture, frame.time)
            # So many frames, evenly taken: where one more of the tiles is due.
            if len(tiles) < _TILES and summary.frames * _TILES >= len(tiles) * total:
                tiles.append((picture, f"frame {frame.number}"))
            summary.frames += 1
            progress(frame.number + 1)
    summary.broken_count, summary.broken = bag.broken_count, bag.broken
    if not summary.frames:
        reason = f": {bag.broken[0]}" if bag.broken else ""
        raise InputError(f"no frame of {bag.topic} in {bag.path} could be used{reason}")
    write_image(output / "sheet.png", draw_sheet(tiles, columns=max(1, 4 // len(texts)), tile_width=480 * len(texts)))
    summary.files = [output / name for name in ("results.jsonl", "bag", "results.mp4", "sheet.png")]
    return summary


def _located(result: Result, frame: BagFrame) -> list[Object3D]:
    things = []
    for instance in result.instances if frame.depth is not None else []:
        # Where depth says too little, the answer in the picture stands all the same.
        with suppress(InputError):
            things.append(locate(instance.mask, frame.depth, frame.image))
    return things


def check_new(folder: Path) -> None:
    """Refuse a folder that is there and holds something."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not empty; name a new folder with --output")


def _make_empty(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_new(folder)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}") from error


class _BagWriter(AbstractContextManager):
    """Results as the node publishes them, in an MCAP bag."""

    def __init__(self, path: Path):
        from rosbags.rosbag2 import StoragePlugin, Writer
        from rosbags.typesys import Stores, get_typestore

        self._types = get_typestore(Stores.LATEST)
        self._writer = Writer(path, version=9, storage_plugin=StoragePlugin.MCAP)
        self._writer.open()
        self._connections: dict[str, Any] = {}

    def __exit__(self, *_) -> None:
        self._writer.close()

    def write(self, name: str, frame: BagFrame, result: Result, things: list[Object3D], report: dict[str, Any]) -> None:
        header = self._make("std_msgs/msg/Header", frame_id=frame.frame_id, stamp=self._make(
            "builtin_interfaces/msg/Time", sec=frame.stamp[0], nanosec=frame.stamp[1]))
        height, width = result.mask.shape
        x1, y1, x2, y2 = box_to_list(result.box)
        self._put(f"{name}/mask", frame.time, self._make(
            "sensor_msgs/msg/Image", header=header, height=height, width=width, encoding="mono8", is_bigendian=0,
            step=width, data=(result.mask.ravel() * np.uint8(255))))
        self._put(f"{name}/roi", frame.time, self._make(
            "sensor_msgs/msg/RegionOfInterest", x_offset=x1, y_offset=y1, width=x2 - x1, height=y2 - y1,
            do_rectify=False))
        if frame.depth is not None:
            self._put(f"{name}/points", frame.time, self._cloud(things, header))
        if things:
            self._put(f"{name}/pose", frame.time, self._pose(things[0], header))
        self._put(f"{name}/result", frame.time, self._make("std_msgs/msg/String",
                                                           data=json.dumps(report, ensure_ascii=False)))

    def _make(self, kind: str, **fields: Any) -> Any:
        return self._types.types[kind](**fields)

    def _put(self, topic: str, time: int, message: Any) -> None:
        kind = message.__msgtype__
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(topic, kind, typestore=self._types)
        self._writer.write(self._connections[topic], time, self._types.serialize_cdr(message, kind))

    def _cloud(self, things: list[Object3D], header: Any) -> Any:
        points = np.concatenate([np.zeros(0, POINT), *(thing.points.packed() for thing in things)])
        fields = [self._make("sensor_msgs/msg/PointField", name=name, offset=4 * i, datatype=7, count=1)
                  for i, name in enumerate(("x", "y", "z", "rgb"))]
        return self._make("sensor_msgs/msg/PointCloud2", header=header, height=1, width=len(points), fields=fields,
                          is_bigendian=False, point_step=POINT.itemsize, row_step=points.nbytes,
                          data=points.view(np.uint8), is_dense=True)

    def _pose(self, thing: Object3D, header: Any) -> Any:
        axes = ("x", "y", "z", "w")
        position = self._make("geometry_msgs/msg/Point", **dict(zip(axes, thing.box.centre.tolist(), strict=False)))
        orientation = self._make("geometry_msgs/msg/Quaternion",
                                 **dict(zip(axes, thing.box.quaternion.tolist(), strict=True)))
        return self._make("geometry_msgs/msg/PoseStamped", header=header, pose=self._make(
            "geometry_msgs/msg/Pose", position=position, orientation=orientation))


class _Film(AbstractContextManager):
    """An MP4 that plays as fast as the frames were recorded; pictures of another size are fitted to the first's."""

    def __init__(self, path: Path):
        self._path = path
        self._waiting: tuple[np.ndarray, int] | None = None
        self._video: Any = None

    def __exit__(self, *_) -> None:
        if self._video is None and self._waiting is not None:
            self._begin(1.0)
        if self._video is not None:
            self._video.release()

    def add(self, picture: np.ndarray, time: int) -> None:
        if self._video is not None:
            self._draw(picture)
        elif self._waiting is None:
            self._waiting = picture, time
        else:
            self._begin(1e9 / max(1, time - self._waiting[1]))
            self._draw(picture)

    def _begin(self, rate: float) -> None:
        picture, _ = self._waiting
        # Even sides, as the codec wants them.
        self._size = picture.shape[1] // 2 * 2, picture.shape[0] // 2 * 2
        self._video = cv2.VideoWriter(str(self._path), cv2.VideoWriter_fourcc(*"mp4v"), min(max(rate, 1.0), 60.0),
                                      self._size)
        if not self._video.isOpened():
            raise InputError(f"cannot write {self._path}")
        self._draw(picture)

    def _draw(self, picture: np.ndarray) -> None:
        if (picture.shape[1], picture.shape[0]) != self._size:
            picture = cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA)
        self._video.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
