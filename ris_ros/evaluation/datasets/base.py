"""The common representation of data sets: pictures, their annotated objects, and expressions about them.

A *picture* is an image file with its annotations; an *image* is an array of pixels. All classes are plain data that can
be sent to another machine: pixels and masks are only read where they are needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ris_ros.errors import InputError, excerpt
from ris_ros.utils.images import check_size, read_image


class StoredMask(Protocol):
    """A mask in the storage format of its data set."""

    def decode(self, height: int, width: int) -> np.ndarray:
        """Return the mask, bool [height, width]; raise InputError if it is damaged or has another size."""


@dataclass(frozen=True, eq=False)
class AnnotatedObject:
    """An annotated object of a picture.

    Attributes
    ----------
    mask : its pixels, as stored
    category : its class; empty if the data set has no classes

    """

    mask: StoredMask
    category: str = ""


@dataclass(frozen=True)
class Expression:
    """One sentence about a picture.

    Attributes
    ----------
    ref, sentence : ids of the reference and of the sentence, which identify the expression within its picture
    text : the sentence as it was written
    targets : ids of the objects that it refers to; empty if the picture has no such object
    kind : the data set's own label for it

    """

    ref: str
    sentence: str
    text: str
    targets: tuple[str, ...]
    kind: str = ""


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture with its annotations and the expressions about it.

    Attributes
    ----------
    id : unique within the data set
    file : the image file
    objects : all annotated objects by id: the targets of expressions and the other candidates
    expressions : the expressions about it
    size : height and width of the annotations; None if the data set does not state them
    depth : depth image, 16-bit millimetres, if the data set has one
    intrinsics : camera matrix, float64 [3, 3], if the data set has one
    video : the video that this picture is a frame of; expressions keep their ids within it. Empty for a still picture
    upright : whether the annotations are of the image rotated by its EXIF orientation, as viewers show it, or of the
        pixels as they are stored, as COCO's are

    """

    id: str
    file: Path
    objects: dict[str, AnnotatedObject]
    expressions: tuple[Expression, ...]
    size: tuple[int, int] | None = None
    depth: Path | None = None
    intrinsics: np.ndarray | None = None
    video: str = ""
    upright: bool = False

    def read_image(self) -> np.ndarray:
        """Return the image, uint8 RGB [H, W, 3]; raise InputError if it is missing, unreadable or not of `size`."""
        image = read_image(self.file, upright=self.upright)
        if self.size is not None and self.size != image.shape[:2]:
            raise InputError(f"{self.file} is {image.shape[1]} x {image.shape[0]} pixels but its annotations are for "
                             f"{self.size[1]} x {self.size[0]}")
        return image

    def target_mask(self, expression: Expression, height: int, width: int) -> np.ndarray:
        """Return the union of the targets' masks, bool [height, width]; raise InputError if one is damaged or empty."""
        union = np.zeros((height, width), bool)
        for target in expression.targets:
            mask = self.objects[target].mask.decode(height, width)
            if not mask.any():
                raise InputError(f"the mask of {target} is empty")
            union |= mask
        return union


@dataclass(frozen=True)
class Dataset:
    """One split of a data set, and one line for each problem due to which a part was left out."""

    name: str
    split: str
    pictures: list[Picture]
    problems: list[str]

    @property
    def expression_count(self) -> int:
        """The number of expressions about all pictures."""
        return sum(len(picture.expressions) for picture in self.pictures)


@dataclass
class ProblemLog:
    """The problems of a data set; in strict mode the first one is raised."""

    strict: bool = False
    messages: list[str] = field(default_factory=list)

    def add(self, message: str) -> None:
        """Record a problem, or raise it as an InputError in strict mode."""
        if self.strict:
            raise InputError(message)
        self.messages.append(message)


class DatasetReader(Protocol):
    """The reader of one data set: an object, or a module with these two functions."""

    def annotation_files(self, root: Path, split: str) -> list[Path]:
        """Return the files that must exist, besides the images."""

    def read(self, root: Path, split: str, images: Path | None, problems: ProblemLog) -> list[Picture]:
        """Return the pictures of a split.

        Parameters
        ----------
        root : folder of the data set
        split : name of the split
        images : folder of the images, if they are not at their usual place
        problems : log of the parts that are left out

        Raises
        ------
        InputError
            If an annotation file is damaged, and in strict mode at the first problem.

        """


def index_by_id(rows: Iterable[dict[str, Any]], key: str, source: Path | str, problems: ProblemLog
                ) -> dict[Any, dict[str, Any]]:
    """Return the rows of a file by their id, the value of `key`; log and leave out rows without or with a used id."""
    index: dict[Any, dict[str, Any]] = {}
    if not isinstance(rows, list | tuple):
        problems.add(f"{source}: there must be a list of rows with {key}, not {excerpt(rows)}")
        return index
    for row in rows:
        if not isinstance(row, dict) or not is_id(row.get(key)):
            problems.add(f"{source}: {excerpt(row)} has no {key}")
        elif row[key] in index:
            problems.add(f"{source}: {key} {excerpt(row[key])} is there twice; the second is left out")
        else:
            index[row[key]] = row
    return index


def is_id(value: object) -> bool:
    """Return whether a value can be an id: a text or a whole number of 64 bits."""
    return isinstance(value, str) or (type(value) is int and abs(value) < 2**63)


def text_of(value: object, default: str = "") -> str:
    """Return a value of a file if it is a text, otherwise the default."""
    return value if isinstance(value, str) else default


def picture_size(row: dict[str, Any]) -> tuple[int, int]:
    """Return the height and width that a file states for an image.

    Raises
    ------
    InputError
        If they are no whole numbers, or those of an image that is too large to be read.

    """
    height, width = row.get("height"), row.get("width")
    if type(height) is not int or type(width) is not int:
        raise InputError(f"the size of its image is {excerpt(height)} x {excerpt(width)}")
    check_size(width, height)
    return height, width


def has_words(text: object) -> bool:
    """Return whether a value is a text with at least one letter or digit."""
    return isinstance(text, str) and any(character.isalnum() for character in text)
