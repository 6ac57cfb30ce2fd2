"""Ref-DAVIS17 (Khoreva et al., ACCV 2018) in the folders that video methods share with Refer-YouTube-VOS.

    ROOT/meta_expressions/valid/meta_expressions.json   videos -> expressions {exp, obj_id} and frames
    ROOT/valid/JPEGImages/VIDEO/FRAME.jpg
    ROOT/valid/Annotations/VIDEO/FRAME.png              palette pictures of object ids; 0 and 255 are none
    ROOT/valid/meta.json                                optional: videos -> objects -> category

Each frame is a picture of its own: this package has no memory of earlier frames. In a frame that lacks the object, the
right answer is nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets.base import AnnotatedObject, Expression, Picture, Problems
from ris_ros.evaluation.datasets.refer import read_json
from ris_ros.evaluation.folder import read_plane


@dataclass(frozen=True, eq=False)
class LabelShape:
    """The pixels of one value in a label picture."""

    file: Path
    value: int

    def mask(self, height: int, width: int) -> np.ndarray:
        """Bool [height, width]."""
        labels = _labels(self.file)
        if labels.shape != (height, width):
            raise InputError(f"{self.file} is {labels.shape[1]} x {labels.shape[0]} pixels, "
                             f"its picture {width} x {height}")
        return labels == self.value


_BACKGROUND = {0, 255}  # 255 is void, which the evaluation of DAVIS's unsupervised task takes for background

# The things of a picture share one file.
_labels = lru_cache(maxsize=2)(read_plane)


def annotations(root: Path, split: str) -> list[Path]:
    """The file that names videos, expressions and frames."""
    return [root / "meta_expressions" / split / "meta_expressions.json"]


def read(root: Path, split: str, images: Path | None, problems: Problems) -> list[Picture]:
    """The frames of a split."""
    (expressions_file,) = annotations(root, split)
    content = read_json(expressions_file)
    if not isinstance(content, dict) or not isinstance(content.get("videos"), dict):
        raise InputError(f"{expressions_file} must hold videos by name")
    images = images or root / split / "JPEGImages"
    categories_file = root / split / "meta.json"
    categories = read_json(categories_file)["videos"] if categories_file.is_file() else {}
    pictures = []
    for video, about in content["videos"].items():
        objects = categories.get(video, {}).get("objects", {})
        asked = [(number, expression) for number, expression in about.get("expressions", {}).items()
                 if _usable(expression, f"{expressions_file}: {video} expression {number}", problems)]
        for frame in about.get("frames", ()):
            labels = root / split / "Annotations" / video / f"{frame}.png"
            try:
                present = set(np.unique(read_plane(labels)).tolist()) - _BACKGROUND
            except InputError as error:
                problems.note(f"{error}; {video}/{frame} is left out")
                continue
            things = {str(value): AnnotatedObject(LabelShape(labels, value), objects.get(str(value), {}).get("category", ""))
                      for value in sorted(present)}
            pictures.append(Picture(f"{video}/{frame}", images / video / f"{frame}.jpg", things, tuple(
                Expression(str(expression["obj_id"]), number, expression["exp"],
                           (str(expression["obj_id"]),) if str(expression["obj_id"]) in things else (),
                           "visible" if str(expression["obj_id"]) in things else "out of sight")
                for number, expression in asked), video=video))
    return pictures


def _usable(expression: dict[str, Any], where: str, problems: Problems) -> bool:
    if not str(expression.get("obj_id", "")).isdecimal():
        problems.note(f"{where} names no object")
    elif not any(character.isalnum() for character in str(expression.get("exp", ""))):
        problems.note(f"{where} has no words")
    else:
        return True
    return False
