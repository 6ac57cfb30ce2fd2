"""Which data sets a folder holds, whole or in part, and where the rest comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets import DATASETS, load
from ris_ros.evaluation.datasets.base import DataSet


@dataclass(frozen=True)
class Finding:
    """What there is of one split.

    Attributes
    ----------
    name, split : the data set
    missing : annotation files that are not there; when there are any, nothing else was looked at
    pictures, expressions : what can be measured on
    problems : one line each
    source, licence : where it comes from

    """

    name: str
    split: str
    missing: list[Path] = field(default_factory=list)
    pictures: int = 0
    expressions: int = 0
    problems: list[str] = field(default_factory=list)
    source: str = ""
    licence: str = ""


def check(root: str | Path, *, images: str | Path | None = None, masks: bool = True) -> Iterator[Finding]:
    """Look for every split of every data set in `root`; with `masks`, decode each mask that an expression names."""
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"there is no folder {root}")
    for name, layout in DATASETS.items():
        for split in layout.splits:
            missing = [path for path in layout.annotations(root, split) if not path.is_file()]
            about = {"name": name, "split": split, "source": layout.source, "licence": layout.licence}
            if missing:
                yield Finding(missing=missing, **about)
                continue
            try:
                data = load(name, root, split, images=images)
            except InputError as error:
                yield Finding(problems=[str(error)], **about)
                continue
            problems = data.problems + (_mask_problems(data) if masks else [])
            yield Finding(pictures=len(data.pictures), expressions=data.count, problems=problems, **about)


def _mask_problems(data: DataSet) -> list[str]:
    problems = []
    for picture in data.pictures:
        try:
            height, width = picture.size or picture.read_image().shape[:2]
        except InputError as error:
            problems.append(str(error))
            continue
        for target in dict.fromkeys(target for expression in picture.expressions for target in expression.targets):
            try:
                if not picture.things[target].shape.mask(height, width).any():
                    problems.append(f"picture {picture.id}: the mask of {target} is empty")
            except InputError as error:
                problems.append(f"picture {picture.id}: {target}: {error}")
    return problems
