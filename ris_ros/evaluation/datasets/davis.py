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
from ris_ros.evaluation.datasets.base import AnnotatedObject, Expression, Picture, ProblemLog, has_words
from ris_ros.evaluation.datasets.refer import read_json
from ris_ros.evaluation.datasets.storage import LabelMask, read_single_channel

_BACKGROUND_LABELS = {0, 255}
"""255 is void, which DAVIS's own evaluation of the unsupervised task counts as background."""


def annotation_files(root: Path, split: str) -> list[Path]:
    """Return the file that lists videos, expressions and frames."""
    return [root / "meta_expressions" / split / "meta_expressions.json"]


def read(root: Path, split: str, images: Path | None, problems: ProblemLog) -> list[Picture]:
    """Return the frames of a split."""
    (expressions_file,) = annotation_files(root, split)
    content = read_json(expressions_file)
    if not isinstance(content, dict) or not isinstance(content.get("videos"), dict):
        raise InputError(f"{expressions_file} must hold videos by name")
    images = images or root / split / "JPEGImages"
    categories_file = root / split / "meta.json"
    categories = read_json(categories_file)["videos"] if categories_file.is_file() else {}
    pictures = []
    for video, about in content["videos"].items():
        classes = categories.get(video, {}).get("objects", {})
        usable = [(number, expression) for number, expression in about.get("expressions", {}).items()
                  if _is_usable(expression, f"{expressions_file}: {video} expression {number}", problems)]
        for frame in about.get("frames", ()):
            labels_file = root / split / "Annotations" / video / f"{frame}.png"
            try:
                labels = set(np.unique(read_single_channel(labels_file)).tolist()) - _BACKGROUND_LABELS
            except InputError as error:
                problems.add(f"{error}; {video}/{frame} is left out")
                continue
            objects = {str(label): AnnotatedObject(LabelMask(labels_file, label),
                                                   classes.get(str(label), {}).get("category", ""))
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


def _is_usable(expression: dict[str, Any], where: str, problems: ProblemLog) -> bool:
    if not str(expression.get("obj_id", "")).isdecimal():
        problems.add(f"{where} names no object")
    elif not has_words(str(expression.get("exp", ""))):
        problems.add(f"{where} has no words")
    else:
        return True
    return False
