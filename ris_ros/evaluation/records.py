"""Records of answers compared with the truth, and the file that preserves them across interruptions."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, get_type_hints

import numpy as np

from ris_ros.errors import InputError, excerpt
from ris_ros.utils.files import parse_json
from ris_ros.utils.images import check_size
from ris_ros.utils.masks import rle_to_mask

ExpressionKey = tuple[str, str, str]
"""Ids of picture, reference and sentence, which together identify an expression within its data set."""


@dataclass(frozen=True)
class Record:
    """The answer to one expression, compared with the truth.

    Attributes
    ----------
    image, ref, sentence : ids that identify the expression within its data set
    text, kind : the sentence and the data set's label for it
    targets : number of objects that it refers to; 0 if the picture has no such object
    answered : whether the answer is not empty
    intersection, union : pixels of the intersection and union of answer and truth
    area : pixels of the truth
    box_iou : IoU of the bounding boxes of answer and truth
    category : class of the targets; empty if the data set does not state it, or if they are of several classes
    chosen : class of the annotated object that the answer overlaps most; empty if it overlaps none
    confidence : confidence of the answer, 0..1
    size : height and width of the image
    mask : the answer as compressed run lengths (COCO); empty for an empty answer
    seconds : time of the method, including the expression's share of the time for the image
    video : the video that the picture is a frame of; empty for a still picture
    contour : contour accuracy F, 0..1, see metrics.contour_accuracy; None for a still picture

    """

    image: str
    ref: str
    sentence: str
    text: str
    kind: str
    targets: int
    answered: bool
    intersection: int
    union: int
    area: int
    box_iou: float
    category: str
    chosen: str
    confidence: float
    size: tuple[int, int]
    mask: str
    seconds: float
    video: str = ""
    contour: float | None = None

    @property
    def key(self) -> ExpressionKey:
        """The ids of the expression."""
        return self.image, self.ref, self.sentence

    @property
    def iou(self) -> float:
        """Intersection over union; 1 if answer and truth are both empty."""
        return self.intersection / self.union if self.union else 1.0

    def read_mask(self) -> np.ndarray:
        """Return the answer's mask, bool [H, W]."""
        if not self.mask:
            return np.zeros(self.size, bool)
        return rle_to_mask({"size": self.size, "counts": self.mask}, *self.size)


_FIELD_NAMES = {field.name for field in fields(Record)}
_FIELD_TYPES = {name: (int, float) if kind is float else kind for name, kind in get_type_hints(Record).items()
                if name != "size"}


class Journal:
    """An append-only file of records, one line each; the lines of one picture are flushed to disk together.

    Opening it reads the records of an earlier run. An incomplete last line, left by an interruption, is dropped, and so
    is a second record of the same expression, so that no expression is counted twice.

    Attributes
    ----------
    done : all records by the ids of their expressions

    Raises
    ------
    InputError
        If the file cannot be read or written, or a complete line is damaged.

    """

    def __init__(self, path: Path):
        self.done: dict[ExpressionKey, Record] = {}
        try:
            path.touch()
            length = self._read(path)
            self._file = open(path, "r+b")  # noqa: SIM115
            self._file.truncate(length)
            self._file.seek(length)
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror or error}") from error

    def append(self, records: Iterable[Record]) -> None:
        """Write the records of one picture, and flush them to disk."""
        fresh = [record for record in records if record.key not in self.done]
        self._file.write(b"".join(json.dumps(asdict(record)).encode() + b"\n" for record in fresh))
        self._file.flush()
        os.fsync(self._file.fileno())
        self.done |= {record.key: record for record in fresh}

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
                 ) -> None:
        self._file.close()

    def _read(self, path: Path) -> int:
        """Read the records, and return the length in bytes of the complete lines."""
        content = path.read_bytes()
        length = content.rfind(b"\n") + 1
        for number, line in enumerate(content[:length].splitlines(), 1):
            try:
                record = _parse_record(parse_json(line))
            except (ValueError, TypeError) as error:
                raise InputError(f"{path}:{number} is damaged or of another version of this package ({error}); name "
                                 "another output folder, or delete the line to have its expression asked again"
                                 ) from error
            self.done.setdefault(record.key, record)
        return length


def _parse_record(values: dict[str, Any]) -> Record:
    if not isinstance(values, dict):
        raise ValueError("not a record")
    if values.keys() != _FIELD_NAMES:
        raise ValueError(f"its fields differ in {', '.join(sorted(values.keys() ^ _FIELD_NAMES))}")
    record = Record(**{**values, "size": tuple(values["size"])})
    for name, kinds in _FIELD_TYPES.items():
        if not isinstance(getattr(record, name), kinds):
            raise ValueError(f"its {name} is {excerpt(getattr(record, name))}")
    if len(record.size) != 2 or not all(type(side) is int for side in record.size):
        raise ValueError(f"its size is {excerpt(record.size)}")
    check_size(*record.size[::-1])
    return record
