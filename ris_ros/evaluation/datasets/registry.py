"""The registry of data sets for referring segmentation: names, splits, sources and readers.

A data set is one module with the two functions of :class:`~ris_ros.evaluation.datasets.base.DatasetReader` and one
line in DATASETS. Another package adds one by an entry point in the group ``ris_ros.datasets``: its name is that of the
data set, its value a `DatasetEntry`.
"""

from __future__ import annotations

import os
import pkgutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ris_ros.errors import InputError, reading

if TYPE_CHECKING:
    from ris_ros.evaluation.datasets.base import Dataset, DatasetReader, Expression, Picture, ProblemLog

ENTRY_POINTS = "ris_ros.datasets"
"""The group of entry points by which other packages add data sets."""


@dataclass(frozen=True)
class DatasetEntry:
    """Metadata of a data set, available without reading it.

    Attributes
    ----------
    title : its name as shown to users
    splits : names of its splits, the default first
    reader : import path, "package.module" or "package.module:object", of its `DatasetReader`
    source, licence : where to get it, and on what terms

    """

    title: str
    splits: tuple[str, ...]
    reader: str
    source: str
    licence: str

    def load_reader(self) -> DatasetReader:
        """Import and return the reader; the import needs numpy and Pillow."""
        reader: DatasetReader = pkgutil.resolve_name(self.reader)
        return reader


_REFER = "ris_ros.evaluation.datasets.refer"
_REFER_LICENCE = "its repository: Apache-2.0"
_COCO_IMAGES = "images: COCO 2014 train, https://cocodataset.org (annotations CC BY 4.0; pictures under Flickr's terms)"
_REFER_SOURCE = f"https://github.com/lichengunc/refer; {_COCO_IMAGES}"

DATASETS: dict[str, DatasetEntry] = {
    "refcoco": DatasetEntry("RefCOCO", ("val", "testA", "testB", "train"), f"{_REFER}:REFCOCO", _REFER_SOURCE,
                            _REFER_LICENCE),
    "refcoco+": DatasetEntry("RefCOCO+", ("val", "testA", "testB", "train"), f"{_REFER}:REFCOCO_PLUS", _REFER_SOURCE,
                             _REFER_LICENCE),
    "refcocog": DatasetEntry("RefCOCOg, split by UMD", ("val", "test", "train"), f"{_REFER}:REFCOCOG_UMD",
                             _REFER_SOURCE, _REFER_LICENCE),
    "refcocog-google": DatasetEntry("RefCOCOg, split by Google", ("val", "train"), f"{_REFER}:REFCOCOG_GOOGLE",
                                    _REFER_SOURCE, _REFER_LICENCE),
    "grefcoco": DatasetEntry("gRefCOCO, with several targets or none", ("val", "testA", "testB", "train"),
                             f"{_REFER}:GREFCOCO", f"https://github.com/henghuiding/gRefCOCO; {_COCO_IMAGES}",
                             "its repository states none"),
    "phrasecut": DatasetEntry("PhraseCut", ("test", "val", "miniv", "train"), "ris_ros.evaluation.datasets.phrasecut",
                              "https://github.com/ChenyunWu/PhraseCutDataset; images: Visual Genome 1.2, "
                              "https://visualgenome.org", "its repository states none; Visual Genome: CC BY 4.0"),
    "davis": DatasetEntry("the frames of Ref-DAVIS17", ("valid", "train"), "ris_ros.evaluation.datasets.davis",
                          "https://davischallenge.org (DAVIS 2017 unsupervised trainval 480p and semantics); "
                          "expressions: the page of Khoreva et al. at the Max Planck Institute for Informatics; the "
                          "converter in https://github.com/wjn922/ReferFormer makes these folders",
                          "see the page of DAVIS"),
    "folder": DatasetEntry("your own images, or those of `ris sim write`", ("all",),
                           "ris_ros.evaluation.datasets.folder", "`ris sim write`, or your own pictures: "
                           "docs/dataset.md", "yours"),
}
"""Name, as `ris eval` takes it -> entry of each data set that the package reads."""


