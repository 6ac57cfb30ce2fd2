"""Reader of PhraseCut (Wu et al., CVPR 2020): phrases and polygons on images of Visual Genome.

    ROOT/image_data_split.json  (also found as image_data_split3000.json)
    ROOT/refer_val.json  refer_test.json  refer_train.json  refer_miniv.json
    ROOT/images/IMAGE_ID.jpg, or VG_100K and VG_100K_2 in ROOT or ROOT/images

A task is one phrase; its ``Polygons`` hold, for each instance, polygons of [x, y] points.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ris_ros.errors import InputError, excerpt
from ris_ros.evaluation.datasets.base import (
    AnnotatedObject,
    Expression,
    Picture,
    ProblemLog,
    has_words,
    index_by_id,
    is_id,
    picture_size,
    text_of,
)
from ris_ros.evaluation.datasets.refer import REMEDY
from ris_ros.evaluation.datasets.storage import PolygonMask
from ris_ros.utils.files import read_json


def annotation_files(root: Path, split: str) -> list[Path]:
    """Return the file of all images and the file of the split's tasks."""
    images_file = _first_existing(root / "image_data_split.json", root / "image_data_split3000.json")
    return [images_file, root / f"refer_{split}.json"]


def read(root: Path, split: str, images: Path | None, problems: ProblemLog) -> list[Picture]:
    """Return the pictures of a split."""
    images_file, tasks_file = annotation_files(root, split)
    image_rows = index_by_id(read_json(images_file, REMEDY), "image_id", images_file, problems)
    sizes: dict[Any, tuple[int, int]] = {}
    objects: dict[Any, dict[str, AnnotatedObject]] = {}
    expressions: dict[Any, list[Expression]] = {}
    for task in index_by_id(read_json(tasks_file, REMEDY), "task_id", tasks_file, problems).values():
        where, image_id = f"{tasks_file}: task_id {task['task_id']}", task.get("image_id")
        structure = task.get("phrase_structure")
        structure = structure if isinstance(structure, dict) else {}
        if not is_id(image_id) or image_id not in image_rows:
            problems.add(f"{where} is about image {excerpt(image_id)}, which {images_file.name} lacks")
            continue
        try:
            sizes[image_id] = picture_size(image_rows[image_id])
        except InputError as error:
            problems.add(f"{where}: {error}")
            continue
        if not task.get("Polygons") or not isinstance(task["Polygons"], list):
            problems.add(f"{where} has no polygons")
        elif not has_words(task.get("phrase", "")):
            problems.add(f"{where} has no words")
        else:
            targets = {f"{task['task_id']}/{i}": AnnotatedObject(PolygonMask(polygons), text_of(structure.get("name")))
                       for i, polygons in enumerate(task["Polygons"])}
            objects.setdefault(image_id, {}).update(targets)
            expressions.setdefault(image_id, []).append(
                Expression(str(task["task_id"]), "0", task["phrase"], tuple(targets), text_of(structure.get("type"))))
    return [Picture(str(image_id), _image_file(root, images, image_id), objects[image_id], tuple(about_it),
                    size=sizes[image_id])
            for image_id, about_it in expressions.items()]


def _image_file(root: Path, images: Path | None, image_id: Any) -> Path:
    """Return the path of an image, in the benchmark's own folder or in Visual Genome's two."""
    folders = [images] if images else [root / "images", root / "images/VG_100K", root / "images/VG_100K_2",
                                       root / "VG_100K", root / "VG_100K_2"]
    return _first_existing(*(folder / f"{image_id}.jpg" for folder in folders))


def _first_existing(*paths: Path) -> Path:
    """Return the first path that is a file, or the first of all if none is."""
    return next((path for path in paths if path.is_file()), paths[0])
