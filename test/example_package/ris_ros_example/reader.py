"""Reader of the data set ``stripes``.

    ROOT/stripes.tsv       file of the picture, first column, last column + 1, sentence
    ROOT/PICTURE.png       with vertical stripes of which the sentence names one
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ris_ros.evaluation.datasets.base import AnnotatedObject, Expression, Picture, ProblemLog


@dataclass(frozen=True)
class StripeMask:
    """The mask of a stripe, as it is stored: by its columns."""

    first: int
    end: int

    def decode(self, height: int, width: int) -> np.ndarray:
        """Return the mask, bool [height, width]."""
        mask = np.zeros((height, width), bool)
        mask[:, self.first:self.end] = True
        return mask


def annotation_files(root: Path, split: str) -> list[Path]:
    """Return the files that must exist, besides the images."""
    return [root / "stripes.tsv"]


def read(root: Path, split: str, images: Path | None, problems: ProblemLog) -> list[Picture]:
    """Return the pictures of a split."""
    pictures = []
    for number, line in enumerate((root / "stripes.tsv").read_text(encoding="utf-8").splitlines()):
        fields = line.split("\t")
        if len(fields) != 4 or not (fields[1].isdecimal() and fields[2].isdecimal()):
            problems.add(f"stripes.tsv, line {number + 1}, is not picture, first, end and sentence")
            continue
        file, first, end, text = fields
        objects = {"stripe": AnnotatedObject(StripeMask(int(first), int(end)), "stripe")}
        expression = Expression("stripe", str(number), text, ("stripe",))
        pictures.append(Picture(str(number), (images or root) / file, objects, (expression,)))
    return pictures
