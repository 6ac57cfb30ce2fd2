"""Reader of the package's own data-set folder: images, id masks and expressions.jsonl; docs/dataset.md describes it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.errors import InputError, excerpt
from ris_ros.evaluation.datasets.base import AnnotatedObject, Expression, Picture, ProblemLog
from ris_ros.evaluation.datasets.storage import LabelMask, read_depth
from ris_ros.utils.files import parse_json
from ris_ros.utils.images import open_image, read_image, read_single_channel, upright_size

EXPRESSIONS_FILE = "expressions.jsonl"

MAX_PATH_LENGTH = 4096

MAX_ID = 2**31 - 1
"""Largest id of an object."""
MAX_MATRIX_VALUE = 1e9
"""Largest number in a matrix, in pixels or metres. No NaN is below it."""
_CACHED_FILES = 64
"""Files whose size and ids are cached while lines are checked: lines about one picture are usually consecutive."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One expression about one picture. Only the first four fields are always given.

    Attributes
    ----------
    image, masks : image files; the second holds an id per pixel, 0 for none
    text : the expression
    targets : ids of the objects that it refers to; empty if the picture has no such object
    kind : a label; results are also reported by kind
    phrase : the noun phrase, in the text, that names the target
    depth : depth image, 16-bit millimetres
    intrinsics : camera matrix in pixels, float64 [3, 3]
    camera_pose : transform from the camera's optical frame to the world, metres, float64 [4, 4]
    classes : class of each id

    """

    image: Path
    masks: Path
    text: str
    targets: tuple[int, ...]
    kind: str = ""
    phrase: str = ""
    depth: Path | None = None
    intrinsics: np.ndarray | None = None
    camera_pose: np.ndarray | None = None
    classes: dict[int, str] = field(default_factory=dict)

    def read_image(self) -> np.ndarray:
        """Return the image, uint8 RGB [H, W, 3]."""
        return read_image(self.image)

    def read_masks(self) -> np.ndarray:
        """Return the id of every pixel, int32 [H, W]."""
        return read_single_channel(self.masks).astype(np.int32)

    def read_truth(self) -> np.ndarray:
        """Return the targets' mask, bool [H, W]; empty if the picture has no target."""
        return np.isin(self.read_masks(), self.targets)

    def read_depth(self) -> np.ndarray:
        """Return depth in metres, float32 [H, W]; 0 where unknown.

        Raises
        ------
        InputError
            If the sample has no depth.

        """
        if self.depth is None:
            raise InputError(f"there is no depth for {self.image}")
        return read_depth(self.depth)


@dataclass(frozen=True)
class Folder:
    """The expressions of a data-set folder, and one line for each that was left out."""

    samples: list[Sample]
    problems: list[str]


def annotation_files(root: Path, split: str) -> list[Path]:
    """Return the file of expressions."""
    return [root / EXPRESSIONS_FILE]


def read(root: Path, split: str, images: Path | None, problems: ProblemLog) -> list[Picture]:
    """Return the pictures of the folder, which has one split; its lines contain the paths of the images."""
    folder = read_folder(root, strict=problems.strict)
    problems.messages += folder.problems
    by_picture: dict[tuple[Path, Path], list[tuple[int, Sample]]] = {}
    for number, sample in enumerate(folder.samples, 1):
        by_picture.setdefault((sample.image, sample.masks), []).append((number, sample))
    return [_picture(root, numbered) for numbered in by_picture.values()]


def _picture(root: Path, numbered: list[tuple[int, Sample]]) -> Picture:
    first = numbered[0][1]
    ids = np.unique(first.read_masks())
    objects = {str(i): AnnotatedObject(LabelMask(first.masks, int(i)), first.classes.get(int(i), ""))
               for i in ids[ids > 0]}
    expressions = tuple(
        Expression("+".join(map(str, sample.targets)) or "none", str(number), sample.text,
                   tuple(map(str, sample.targets)), sample.kind) for number, sample in numbered)
    return Picture(os.path.relpath(first.image, root), first.image, objects, expressions, depth=first.depth,
                   intrinsics=first.intrinsics, upright=True)


