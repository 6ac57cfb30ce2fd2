"""Segmentation of a bag's frames, with the results as a bag, JSON lines, a video and a contact sheet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ris_ros.errors import InputError
from ris_ros.geometry import Object3D, locate
from ris_ros.recordings.bag import Bag, BagFrame
from ris_ros.recordings.writers import BagWriter, VideoWriter
from ris_ros.serialization import result_to_dict, to_json
from ris_ros.utils.images import write_image
from ris_ros.visualization import draw_objects, draw_result, draw_sheet

if TYPE_CHECKING:
    from ris_ros.segmenter import ReferringSegmenter
    from ris_ros.types import Result

MAX_SHEET_TILES = 12
"""Frames on the contact sheet."""

SHEET_TILE_WIDTH_PIXELS = 480
"""Width of a frame on the contact sheet, for each text."""


@dataclass
class BagSummary:
    """The summary of a run over a bag.

    Attributes
    ----------
    topic, depth : the topics that were read; `depth` is None without depth
    frames : number of segmented frames
    found : number of frames in which each text was found
    located : number of frames in which it was also located in 3-D
    broken_count : number of unusable messages
    broken : descriptions of the first of them, each with the reason
    files : the written files

    """

    topic: str
    depth: str | None
    frames: int = 0
    found: dict[str, int] = field(default_factory=dict)
    located: dict[str, int] = field(default_factory=dict)
    broken_count: int = 0
    broken: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


def segment_bag(segmenter: ReferringSegmenter, bag: Bag, texts: list[str], output: Path, *, every: int = 1,
                progress: Callable[[int], None] = lambda done: None) -> BagSummary:
    """Segment the frames of a bag by each text and write the results into a folder.

    The files are `results.jsonl`, with a line for each frame and text; `bag`, with the node's topics mask, roi and
    result, and with depth points and pose; `results.mp4`; and `sheet.png`, with frames at even intervals.

    Parameters
    ----------
    segmenter : computes the results
    bag : the frames to segment
    texts : expressions to find; if there are several, the topics of the n-th begin with /ris/text_n
    output : a new or empty folder
    every : 1 for every frame, n for every n-th one
    progress : called with the number of images of the bag that are done

    Raises
    ------
    InputError
        If the folder is not empty or cannot be written to, or no frame can be used.

    """
    _create_folder(output)
    summary = BagSummary(bag.topic, bag.depth, found=dict.fromkeys(texts, 0), located=dict.fromkeys(texts, 0))
    namespaces = ["/ris"] if len(texts) == 1 else [f"/ris/text_{i}" for i in range(1, len(texts) + 1)]
    expected_frames = max(1, len(bag) // every)
    tiles: list[tuple[np.ndarray, str]] = []
    with (BagWriter(output / "bag") as bag_writer, VideoWriter(output / "results.mp4") as video,
          open(output / "results.jsonl", "w", encoding="utf-8") as lines):
        for frame in bag.frames(every):
            segmenter.set_image(frame.image, depth=frame.depth)
            drawings = []
            for namespace, text in zip(namespaces, texts, strict=True):
                result = segmenter.query(text).noting_missing_depth(
                    frame.missing_depth, is_judged=segmenter.config.method == "full")
                objects, failures = _locate_instances(result, frame)
                report = _report(result, objects, failures, frame)
                lines.write(to_json(report) + "\n")
                lines.flush()
                bag_writer.write(namespace, frame, result, objects, report)
                drawings.append(_draw(frame, result, objects))
                summary.found[text] += result.found
                summary.located[text] += bool(objects)
            drawing = np.hstack(drawings)
            video.add(drawing, frame.time)
            # Tiles at even intervals: add one when the share of frames reaches the share of tiles.
            if len(tiles) < MAX_SHEET_TILES and summary.frames * MAX_SHEET_TILES >= len(tiles) * expected_frames:
                tiles.append((drawing, f"frame {frame.number}"))
            summary.frames += 1
            progress(frame.number + 1)
    summary.broken_count, summary.broken = bag.broken_count, bag.broken
    if not summary.frames:
        reason = f": {bag.broken[0]}" if bag.broken else ""
        raise InputError(f"no frame of {bag.topic} in {bag.path} could be used{reason}")
    write_image(output / "sheet.png", draw_sheet(tiles, columns=max(1, 4 // len(texts)),
                                                 tile_width=SHEET_TILE_WIDTH_PIXELS * len(texts)))
    summary.files = [output / name for name in ("results.jsonl", "bag", "results.mp4", "sheet.png")]
    return summary


def check_new_folder(folder: Path) -> None:
    """Raise an InputError if there is a file of this name, or a folder that is not empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not empty; name a new folder with --output")


def _create_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_new_folder(folder)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}") from error


def _locate_instances(result: Result, frame: BagFrame) -> tuple[list[Object3D], list[str]]:
    """Return the found objects in 3-D, and why others could not be located."""
    objects: list[Object3D] = []
    failures: list[str] = []
    if frame.depth is not None:
        for instance in result.instances:
            try:
                objects.append(locate(instance.mask, frame.depth, frame.image))
            except InputError as error:  # Without enough depth, the result in the image is still valid.
                failures.append(str(error))
    return objects, failures


def _report(result: Result, objects: list[Object3D], failures: list[str], frame: BagFrame) -> dict[str, Any]:
    """Return the JSON-serializable values of a line of results.jsonl."""
    seconds, nanoseconds = frame.stamp
    return {**result_to_dict(result), "objects": [obj.to_dict() for obj in objects], "not_located": failures,
            "stamp": {"sec": seconds, "nanosec": nanoseconds}, "frame_id": frame.frame_id, "frame": frame.number}


def _draw(frame: BagFrame, result: Result, objects: list[Object3D]) -> np.ndarray:
    drawing = draw_result(frame.image, result)
    return draw_objects(drawing, objects, frame.depth.camera) if objects and frame.depth is not None else drawing
