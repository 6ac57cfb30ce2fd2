"""The package's own folder of pictures, id masks and JSON lines; docs/dataset.md describes it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ris_ros.evaluation.datasets.base import AnnotatedObject, Expression, Picture, Problems
from ris_ros.evaluation.datasets.davis import LabelShape
from ris_ros.evaluation.folder import EXPRESSIONS, Sample, read_folder


def annotations(root: Path) -> list[Path]:
    """The file of expressions."""
    return [root / EXPRESSIONS]


def read(root: Path, problems: Problems) -> list[Picture]:
    """Its pictures."""
    folder = read_folder(root, strict=problems.strict)
    problems.found += folder.problems
    pictures: dict[tuple[Path, Path], list[tuple[int, Sample]]] = {}
    for number, sample in enumerate(folder.samples, 1):
        pictures.setdefault((sample.image, sample.masks), []).append((number, sample))
    return [_picture(root, asked) for asked in pictures.values()]


def _picture(root: Path, asked: list[tuple[int, Sample]]) -> Picture:
    first = asked[0][1]
    ids = np.unique(first.read_masks())
    things = {str(i): AnnotatedObject(LabelShape(first.masks, int(i)), first.classes.get(int(i), "")) for i in ids[ids > 0]}
    expressions = tuple(
        Expression("+".join(map(str, sample.targets)) or "none", str(number), sample.text,
                   tuple(map(str, sample.targets)), sample.kind) for number, sample in asked)
    return Picture(os.path.relpath(first.image, root), first.image, things, expressions, depth=first.depth,
                   intrinsics=first.intrinsics)