def read_folder(directory: str | Path, *, strict: bool = True) -> Folder:
    """Read every expression of a data-set folder, and check it against its images.

    Parameters
    ----------
    directory : folder that holds expressions.jsonl
    strict : stop at the first problem; otherwise lines with problems are left out and listed

    Raises
    ------
    InputError
        If there is no expressions.jsonl or nothing in it is usable. In strict mode also at the first damaged line,
        missing or unreadable image, or target id that the masks lack. The message names file and line.

    """
    directory = Path(directory)
    path = directory / EXPRESSIONS_FILE
    try:
        # By line feeds alone: JSON texts may hold the other characters that Python takes for ends of lines.
        lines = path.read_bytes().split(b"\n")
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}; docs/dataset.md describes the format") from error
    size_of, ids_of = lru_cache(_CACHED_FILES)(upright_size), lru_cache(_CACHED_FILES)(_ids_in)
    samples, problems = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            sample = _parse_line(line, directory)
            _check_files(sample, size_of, ids_of)
            samples.append(sample)
        except InputError as error:
            problems.append(f"{path}:{number}: {error}")
            if strict:
                raise InputError(problems[0]) from error
    if not samples:
        raise InputError(problems[0] if problems else f"{path} holds no expressions")
    return Folder(samples, problems)


def _parse_line(line: bytes, directory: Path) -> Sample:
    values = parse_json(line)
    if not isinstance(values, dict):
        raise InputError("must be one JSON object")
    missing = [name for name in ("image", "masks", "text", "targets") if name not in values]
    if missing:
        raise InputError(f"lacks {', '.join(missing)}")
    fields = {name: convert(name, values[name], directory) for name, convert in _FIELD_CONVERTERS.items()
              if values.get(name) is not None}
    return Sample(**fields)


def _to_text(name: str, value: Any, directory: Path) -> str:
    if not isinstance(value, str) or (name == "text" and not value.strip()):
        raise InputError(f"{name} must be a text, not {excerpt(value)}")
    return value


def _to_path(name: str, value: Any, directory: Path) -> Path:
    path = _to_text(name, value, directory)
    if len(path) > MAX_PATH_LENGTH or "\0" in path:
        raise InputError(f"{name} must be the path of a file, not {excerpt(path)}")
    return directory / path


def _to_ids(name: str, value: Any, directory: Path) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(item) is int and 0 < item <= MAX_ID for item in value):
        raise InputError(f"{name} must be a list of ids from 1, not {excerpt(value)}")
    return tuple(value)


def _to_matrix(side: int) -> Callable[[str, Any, Path], np.ndarray]:
    def convert(name: str, value: Any, directory: Path) -> np.ndarray:
        if not isinstance(value, list) or len(value) != side * side or not all(
                type(item) in (int, float) and abs(item) <= MAX_MATRIX_VALUE for item in value):
            raise InputError(f"{name} must be {side * side} numbers, row by row")
        return np.array(value, float).reshape(side, side)
    return convert


def _to_classes(name: str, value: Any, directory: Path) -> dict[int, str]:
    if not isinstance(value, dict) or not all(key.isdecimal() and len(key) < 10 and isinstance(item, str)
                                              for key, item in value.items()):
        raise InputError(f"{name} must give a class name for each id, not {excerpt(value)}")
    return {int(key): item for key, item in value.items()}


_FIELD_CONVERTERS: dict[str, Callable[[str, Any, Path], Any]] = {
    "image": _to_path, "masks": _to_path, "text": _to_text, "targets": _to_ids, "kind": _to_text, "phrase": _to_text,
    "depth": _to_path, "intrinsics": _to_matrix(3), "camera_pose": _to_matrix(4), "classes": _to_classes,
}
"""Field of a line -> function from (name, JSON value, folder) to the value of the sample's field."""


def _check_files(sample: Sample, size_of: Callable[[Path], tuple[int, int]], ids_of: Callable[[Path], set[int]]
                 ) -> None:
    """Raise InputError if an image is missing or unreadable, sizes differ, or a target is not in the masks."""
    size, masks_size = size_of(sample.image), _stored_size(sample.masks)
    if size != masks_size:
        raise InputError(f"{sample.image} is {size[0]} x {size[1]} pixels but its masks are "
                         f"{masks_size[0]} x {masks_size[1]}")
    if sample.depth:
        size_of(sample.depth)
    unknown = sorted(set(sample.targets) - ids_of(sample.masks))
    if unknown:
        raise InputError(f"target {', '.join(map(str, unknown))} is not in {sample.masks}")


def _stored_size(path: Path) -> tuple[int, int]:
    """Return the width and height of an image of masks, which no orientation rotates."""
    with open_image(path) as image:
        size: tuple[int, int] = image.size
    return size


def _ids_in(path: Path) -> set[int]:
    return set(np.unique(read_single_channel(path)).tolist())
