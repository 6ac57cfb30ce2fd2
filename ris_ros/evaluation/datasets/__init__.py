"""Data sets that referring segmentation is measured on; a layout is one file here and a line in DATASETS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets import davis, own, phrasecut, refer
from ris_ros.evaluation.datasets.base import AnnotatedObject, DataSet, Expression, Picture, Problems, Shape

__all__ = ["DATASETS", "DataSet", "Expression", "Layout", "Picture", "Problems", "Shape", "AnnotatedObject", "load"]

_COCO = "images: COCO 2014 train, https://cocodataset.org (annotations CC BY 4.0; pictures under Flickr's terms)"


@dataclass(frozen=True)
class Layout:
    """How a data set lies on disk, and where it comes from.

    Attributes
    ----------
    splits : the names of its splits, the usual one first
    annotations : (root, split) -> the files that must be there, besides the pictures
    read : (root, split, image folder or None, problems) -> pictures
    source, licence : for people who have to get it

    """

    splits: tuple[str, ...]
    annotations: Callable[[Path, str], list[Path]]
    read: Callable[[Path, str, Path | None, Problems], list[Picture]]
    source: str
    licence: str


def _refer(name: str, by: str, splits: tuple[str, ...], source: str, licence: str) -> Layout:
    return Layout(splits, lambda root, split: refer.annotations(root, name, by),
                  lambda root, split, images, problems: refer.read(root, name, by, split, images, problems),
                  f"{source}; {_COCO}", licence)


_refer_unc = partial(_refer, source="https://github.com/lichengunc/refer", licence="its repository: Apache-2.0")

DATASETS: dict[str, Layout] = {
    "refcoco": _refer_unc("refcoco", "unc", ("val", "testA", "testB", "train")),
    "refcoco+": _refer_unc("refcoco+", "unc", ("val", "testA", "testB", "train")),
    "refcocog": _refer_unc("refcocog", "umd", ("val", "test", "train")),
    "refcocog-google": _refer_unc("refcocog", "google", ("val", "train")),
    "grefcoco": _refer("grefcoco", "unc", ("val", "testA", "testB", "train"),
                       "https://github.com/henghuiding/gRefCOCO", "its repository states none"),
    "phrasecut": Layout(("test", "val", "miniv", "train"), phrasecut.annotations, phrasecut.read,
                        "https://github.com/ChenyunWu/PhraseCutDataset; images: Visual Genome 1.2, "
                        "https://visualgenome.org", "its repository states none; Visual Genome: CC BY 4.0"),
    "davis": Layout(("valid", "train"), davis.annotations, davis.read,
                    "https://davischallenge.org (DAVIS 2017 unsupervised trainval 480p and semantics); expressions: "
                    "the page of Khoreva et al. at the Max Planck Institute for Informatics; the converter in "
                    "https://github.com/wjn922/ReferFormer makes these folders", "see the page of DAVIS"),
    "folder": Layout(("all",), lambda root, split: own.annotations(root),
                     lambda root, split, images, problems: own.read(root, problems),
                     "`ris sim write`, or your own pictures: docs/dataset.md", "yours"),
}
"""One line for each data set, by the name that `ris eval` takes."""


def load(name: str, root: str | Path, split: str = "", *, images: str | Path | None = None, strict: bool = False,
         limit: int = 0) -> DataSet:
    """Read a split of a data set; pixels are read later, picture by picture.

    Parameters
    ----------
    name : one of DATASETS
    root : the folder that holds it, as the module of its layout shows
    split : empty for the usual one
    images : folder of the pictures, where they lie elsewhere
    strict : whether the first problem ends it; else what cannot be used is left out and listed
    limit : at most so many pictures, from the first; 0 for all

    Raises
    ------
    InputError
        When there is no such data set or split, an annotation file is missing or damaged, nothing in it is usable, or,
        if strict, at the first missing picture, id that matches nothing, id that is there twice or text without words.

    """
    if name not in DATASETS:
        raise InputError(f"there is no data set {name!r}; known are {', '.join(DATASETS)}")
    layout, root = DATASETS[name], Path(root)
    split = split or layout.splits[0]
    if split not in layout.splits:
        raise InputError(f"{name} has no split {split!r}; it has {', '.join(layout.splits)}")
    for path in layout.annotations(root, split):
        if not path.is_file():
            raise InputError(f"{name} needs {path}, which is not there; it comes from {layout.source}")
    problems = Problems(strict)
    pictures = layout.read(root, split, Path(images) if images else None, problems)
    pictures = pictures[:limit] if limit else pictures
    usable = [checked for picture in pictures if (checked := _checked(picture, problems)).expressions]
    if not usable:
        first = problems.found[0] if problems.found else f"no expression is in split {split}"
        raise InputError(f"nothing of {name} {split} in {root} can be used: {first}")
    return DataSet(name, split, usable, problems.found)


def _checked(picture: Picture, problems: Problems) -> Picture:
    """The picture with the expressions that can be asked."""
    if not picture.file.is_file():
        problems.note(f"there is no picture {picture.file}; {len(picture.expressions)} expressions are left out")
        return replace(picture, expressions=())
    kept: dict[tuple[str, str], Expression] = {}
    for expression in picture.expressions:
        key = expression.ref, expression.sentence
        if key in kept:
            problems.note(f"picture {picture.id}: reference {key[0]}, sentence {key[1]} is there twice; "
                          "the second is left out")
        else:
            kept[key] = expression
    return replace(picture, expressions=tuple(kept.values()))
