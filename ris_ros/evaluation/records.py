"""What became of each expression, and the file that remembers it across interruptions."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from ris_ros.errors import InputError

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Outcome:
    """What became of one expression.

    Attributes
    ----------
    image, ref, sentence : what names the expression within its data set
    text, kind : the sentence and the data set's label for it
    targets : how many things it names; 0 when the picture has none
    answered : whether the answer was not nothing
    intersection, union : pixels of the answer and the truth
    area : pixels of the truth
    box_iou : of the boxes round answer and truth
    category : the class of what it names; empty when the data set does not say, or when there are several classes
    chosen : the class of the annotated thing that the answer overlaps most; empty when it overlaps none
    confidence : of the answer, 0..1
    size : height and width of the picture
    mask : the answer's compressed run lengths (COCO); empty for nothing
    seconds : what the method took, its share of the picture's work included
    video : the video that the picture is a frame of; empty for a single picture
    contour : contour accuracy F, 0..1, see contour.contour_accuracy; None for a single picture

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
    def key(self) -> Key:
        """The name of its expression."""
        return self.image, self.ref, self.sentence

    @property
    def iou(self) -> float:
        """Intersection over union; 1 for nothing where nothing was to be found."""
        return self.intersection / self.union if self.union else 1.0

    def read_mask(self) -> np.ndarray:
        """The answer, bool [H, W]."""
        from pycocotools import mask as coco

        if not self.mask:
            return np.zeros(self.size, bool)
        return coco.decode({"size": list(self.size), "counts": self.mask}).astype(bool)


_FIELDS = {field.name for field in fields(Outcome)}


class Journal:
    """An append-only file of outcomes, a line each; a picture's lines reach the disk together.

    Opening it reads what an earlier run has left. A last line that was cut off by a kill is dropped, and so is the
    second outcome of an expression: whatever happens, nothing is counted twice.

    Raises
    ------
    InputError
        When the file cannot be read or written, or a line that is not the last one is damaged.

    """

    def __init__(self, path: Path):
        self.done: dict[Key, Outcome] = {}
        try:
            path.touch()
            whole = self._read(path)
            self._file = open(path, "r+b")  # noqa: SIM115
            self._file.truncate(whole)
            self._file.seek(whole)
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror or error}") from error

    def append(self, outcomes: Iterable[Outcome]) -> None:
        """Write the outcomes of one picture, and see them onto the disk."""
        fresh = [outcome for outcome in outcomes if outcome.key not in self.done]
        self._file.write(b"".join(json.dumps(asdict(outcome)).encode() + b"\n" for outcome in fresh))
        self._file.flush()
        os.fsync(self._file.fileno())
        self.done |= {outcome.key: outcome for outcome in fresh}

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
                 ) -> None:
        self._file.close()

    def _read(self, path: Path) -> int:
        """Take in the outcomes; the length in bytes of the lines that are whole."""
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        for number, line in enumerate(content[:whole].splitlines(), 1):
            try:
                outcome = _outcome(json.loads(line))
            except (ValueError, TypeError) as error:
                raise InputError(f"{path}:{number} is damaged or of another version of this package ({error}); name "
                                 "another output folder, or delete the line to have its expression asked again"
                                 ) from error
            self.done.setdefault(outcome.key, outcome)
        return whole


def _outcome(values: dict[str, Any]) -> Outcome:
    if not isinstance(values, dict):
        raise ValueError("not an outcome")
    if values.keys() != _FIELDS:
        raise ValueError(f"its fields differ in {', '.join(sorted(values.keys() ^ _FIELDS))}")
    return Outcome(**{**values, "size": tuple(values["size"])})
