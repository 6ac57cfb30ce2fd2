"""Readers of RefCOCO, RefCOCO+, RefCOCOg (Yu et al., ECCV 2016) and gRefCOCO, in the layout of the ``refer`` project.

    ROOT/refcoco/instances.json  refs(unc).p           refs(google).p
    ROOT/refcoco+/instances.json  refs(unc).p
    ROOT/refcocog/instances.json  refs(umd).p          refs(google).p
    ROOT/grefcoco/instances.json  grefs(unc).json      or grefs(unc).p
    ROOT/images/mscoco/images/train2014/COCO_train2014_000000000009.jpg, or ROOT/images/train2014, or ROOT/train2014

A reference has several sentences about one annotation (in gRefCOCO about a list of them; [-1] is none).
"""

from __future__ import annotations

from dataclasses import dataclass
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
from ris_ros.evaluation.datasets.pickles import read_plain_pickle
from ris_ros.evaluation.datasets.storage import CocoMask
from ris_ros.utils.files import read_json

REMEDY = "`ris data check` says where it comes from"

NO_TARGET = -1
"""The annotation id in gRefCOCO of references without a target in the image."""


@dataclass(frozen=True)
class ReferReader:
    """The reader of one data set in this layout.

    Attributes
    ----------
    folder : name of its folder
    split_by : author of the splits: unc, umd or google

    """

    folder: str
    split_by: str

    def annotation_files(self, root: Path, split: str) -> list[Path]:
        """Return the file of annotations and the file of references; all splits share them."""
        names = (f"grefs({self.split_by}).json", f"grefs({self.split_by}).p") if self.folder == "grefcoco" else (
            f"refs({self.split_by}).p",)
        # ROOT may also be the data set's own folder.
        is_own_folder = (root / "instances.json").is_file() and not (root / self.folder).is_dir()
        folder = root if is_own_folder else root / self.folder
        existing = [folder / name for name in names if (folder / name).is_file()]
        return [folder / "instances.json", existing[0] if existing else folder / names[0]]

    def read(self, root: Path, split: str, images: Path | None, problems: ProblemLog) -> list[Picture]:
        """Return the pictures of a split."""
        instances_file, references_file = self.annotation_files(root, split)
        instances = read_json(instances_file, REMEDY)
        references = (read_json(references_file, REMEDY) if references_file.suffix == ".json"
                      else read_plain_pickle(references_file))
        if not isinstance(instances, dict) or not {"images", "annotations", "categories"} <= instances.keys():
            raise InputError(f"{instances_file} must hold images, annotations and categories, as COCO's does")
        if not isinstance(references, list):
            raise InputError(f"{references_file} must hold a list of references")
        image_rows = index_by_id(instances["images"], "id", instances_file, problems)
        annotations = index_by_id(instances["annotations"], "id", instances_file, problems)
        categories = index_by_id(instances["categories"], "id", instances_file, problems)
        images = images or _image_folder(root)

        expressions: dict[Any, list[Expression]] = {}
        for reference in index_by_id(references, "ref_id", references_file, problems).values():
            if not _is_in_split(str(reference.get("split")), split):
                continue
            where = f"{references_file}: ref_id {reference['ref_id']}"
            try:
                usable = _expressions(reference, image_rows, annotations, where, problems)
            except InputError as error:
                problems.add(f"{where} {error}; its sentences are left out")
                continue
            expressions.setdefault(reference["image_id"], []).extend(usable)

        objects: dict[Any, dict[str, AnnotatedObject]] = {}
        for annotation in annotations.values():
            image_id, category_id = annotation.get("image_id"), annotation.get("category_id")
            if is_id(image_id) and image_id in expressions and not annotation.get("iscrowd"):
                category = categories.get(category_id, {}) if is_id(category_id) else {}
                objects.setdefault(image_id, {})[str(annotation["id"])] = AnnotatedObject(
                    CocoMask(annotation.get("segmentation")), text_of(category.get("name")))
        return [Picture(str(image_id), images / image_rows[image_id]["file_name"], objects.get(image_id, {}),
                        tuple(about_it), size=picture_size(image_rows[image_id]))
                for image_id, about_it in expressions.items()]


REFCOCO = ReferReader("refcoco", "unc")
REFCOCO_PLUS = ReferReader("refcoco+", "unc")
REFCOCOG_UMD = ReferReader("refcocog", "umd")
REFCOCOG_GOOGLE = ReferReader("refcocog", "google")
GREFCOCO = ReferReader("grefcoco", "unc")
"""The readers that DATASETS refers to."""


def _image_folder(root: Path) -> Path:
    """Return the folder of COCO's train2014 images, by the conventions of several projects."""
    candidates = [base / inner for base in (root, root.parent)
                  for inner in ("images/mscoco/images/train2014", "images/train2014", "train2014")]
    return next((path for path in candidates if path.is_dir()), candidates[0])


def _is_in_split(reference_split: str, split: str) -> bool:
    # As the published reader does: testA is every test split with an A in its name, test is all of them.
    if split in ("testA", "testB", "testC"):
        return reference_split.startswith("test") and split[-1] in reference_split[4:]
    return "test" in reference_split if split == "test" else reference_split == split


def _expressions(reference: dict[str, Any], image_rows: dict[Any, Any], annotations: dict[Any, Any], where: str,
                 problems: ProblemLog) -> list[Expression]:
    """Return a reference's sentences as expressions; raise InputError if its image or annotations are unusable."""
    named = reference.get("ann_id")
    named = named if isinstance(named, list) else [named]
    image_id = reference.get("image_id")
    if not is_id(image_id) or image_id not in image_rows:
        raise InputError(f"is about image {excerpt(image_id)}, which instances.json lacks")
    if not isinstance(image_rows[image_id].get("file_name"), str):
        raise InputError(f"is about image {image_id}, which has no file_name in instances.json")
    try:
        picture_size(image_rows[image_id])
    except InputError as error:
        raise InputError(f"is about image {image_id}: {error}") from error
    ids = [annotation_id for annotation_id in named if annotation_id != NO_TARGET]
    for annotation_id in ids:
        if not is_id(annotation_id) or annotation_id not in annotations:
            raise InputError(f"names annotation {excerpt(annotation_id)}, which instances.json lacks")
        if annotations[annotation_id].get("image_id") != reference["image_id"]:
            raise InputError(f"names annotation {annotation_id} of another image")
    targets = tuple(str(annotation_id) for annotation_id in ids if not annotations[annotation_id].get("iscrowd"))
    if named != [NO_TARGET] and not targets:
        raise InputError("names crowds alone")
    kind = "no target" if not targets else "single target" if len(targets) == 1 else "several targets"
    usable = []
    for sentence in index_by_id(reference.get("sentences", ()), "sent_id", where, problems).values():
        text = text_of(sentence.get("raw")) or text_of(sentence.get("sent"))
        if not has_words(text):
            problems.add(f"{where}: sentence {sentence['sent_id']} has no words")
            continue
        usable.append(Expression(str(reference["ref_id"]), str(sentence["sent_id"]), text, targets, kind))
    return usable
