"""Tiny data sets on disk, in exactly the published layouts."""

from __future__ import annotations

import json
import pickle
import struct

import numpy as np
import pytest
from PIL import Image

HEIGHT, WIDTH = 40, 60
CATEGORIES = [{"supercategory": "kitchen", "id": 47, "name": "cup"},
              {"supercategory": "kitchen", "id": 51, "name": "bowl"}]


class Python2Pickler(pickle._Pickler):
    """A pickler that writes texts as the byte strings of Python 2, as in refs(unc).p: with opcodes S, U and T."""

    dispatch = dict(pickle._Pickler.dispatch)  # noqa: RUF012

    def save_text(self, text):
        data = text.encode("utf-8")
        if not self.bin:
            self.write(b"S" + repr(data)[1:].encode() + b"\n")
        elif len(data) < 256:
            self.write(b"U" + bytes([len(data)]) + data)
        else:
            self.write(b"T" + struct.pack("<i", len(data)) + data)
        self.memoize(text)

    dispatch[str] = save_text


def square(x, y, side=10):
    """Return the COCO polygon around the pixels [x, x + side) x [y, y + side)."""
    return [[x, y, x + side, y, x + side, y + side, x, y + side]]


def coco_name(image_id):
    return f"COCO_train2014_{image_id:012d}.jpg"


def write_picture(path, seed=0, height=HEIGHT, width=WIDTH):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def annotation(number, image_id, segmentation, category=47, **more):
    return {"id": number, "image_id": image_id, "category_id": category, "segmentation": segmentation, "iscrowd": 0,
            "area": 100.0, "bbox": [0, 0, 10, 10], **more}


def reference(number, ann_id, image_id, split, *sentences, category=47):
    """Return a reference as in refs(unc).p. Its file name contains the annotation and is not that of the image."""
    ids = [100 * number + i for i in range(len(sentences))]
    return {"ref_id": number, "ann_id": ann_id, "image_id": image_id, "category_id": category, "split": split,
            "file_name": f"COCO_train2014_{image_id:012d}_{number}.jpg", "sent_ids": ids,
            "sentences": [{"tokens": text.lower().split(), "raw": text, "sent_id": i, "sent": text.lower()}
                          for i, text in zip(ids, sentences, strict=True)]}


@pytest.fixture
def refer_root(tmp_path):
    """RefCOCO of two images: a cup and a bowl in the first, a cup of two polygons and a crowd of cups in the second."""
    root = tmp_path / "refer"
    everything = {"size": [HEIGHT, WIDTH], "counts": [0, HEIGHT * WIDTH]}
    instances = {"info": {}, "licenses": [], "categories": CATEGORIES,
                 "images": [{"id": i, "file_name": coco_name(i), "height": HEIGHT, "width": WIDTH, "license": 1}
                            for i in (9, 25)],
                 "annotations": [annotation(1, 9, square(5, 5)), annotation(2, 9, square(30, 20), category=51),
                                 annotation(3, 25, square(2, 2) + square(20, 2)),
                                 annotation(4, 25, everything, iscrowd=1)]}
    references = [reference(1, 1, 9, "val", "the Cup on the left", "cup"),
                  reference(2, 2, 9, "val", "bowl", category=51),
                  reference(3, 3, 25, "testA", "café cups"), reference(4, 3, 25, "train", "both")]

    def write(instances=instances, references=references, name="refcoco", by="unc", protocol=2):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "instances.json").write_text(json.dumps(instances))
        with open(folder / f"refs({by}).p", "wb") as file:
            Python2Pickler(file, protocol).dump(references)
        for i in (9, 25):
            write_picture(root / "images/mscoco/images/train2014" / coco_name(i), seed=i)
        return root
    write.instances, write.references = instances, references
    return write


