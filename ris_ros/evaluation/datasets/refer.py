"""The ``refer`` layout of RefCOCO, RefCOCO+ and RefCOCOg (Yu et al., ECCV 2016), and that of gRefCOCO.

    ROOT/refcoco/instances.json  refs(unc).p           refs(google).p
    ROOT/refcoco+/instances.json  refs(unc).p
    ROOT/refcocog/instances.json  refs(umd).p          refs(google).p
    ROOT/grefcoco/instances.json  grefs(unc).json      or grefs(unc).p
    ROOT/images/mscoco/images/train2014/COCO_train2014_000000000009.jpg, or ROOT/images/train2014, or ROOT/train2014

A reference names one annotation (in gRefCOCO a list, where [-1] is none) in several sentences.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets.base import AnnotatedObject, Expression, Picture, Problems, by_id
from ris_ros.evaluation.datasets.coco import CocoShape
from ris_ros.evaluation.datasets.pickles import read_plain_pickle

NO_TARGET = -1


def folder(root: Path, name: str) -> Path:
    """Where the annotations are: ROOT/NAME, or ROOT itself when it is that folder."""
    return root if (root / "instances.json").is_file() and not (root / name).is_dir() else root / name


def annotations(root: Path, name: str, by: str) -> list[Path]:
    """The two annotation files; `by` says who split the data: unc, umd or google."""
    references = [folder(root, name) / f"{prefix}refs({by}).{ending}"
                  for prefix, ending in ((("g", "json"), ("g", "p")) if name == "grefcoco" else (("", "p"),))]
    there = [path for path in references if path.is_file()]
    return [folder(root, name) / "instances.json", (there or references)[0]]


def image_folder(root: Path) -> Path:
    """Where COCO's train2014 images are, by the habits of several projects."""
    candidates = [base / inner for base in (root, root.parent)
                  for inner in ("images/mscoco/images/train2014", "images/train2014", "train2014")]
    return next((path for path in candidates if path.is_dir()), candidates[0])


def read(root: Path, name: str, by: str, split: str, images: Path | None, problems: Problems) -> list[Picture]:
    """The pictures of a split."""
    instances_file, references_file = annotations(root, name, by)
    instances = read_json(instances_file)
    references = read_json(references_file) if references_file.suffix == ".json" else read_plain_pickle(references_file)
    if not isinstance(instances, dict) or not {"images", "annotations", "categories"} <= instances.keys():
        raise InputError(f"{instances_file} must hold images, annotations and categories, as COCO's does")
    if not isinstance(references, list):
        raise InputError(f"{references_file} must hold a list of references")
    about = by_id(instances["images"], "id", instances_file, problems)
    annotated = by_id(instances["annotations"], "id", instances_file, problems)
    categories = {row.get("id"): row.get("name", "") for row in instances["categories"]}
    images = images or image_folder(root)

    expressions: dict[Any, list[Expression]] = {}
    for reference in by_id(references, "ref_id", references_file, problems).values():
        if not _in_split(str(reference.get("split")), split):
            continue
        try:
            found = _expressions(reference, about, annotated, f"{references_file}: ref_id {reference['ref_id']}",
                                 problems)
        except InputError as error:
            problems.note(f"{references_file}: ref_id {reference['ref_id']} {error}; its sentences are left out")
            continue
        expressions.setdefault(reference["image_id"], []).extend(found)

    things: dict[Any, dict[str, AnnotatedObject]] = {}
    for annotation in annotated.values():
        if annotation.get("image_id") in expressions and not annotation.get("iscrowd"):
            things.setdefault(annotation["image_id"], {})[str(annotation["id"])] = AnnotatedObject(
                CocoShape(annotation.get("segmentation")), categories.get(annotation.get("category_id"), ""))
    return [Picture(str(image), images / about[image]["file_name"], things.get(image, {}), tuple(asked),
                    size=(about[image]["height"], about[image]["width"])) for image, asked in expressions.items()]


def read_json(path: Path) -> Any:
    """The content of a JSON file; InputError when it is not there or damaged."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}; `ris data check` says where it comes from") from error


def _in_split(of_reference: str, split: str) -> bool:
    # As the published reader does: testA is every test split with an A, test is all of them.
    if split in ("testA", "testB", "testC"):
        return of_reference.startswith("test") and split[-1] in of_reference[4:]
    return "test" in of_reference if split == "test" else of_reference == split


def _expressions(reference: dict[str, Any], images: dict[Any, Any], annotations: dict[Any, Any], where: str,
                 problems: Problems) -> list[Expression]:
    named = reference.get("ann_id")
    named = named if isinstance(named, list) else [named]
    if reference.get("image_id") not in images:
        raise InputError(f"is about image {reference.get('image_id')}, which instances.json lacks")
    targets = [target for target in named if target != NO_TARGET]
    for target in targets:
        if target not in annotations:
            raise InputError(f"names annotation {target}, which instances.json lacks")
        if annotations[target].get("image_id") != reference["image_id"]:
            raise InputError(f"names annotation {target} of another image")
    targets = tuple(str(target) for target in targets if not annotations[target].get("iscrowd"))
    if named != [NO_TARGET] and not targets:
        raise InputError("names crowds alone")
    kind = "no target" if not targets else "single target" if len(targets) == 1 else "several targets"
    found = []
    for sentence in by_id(reference.get("sentences", ()), "sent_id", Path(where), problems).values():
        text = sentence.get("raw") or sentence.get("sent") or ""
        if not isinstance(text, str) or not any(character.isalnum() for character in text):
            problems.note(f"{where}: sentence {sentence['sent_id']} has no words")
            continue
        found.append(Expression(str(reference["ref_id"]), str(sentence["sent_id"]), text, targets, kind))
    return found
