"""PhraseCut (Wu et al., CVPR 2020): phrases and polygons on Visual Genome pictures.

    ROOT/image_data_split.json  (also found as image_data_split3000.json)
    ROOT/refer_val.json  refer_test.json  refer_train.json  refer_miniv.json
    ROOT/images/IMAGE_ID.jpg, or VG_100K and VG_100K_2 in ROOT or ROOT/images

A task is one phrase; its ``Polygons`` are, for each instance, polygons of [x, y] points.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets.base import AnnotatedObject, Expression, Picture, Problems, by_id
from ris_ros.evaluation.datasets.refer import read_json


@dataclass(frozen=True, eq=False)
class PolygonShape:
    """Polygons of [x, y] points, filled as the benchmark's own code fills them: whole coordinates, rim included."""

    polygons: list[list[list[float]]]

    def mask(self, height: int, width: int) -> np.ndarray:
        """Bool [height, width]."""
        canvas = Image.new("L", (width, height), 0)
        pen = ImageDraw.Draw(canvas)
        try:
            for polygon in self.polygons:
                if len(polygon) >= 2:
                    pen.polygon([(int(x), int(y)) for x, y in polygon], outline=1, fill=1)
        except (TypeError, ValueError) as error:
            raise InputError(f"cannot read the polygons {str(self.polygons)[:80]}: {error}") from error
        return np.array(canvas) > 0


def annotations(root: Path, split: str) -> list[Path]:
    """The two files of a split."""
    return [_first(root / "image_data_split.json", root / "image_data_split3000.json"), root / f"refer_{split}.json"]


def read(root: Path, split: str, images: Path | None, problems: Problems) -> list[Picture]:
    """The pictures of a split."""
    images_file, tasks_file = annotations(root, split)
    about = by_id(read_json(images_file), "image_id", images_file, problems)
    things: dict[Any, dict[str, AnnotatedObject]] = {}
    expressions: dict[Any, list[Expression]] = {}
    for task in by_id(read_json(tasks_file), "task_id", tasks_file, problems).values():
        where, image = f"{tasks_file}: task_id {task['task_id']}", task.get("image_id")
        structure = task.get("phrase_structure") or {}
        if image not in about:
            problems.note(f"{where} is about image {image}, which {images_file.name} lacks")
        elif not task.get("Polygons"):
            problems.note(f"{where} has no polygons")
        elif not any(character.isalnum() for character in task.get("phrase", "")):
            problems.note(f"{where} has no words")
        else:
            targets = {f"{task['task_id']}/{i}": AnnotatedObject(PolygonShape(polygons), structure.get("name", ""))
                       for i, polygons in enumerate(task["Polygons"])}
            things.setdefault(image, {}).update(targets)
            expressions.setdefault(image, []).append(
                Expression(str(task["task_id"]), "0", task["phrase"], tuple(targets), structure.get("type", "")))
    return [Picture(str(image), image_file(root, images, image), things[image], tuple(asked),
                    size=(about[image]["height"], about[image]["width"])) for image, asked in expressions.items()]


def image_file(root: Path, images: Path | None, image_id: Any) -> Path:
    """Where a picture is, in the benchmark's own folder or in Visual Genome's two."""
    folders = [images] if images else [root / "images", root / "images/VG_100K", root / "images/VG_100K_2",
                                       root / "VG_100K", root / "VG_100K_2"]
    return _first(*(folder / f"{image_id}.jpg" for folder in folders))


def _first(*paths: Path) -> Path:
    return next((path for path in paths if path.is_file()), paths[0])