@pytest.fixture
def grefcoco_root(refer_root):
    """gRefCOCO on the same images: one target, two, none."""
    root = refer_root()
    references = [reference(11, [1], 9, "val", "the cup"), reference(12, [1, 2], 9, "val", "cup and bowl"),
                  reference(13, [-1], 9, "val", "the dog", category=[-1])]
    (root / "grefcoco").mkdir()
    (root / "grefcoco/instances.json").write_text(json.dumps(refer_root.instances))
    (root / "grefcoco/grefs(unc).json").write_text(json.dumps(references))
    return root


@pytest.fixture
def phrasecut_root(tmp_path):
    """PhraseCut's miniv split: one picture, a phrase with one instance and one with two."""
    root = tmp_path / "VGPhraseCut_v0"
    write_picture(root / "images/2317.jpg")

    def task(number, phrase, polygons, kind):
        return {"task_id": f"2317__{number}", "image_id": 2317, "ann_ids": [number], "phrase": phrase,
                "instance_boxes": [[0, 0, 5, 5] for _ in polygons], "Polygons": polygons,
                "phrase_structure": {"name": "cup", "attributes": ["red"], "relation_ids": [],
                                     "relation_descriptions": [], "type": kind}}
    corner = [[0.0, 0.0], [4.6, 0.0], [4.6, 4.6], [0.0, 4.6]]
    parts = [[[20, 20], [29, 20], [29, 29], [20, 29]], [[40, 5], [42, 5], [41, 8]]]
    tasks = [task(1, "red cup", [[corner]], "attribute"), task(2, "cups", [[corner], parts], "name")]
    (root / "refer_miniv.json").write_text(json.dumps(tasks))
    (root / "image_data_split.json").write_text(json.dumps(
        [{"image_id": 2317, "coco_id": None, "flickr_id": None, "width": WIDTH, "height": HEIGHT, "split": "miniv",
          "url": ""}, {"image_id": 1, "width": 5, "height": 5, "split": "train"}]))
    return root


@pytest.fixture
def davis_root(tmp_path):
    """One video of two frames with void pixels; object 2 is not in the second."""
    root = tmp_path / "ref-davis"
    for frame, ids in (("00000", (1, 2)), ("00001", (1,))):
        write_picture(root / f"valid/JPEGImages/goat/{frame}.jpg")
        labels = np.zeros((HEIGHT, WIDTH), np.uint8)
        for i in ids:
            labels[10 * i:10 * i + 8, 10:20] = i
        labels[:, 50:] = 255
        picture = Image.fromarray(labels, "P")
        picture.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0] + [224] * 759)
        file = root / f"valid/Annotations/goat/{frame}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture.save(file)
    (root / "meta_expressions/valid").mkdir(parents=True)
    (root / "meta_expressions/valid/meta_expressions.json").write_text(json.dumps({"videos": {"goat": {
        "expressions": {"0": {"exp": "a goat", "obj_id": "1"}, "1": {"exp": "its shadow", "obj_id": "2"}},
        "frames": ["00000", "00001"]}}}))
    (root / "valid/meta.json").write_text(json.dumps({"videos": {"goat": {"objects": {
        "1": {"category": "goat"}, "2": {"category": "shadow"}}}}}))
    return root


@pytest.fixture
def own_root(tmp_path):
    """The package's own folder: one picture of a cup (1) and a bowl (2), with one line about an absent object."""
    root = tmp_path / "own"
    write_picture(root / "a.png")
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[5:15, 5:15], ids[20:30, 30:40] = 1, 2
    Image.fromarray(ids).save(root / "a-masks.png")
    line = {"image": "a.png", "masks": "a-masks.png", "classes": {"1": "cup", "2": "bowl"}}
    (root / "expressions.jsonl").write_text("".join(json.dumps({**line, **more}) + "\n" for more in (
        {"text": "the cup", "targets": [1], "kind": "category"}, {"text": "both", "targets": [1, 2], "kind": "plural"},
        {"text": "the dog", "targets": [], "kind": "absent"})))
    return root
