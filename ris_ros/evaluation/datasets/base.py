"""What every data set is read into: pictures, the things in them, and the expressions about them.

Everything here is plain data, so that a picture can be sent to another machine; pixels are read where they are needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ris_ros.errors import InputError
from ris_ros.utils.images import read_image


class Shape(Protocol):
    """A mask as its data set stores it."""

    def mask(self, height: int, width: int) -> np.ndarray:
        """Bool [height, width]; InputError when what is stored is broken or has another size."""


@dataclass(frozen=True, eq=False)
class AnnotatedObject:
    """An annotated object.

    Attributes
    ----------
    shape : where it is
    category : its class; empty when the data set names none

    """

    shape: Shape
    category: str = ""


@dataclass(frozen=True)
class Expression:
    """One sentence about a picture.

    Attributes
    ----------
    ref, sentence : ids of the reference and of the sentence; together with the picture's they name the expression
    text : the sentence as it was written
    targets : ids of the things it names; empty when the picture has none
    kind : the data set's own label for it

    """

    ref: str
    sentence: str
    text: str
    targets: tuple[str, ...]
    kind: str = ""


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture and everything that is asked about it.

    Attributes
    ----------
    id : within the data set
    file : the picture
    things : every annotated object by id: what expressions name, and what else there is to choose from
    expressions : what is asked
    size : height and width that the annotations were made for; None when they do not say
    depth, intrinsics : 16-bit millimetres and camera matrix float64 [3, 3], where the data set has them
    video : the video that it is a frame of, in which an expression keeps its ids; empty for a single picture

    """

    id: str
    file: Path
    things: dict[str, AnnotatedObject]
    expressions: tuple[Expression, ...]
    size: tuple[int, int] | None = None
    depth: Path | None = None
    intrinsics: np.ndarray | None = None
    video: str = ""

    def read_image(self) -> np.ndarray:
        """The picture, uint8 RGB [H, W, 3]; InputError when it is not there, no picture, or not of that size."""
        image = read_image(self.file)
        if self.size not in (None, image.shape[:2]):
            raise InputError(f"{self.file} is {image.shape[1]} x {image.shape[0]} pixels but its annotations are for "
                             f"{self.size[1]} x {self.size[0]}")
        return image

    def truth(self, expression: Expression, height: int, width: int) -> np.ndarray:
        """The mask of all its targets, bool [height, width]; InputError when one of them is broken or empty."""
        union = np.zeros((height, width), bool)
        for target in expression.targets:
            mask = self.things[target].shape.mask(height, width)
            if not mask.any():
                raise InputError(f"the mask of {target} is empty")
            union |= mask
        return union


@dataclass(frozen=True)
class DataSet:
    """A split of a data set and, one line each, what had to be left out of it."""

    name: str
    split: str
    pictures: list[Picture]
    problems: list[str]

    @property
    def count(self) -> int:
        """How many expressions there are."""
        return sum(len(picture.expressions) for picture in self.pictures)


@dataclass
class Problems:
    """What is wrong with a data set; when strict, the first thing that is ends the reading."""

    strict: bool = False
    found: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Keep `what`, or raise it as an InputError."""
        if self.strict:
            raise InputError(what)
        self.found.append(what)


def by_id(rows: Iterable[dict[str, Any]], name: str, where: Path, problems: Problems) -> dict[Any, dict[str, Any]]:
    """Rows by the id under `name`; a row without one and the second of two alike are left out and noted."""
    index: dict[Any, dict[str, Any]] = {}
    for row in rows:
        if not isinstance(row, dict) or name not in row:
            problems.note(f"{where}: {str(row)[:80]} has no {name}")
        elif row[name] in index:
            problems.note(f"{where}: {name} {row[name]} is there twice; the second is left out")
        else:
            index[row[name]] = row
    return index