def available_datasets() -> dict[str, DatasetEntry]:
    """Return DATASETS and the entries that other installed packages add."""
    from ris_ros.utils.plugins import plugin_names

    return {**DATASETS, **{name: find_dataset(name) for name in plugin_names(ENTRY_POINTS) if name not in DATASETS}}


def find_dataset(name: str) -> DatasetEntry:
    """Return the entry of a data set by its name.

    Raises
    ------
    InputError
        If there is none, several packages add one of this name, or one that another package adds cannot be used.

    """
    from ris_ros.utils.plugins import find_plugin, load_plugin, plugin_names

    if point := find_plugin(ENTRY_POINTS, name, built_in=DATASETS):
        entry: DatasetEntry = load_plugin(point, lambda value: isinstance(value, DatasetEntry), "a DatasetEntry")
        return entry
    if name not in DATASETS:
        known = [*DATASETS, *plugin_names(ENTRY_POINTS)]
        raise InputError(f"there is no data set {name!r}; known are {', '.join(dict.fromkeys(known))}")
    return DATASETS[name]


def load_dataset(name: str, root: str | Path, split: str = "", *, images: str | Path | None = None,
                 strict: bool = False, limit: int = 0) -> Dataset:
    """Read a split of a data set. Images and masks are read later, picture by picture.

    Parameters
    ----------
    name : one of DATASETS, or of those that other packages add
    root : folder of the data set; the module of its reader describes the layout
    split : name of the split; empty for the default
    images : folder of the images, if they are not at their usual place
    strict : stop at the first problem; otherwise unusable parts are left out and listed
    limit : maximum number of pictures, counted from the first; 0 for no limit

    Raises
    ------
    InputError
        If there is no such data set or split, an annotation file is missing or damaged, or nothing in it is usable. In
        strict mode also at the first missing picture, unknown id, duplicate id or text without words.

    """
    from ris_ros.evaluation.datasets.base import Dataset, ProblemLog

    entry, root = find_dataset(name), Path(root)
    split = split or entry.splits[0]
    if split not in entry.splits:
        raise InputError(f"{name} has no split {split!r}; it has {', '.join(entry.splits)}")
    reader = entry.load_reader()
    for path in reader.annotation_files(root, split):
        if not path.is_file():
            raise InputError(f"{name} needs {path}, which is not there; it comes from {entry.source}")
    problems = ProblemLog(strict)
    # Readers leave out what they know to be damaged; of a file with another structure nothing can be read.
    with reading(f"{name} {split} in {root}", f"it comes from {entry.source}"):
        pictures = reader.read(root, split, Path(images) if images else None, problems)
    pictures = pictures[:limit] if limit else pictures
    usable = [checked for picture in pictures if (checked := _without_unusable(picture, problems)).expressions]
    if not usable:
        first = problems.messages[0] if problems.messages else f"no expression is in split {split}"
        raise InputError(f"nothing of {name} {split} in {root} can be used: {first}")
    return Dataset(name, split, usable, problems.messages)


def _without_unusable(picture: Picture, problems: ProblemLog) -> Picture:
    """Return the picture without duplicate expressions, or without any if its image file is missing."""
    if not os.path.isfile(picture.file):  # Of a path, unlike is_file(), that cannot be one: False.
        problems.add(f"there is no picture {picture.file}; {len(picture.expressions)} expressions are left out")
        return replace(picture, expressions=())
    unique: dict[tuple[str, str], Expression] = {}
    for expression in picture.expressions:
        key = expression.ref, expression.sentence
        if key in unique:
            problems.add(f"picture {picture.id}: reference {key[0]}, sentence {key[1]} is there twice; "
                         "the second is left out")
        else:
            unique[key] = expression
    return replace(picture, expressions=tuple(unique.values()))
