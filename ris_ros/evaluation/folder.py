"""Reader of the data-set folder that docs/dataset.md describes: pictures, id masks and expressions.jsonl."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ris_ros.errors import InputError
from ris_ros.utils.images import read_image

EXPRESSIONS = "expressions.jsonl"
_ORIENTATION = 0x0112  # EXIF tag; from 5 on the picture is stored on its side
_ONE_CHANNEL = ("1", "L", "P", "I", "I;16")


@dataclass(frozen=True, eq=False)
class Sample:
    """One expression about one picture. Only the first four fields are always there.

    Attributes
    ----------
    image, masks : picture files; the second holds an id per pixel, 0 for none
    text : the expression
    targets : ids of the objects it names; empty when the picture has none
    kind : a label to report figures by
    phrase : the noun phrase, in the text, that names the target
    depth : file, 16-bit millimetres
    intrinsics : float64 [3, 3], camera matrix in pixels
    camera_pose : float64 [4, 4], from the camera's optical frame to the world
    classes : the class of each id

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
        """The picture, uint8 RGB [H, W, 3]."""
        return read_image(self.image)

    def read_masks(self) -> np.ndarray:
        """The id of every pixel, int32 [H, W]."""
        return read_plane(self.masks).astype(np.int32)

    def read_truth(self) -> np.ndarray:
        """The targets' mask, bool [H, W]; empty when the picture has no target."""
        return np.isin(self.read_masks(), self.targets)

    def read_depth(self) -> np.ndarray:
        """Depth, float32 [H, W] metres; 0 where unknown.

        Raises
        ------
        InputError
            When the sample has no depth.

        """
        if self.depth is None:
            raise InputError(f"there is no depth for {self.image}")
        return read_plane(self.depth).astype(np.float32) / 1000


@dataclass(frozen=True)
class Folder:
    """What a data-set folder holds, and, one line each, what had to be left out."""

    samples: list[Sample]
    problems: list[str]


def read_folder(directory: str | Path, *, strict: bool = True) -> Folder:
    """Every expression of a data-set folder, checked against its pictures.

    Parameters
    ----------
    directory : holds expressions.jsonl
    strict : whether the first problem ends it; else the lines with problems are left out and listed

    Raises
    ------
    InputError
        When there is no expressions.jsonl, when nothing in it is usable, or, if strict, at the first damaged line,
        missing or unreadable picture, or target id that the masks do not hold. The message names file and line.

    """
    directory = Path(directory)
    path = directory / EXPRESSIONS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}; docs/dataset.md describes the format") from error
    # Expressions about the same picture stand close together, so a small cache spares most of the reading.
    size_of, ids_of = lru_cache(64)(_picture_size), lru_cache(64)(_present_ids)
    samples, problems = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            sample = _sample(line, directory)
            _check(sample, size_of, ids_of)
            samples.append(sample)
        except InputError as error:
            problems.append(f"{path}:{number}: {error}")
            if strict:
                raise InputError(problems[0]) from error
    if not samples:
        raise InputError(problems[0] if problems else f"{path} holds no expressions")
    return Folder(samples, problems)


def _sample(line: str, directory: Path) -> Sample:
    try:
        values = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error}") from error
    if not isinstance(values, dict):
        raise InputError("must be one JSON object")
    missing = [name for name in ("image", "masks", "text", "targets") if name not in values]
    if missing:
        raise InputError(f"lacks {', '.join(missing)}")
    known = {name: convert(name, values[name], directory) for name, convert in _FIELDS.items()
             if values.get(name) is not None}
    return Sample(**known)


def _text(name: str, value: Any, directory: Path) -> str:
    if not isinstance(value, str) or (name == "text" and not value.strip()):
        raise InputError(f"{name} must be a text, not {value!r}")
    return value


def _path(name: str, value: Any, directory: Path) -> Path:
    return directory / _text(name, value, directory)


def _ids(name: str, value: Any, directory: Path) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(item) is int and item > 0 for item in value):
        raise InputError(f"{name} must be a list of ids from 1, not {value!r}")
    return tuple(value)


def _matrix(side: int) -> Callable[[str, Any, Path], np.ndarray]:
    def convert(name: str, value: Any, directory: Path) -> np.ndarray:
        if not isinstance(value, list) or len(value) != side * side or not all(
                type(item) in (int, float) for item in value):
            raise InputError(f"{name} must be {side * side} numbers, row by row")
        return np.array(value, float).reshape(side, side)
    return convert


def _classes(name: str, value: Any, directory: Path) -> dict[int, str]:
    if not isinstance(value, dict) or not all(key.isdecimal() and isinstance(item, str)
                                              for key, item in value.items()):
        raise InputError(f"{name} must give a class name for each id, not {value!r}")
    return {int(key): item for key, item in value.items()}


_FIELDS: dict[str, Callable[[str, Any, Path], Any]] = {
    "image": _path, "masks": _path, "text": _text, "targets": _ids, "kind": _text, "phrase": _text, "depth": _path,
    "intrinsics": _matrix(3), "camera_pose": _matrix(4), "classes": _classes,
}


def _check(sample: Sample, size_of: Callable[[Path], tuple[int, int]], ids_of: Callable[[Path], set[int]]) -> None:
    size, masks_size = size_of(sample.image), size_of(sample.masks)
    if size != masks_size:
        raise InputError(f"{sample.image} is {size[0]} x {size[1]} pixels but its masks are "
                         f"{masks_size[0]} x {masks_size[1]}")
    if sample.depth:
        size_of(sample.depth)
    unknown = sorted(set(sample.targets) - ids_of(sample.masks))
    if unknown:
        raise InputError(f"target {', '.join(map(str, unknown))} is not in {sample.masks}")


def _picture_size(path: Path) -> tuple[int, int]:
    with _opened(path) as picture:
        width, height = picture.size
        return (height, width) if picture.getexif().get(_ORIENTATION, 1) >= 5 else (width, height)


def _present_ids(path: Path) -> set[int]:
    return set(np.unique(read_plane(path)).tolist())


def read_plane(path: Path) -> np.ndarray:
    """The values [H, W] of a picture of one channel; InputError when it is none."""
    # Pillow, not OpenCV: it gives the indices of a palette PNG, which many mask tools write, not its colours.
    with _opened(path) as picture:
        if picture.mode not in _ONE_CHANNEL:
            raise InputError(f"{path} must have one channel, not mode {picture.mode}")
        return np.array(picture)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with Image.open(path) as picture:
            yield picture
    except FileNotFoundError as error:
        raise InputError(f"there is no {path}") from error
    except OSError as error:  # not a picture, or cut off
        raise InputError(f"{path} is not a readable picture: {error}") from error
