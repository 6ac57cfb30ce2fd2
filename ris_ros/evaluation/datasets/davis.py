"""Reader of Ref-DAVIS17 (Khoreva et al., ACCV 2018), in the layout that it shares with Refer-YouTube-VOS.

    ROOT/meta_expressions/valid/meta_expressions.json   videos -> expressions {exp, obj_id} and frames
    ROOT/valid/JPEGImages/VIDEO/FRAME.jpg
    ROOT/valid/Annotations/VIDEO/FRAME.png              palette images of object ids; 0 and 255 are not objects
    ROOT/valid/meta.json                                optional: videos -> objects -> category

Each frame is an independent picture, without tracking from earlier frames. In a frame without the object the correct
answer is an empty mask.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets.base import AnnotatedObject, Expression, Picture, ProblemLog, has_words, text_of
from ris_ros.evaluation.datasets.refer import REMEDY
from ris_ros.evaluation.datasets.storage import LabelMask
from ris_ros.utils.files import read_json
from ris_ros.utils.images import read_single_channel

_BACKGROUND_LABELS = {0, 255}
"""255 is void, which DAVIS's own evaluation of the unsupervised task counts as background."""


def annotation_files(root: Path, split: str) -> list[Path]:
    """Return the file that lists videos, expressions and frames."""
    return [root / "meta_expressions" / split / "meta_expressions.json"]


def read(root: Path, split: str, images: Path | None, problems: ProblemLog) -> list[Picture]:
    """Return the frames of a split."""
    (expressions_file,) = annotation_files(root, split)
    content = read_json(expressions_file, REMEDY)
    if not isinstance(content, dict) or not isinstance(content.get("videos"), dict):
        raise InputError(f"{expressions_file} must hold videos by name")
    images = images or root / split / "JPEGImages"
    categories_file = root / split / "meta.json"
    categories = read_json(categories_file, REMEDY) if categories_file.is_file() else {}
    pictures = []
    for video, about in content["videos"].items():
        classes = _dict_at(categories, "videos", video, "objects")
        expressions_of_video = _dict_at(about, "expressions")
        frames = about.get("frames") if isinstance(about, dict) else None
        if not isinstance(frames, list) or not all(isinstance(frame, str) for frame in frames):
            problems.add(f"{expressions_file}: {video} has no list of frames")
            continue
        usable = [(number, expression) for number, expression in expressions_of_video.items()
                  if _is_usable(expression, f"{expressions_file}: {video} expression {number}", problems)]
        for frame in frames:
            labels_file = root / split / "Annotations" / video / f"{frame}.png"
            try:
                labels = set(np.unique(read_single_channel(labels_file)).tolist()) - _BACKGROUND_LABELS
            except InputError as error:
                problems.add(f"{error}; {video}/{frame} is left out")
                continue
            objects = {str(label): AnnotatedObject(LabelMask(labels_file, label),
                                                   text_of(_dict_at(classes, str(label)).get("category")))
                       for label in sorted(labels)}
            expressions = tuple(_expression(number, expression, objects) for number, expression in usable)
            pictures.append(Picture(f"{video}/{frame}", images / video / f"{frame}.jpg", objects, expressions,
                                    video=video))
    return pictures


def _expression(number: str, expression: dict[str, Any], objects: dict[str, AnnotatedObject]) -> Expression:
    target = str(expression["obj_id"])
    if target in objects:
        return Expression(target, number, expression["exp"], (target,), "visible")
    return Expression(target, number, expression["exp"], (), "out of sight")


def _dict_at(value: Any, *path: str) -> dict[str, Any]:
    """Return the dictionary at a path of keys; an empty one if there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _is_usable(expression: Any, where: str, problems: ProblemLog) -> bool:
    target = expression.get("obj_id") if isinstance(expression, dict) else None
    if not isinstance(target, str | int) or not str(target).isdecimal():
        problems.add(f"{where} names no object")
    elif not has_words(expression.get("exp")):
        problems.add(f"{where} has no words")
    else:
        return True
    return False
