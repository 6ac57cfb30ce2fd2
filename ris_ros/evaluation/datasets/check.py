"""Check of a folder for data sets: complete, incomplete and missing ones, and their sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets import available_datasets, load_dataset
from ris_ros.evaluation.datasets.base import Dataset


@dataclass(frozen=True)
class SplitCheck:
    """The result of checking one split of a data set.

    Attributes
    ----------
    name, split : the data set and its split
    missing : annotation files that are missing; if there are any, nothing else was checked
    pictures, expressions : number of usable ones
    problems : one line each
    source, licence : where to get the data set, and on what terms

    """

    name: str
    split: str
    missing: list[Path] = field(default_factory=list)
    pictures: int = 0
    expressions: int = 0
    problems: list[str] = field(default_factory=list)
    source: str = ""
    licence: str = ""


def check(root: str | Path, *, images: str | Path | None = None, masks: bool = True) -> Iterator[SplitCheck]:
    """Yield a result for every split of every data set.

    Parameters
    ----------
    root : folder of one data set or of several
    images : folder of the images, if they are not at their usual place
    masks : whether to decode the mask of every target

    Raises
    ------
    InputError
        If there is no such folder.

    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"there is no folder {root}")
    for name, entry in available_datasets().items():
        for split in entry.splits:
            result = SplitCheck(name, split, source=entry.source, licence=entry.licence)
            missing = [path for path in entry.load_reader().annotation_files(root, split) if not path.is_file()]
            if missing:
                yield replace(result, missing=missing)
                continue
            try:
                data = load_dataset(name, root, split, images=images)
            except InputError as error:
                yield replace(result, problems=[str(error)])
                continue
            yield replace(result, pictures=len(data.pictures), expressions=data.expression_count,
                          problems=data.problems + (_mask_problems(data) if masks else []))


def _mask_problems(data: Dataset) -> list[str]:
    """Decode every target's mask, and return one line for each that is damaged or empty."""
    problems = []
    for picture in data.pictures:
        try:
            height, width = picture.size or picture.read_image().shape[:2]
        except InputError as error:
            problems.append(str(error))
            continue
        for target in dict.fromkeys(target for expression in picture.expressions for target in expression.targets):
            try:
                if not picture.objects[target].mask.decode(height, width).any():
                    problems.append(f"picture {picture.id}: the mask of {target} is empty")
            except InputError as error:
                problems.append(f"picture {picture.id}: {target}: {error}")
    return problems
