from __future__ import annotations

import json
import os
import pickle

import numpy as np
import pytest
from typer.testing import CliRunner

from ris_ros.cli import app
from ris_ros.errors import InputError
from ris_ros.evaluation.datasets import DATASETS, available_datasets, load_dataset

HEIGHT, WIDTH = 40, 60


def truth(picture, expression):
    return picture.target_mask(expression, HEIGHT, WIDTH)


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_refcoco_is_read_as_python_2_wrote_it(refer_root, protocol):
    (picture,) = load_dataset("refcoco", refer_root(protocol=protocol), "val").pictures
    assert picture.id == "9"
    assert picture.read_image().shape == (HEIGHT, WIDTH, 3)
    assert [(e.ref, e.sentence, e.text, e.targets) for e in picture.expressions] == [
        ("1", "100", "the Cup on the left", ("1",)), ("1", "101", "cup", ("1",)), ("2", "200", "bowl", ("2",))]
    mask = truth(picture, picture.expressions[0])
    assert mask.sum() == 100
    assert mask[5:15, 5:15].all()
    assert {name: annotated.category for name, annotated in picture.objects.items()} == {"1": "cup", "2": "bowl"}


def test_a_split_has_its_own_references_and_crowds_are_not_objects(refer_root):
    (picture,) = load_dataset("refcoco", refer_root(), "testA").pictures
    (expression,) = picture.expressions
    assert expression.text == "café cups"
    assert truth(picture, expression).sum() == 200
    assert set(picture.objects) == {"3"}


def test_the_default_split_is_the_first_and_others_are_refused(refer_root):
    assert load_dataset("refcoco", refer_root()).split == "val"
    with pytest.raises(InputError, match="it has val, testA, testB, train"):
        load_dataset("refcoco", refer_root(), "test")
    with pytest.raises(InputError, match=r"known are refcoco, refcoco\+"):
        load_dataset("refcoco2", refer_root())


def test_refcoco_plus_and_g_have_folders_of_their_own(refer_root):
    root = refer_root(name="refcoco+")
    assert load_dataset("refcoco+", root).expression_count == 3
    refer_root(name="refcocog", by="umd")
    assert load_dataset("refcocog", root, "val").expression_count == 3
    own_folder = load_dataset("refcoco+", root / "refcoco+", images=root / "images/mscoco/images/train2014")
    assert own_folder.expression_count == 3
    with pytest.raises(InputError, match=r"refcoco/instances\.json, which is not there; it comes from https://github"):
        load_dataset("refcoco", root)


def test_grefcoco_has_one_target_or_several_or_none(grefcoco_root):
    (picture,) = load_dataset("grefcoco", grefcoco_root, "val").pictures
    assert [expression.kind for expression in picture.expressions] == [
        "single target", "several targets", "no target"]
    assert [int(truth(picture, expression).sum()) for expression in picture.expressions] == [100, 200, 0]


def test_phrasecut_unites_instances_and_fills_polygons_with_their_outline(phrasecut_root):
    (picture,) = load_dataset("phrasecut", phrasecut_root, "miniv").pictures
    one, several = picture.expressions
    assert (one.ref, one.text, one.kind) == ("2317__1", "red cup", "attribute")
    assert truth(picture, one).sum() == 25  # whole coordinates 0..4, outline included
    assert truth(picture, several).sum() > 25 + 100
    assert several.targets == ("2317__2/0", "2317__2/1")


def test_davis_frames_are_pictures_and_targets_may_be_absent(davis_root):
    first, second = load_dataset("davis", davis_root).pictures
    assert (first.id, second.id) == ("goat/00000", "goat/00001")
    assert first.video == second.video == "goat"
    assert (set(first.objects), set(second.objects)) == ({"1", "2"}, {"1"})  # void pixels are not an object
    assert [expression.targets for expression in first.expressions] == [("1",), ("2",)]
    assert [expression.targets for expression in second.expressions] == [("1",), ()]
    assert second.expressions[1].kind == "out of sight"
    assert truth(first, first.expressions[1]).sum() == 80
    assert first.objects["2"].category == "shadow"


def test_folder_expressions_have_line_numbers_and_kinds(own_root):
    (picture,) = load_dataset("folder", own_root).pictures
    assert [(e.ref, e.sentence, e.kind) for e in picture.expressions] == [
        ("1", "1", "category"), ("1+2", "2", "plural"), ("none", "3", "absent")]
    assert [int(truth(picture, expression).sum()) for expression in picture.expressions] == [100, 200, 0]


def test_pictures_can_be_pickled(refer_root, phrasecut_root, davis_root, own_root):
    for name, root, split in (("refcoco", refer_root(), ""), ("phrasecut", phrasecut_root, "miniv"),
                              ("davis", davis_root, ""), ("folder", own_root, "")):
        picture = load_dataset(name, root, split).pictures[0]
        again = pickle.loads(pickle.dumps(picture))
        np.testing.assert_array_equal(truth(again, again.expressions[0]), truth(picture, picture.expressions[0]))


def _of_another_image(instances, references):
    references[0]["ann_id"] = 3


def _unknown_annotation(instances, references):
    references[0]["ann_id"] = 77


def _unknown_image(instances, references):
    references[0]["image_id"] = 77


def _crowd(instances, references):
    references[0]["ann_id"] = 4
    references[0]["image_id"] = 25


def _twice(instances, references):
    references.append(references[0])


def _annotation_twice(instances, references):
    instances["annotations"].append(instances["annotations"][0])


def _sentence_twice(instances, references):
    references[0]["sentences"][1]["sent_id"] = 100


def _no_words(instances, references):
    references[0]["sentences"][0].update(raw="...", sent="...")


@pytest.mark.parametrize(("spoil", "message", "left"), [
    (_of_another_image, "ref_id 1 names annotation 3 of another image", 1),
    (_unknown_annotation, "ref_id 1 names annotation 77, which instances.json lacks", 1),
    (_unknown_image, "ref_id 1 is about image 77", 1),
    (_crowd, "ref_id 1 names crowds alone", 1),
    (_twice, "ref_id 1 is there twice", 3),
    (_annotation_twice, "id 1 is there twice", 3),
    (_sentence_twice, "sent_id 100 is there twice", 2),
    (_no_words, "sentence 100 has no words", 2),
])
def test_problems_are_listed_or_raised(refer_root, spoil, message, left):
    spoil(refer_root.instances, refer_root.references)
    root = refer_root()
    data = load_dataset("refcoco", root, "val")
    assert data.expression_count == left
    (problem,) = data.problems
    assert message in problem
    with pytest.raises(InputError, match=message):
        load_dataset("refcoco", root, "val", strict=True)


def test_a_missing_picture_is_counted(refer_root):
    root = refer_root()
    os.remove(root / "images/mscoco/images/train2014/COCO_train2014_000000000025.jpg")
    assert load_dataset("refcoco", root, "val").problems == []
    with pytest.raises(InputError, match=r"there is no picture .*25\.jpg; 1 expressions are left out"):
        load_dataset("refcoco", root, "testA")


def test_the_error_names_damaged_annotations(refer_root):
    root = refer_root()
    (root / "refcoco/instances.json").write_text("{")
    with pytest.raises(InputError, match=r"cannot read .*instances\.json"):
        load_dataset("refcoco", root)


def test_a_picture_of_another_size_is_refused(refer_root):
    refer_root.instances["images"][0]["height"] = 41
    (picture,) = load_dataset("refcoco", refer_root()).pictures
    with pytest.raises(InputError, match="60 x 40 pixels but its annotations are for 60 x 41"):
        picture.read_image()


@pytest.mark.parametrize(("segmentation", "message"), [
    ({"size": [HEIGHT, WIDTH], "counts": "\x00~broken"}, "segmentation"),
    ({"size": [5, 5], "counts": [0, 25]}, "does not fit"),
    ({"size": [HEIGHT, WIDTH], "counts": [5, 25]}, "do not fill the image"),
    ({"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH]}, "empty"),
    ([[1, 2]], "cannot read the segmentation"),
    ([], "empty"),
    (None, "empty"),
])
def test_damaged_and_empty_masks_are_refused_when_decoded(refer_root, segmentation, message):
    refer_root.instances["annotations"][0]["segmentation"] = segmentation
    (picture,) = load_dataset("refcoco", refer_root()).pictures
    with pytest.raises(InputError, match=message):
        truth(picture, picture.expressions[0])


@pytest.fixture
def package_with_a_data_set(tmp_path, monkeypatch):
    """Install a package that adds the data set "birds", in the layout of the own folder, by an entry point."""
    site = tmp_path / "site"
    about = site / "birds-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: birds\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[ris_ros.datasets]\nbirds = birds_dataset:ENTRY\n")
    (site / "birds_dataset.py").write_text(
        "from ris_ros.evaluation.datasets import DatasetEntry\n"
        "ENTRY = DatasetEntry('birds', ('all',), 'ris_ros.evaluation.datasets.folder', 'here', 'free')\n")
    monkeypatch.syspath_prepend(site)


def test_another_package_can_add_a_data_set(package_with_a_data_set, own_root):
    assert "birds" in available_datasets()
    assert load_dataset("birds", own_root).name == "birds"
    shown = CliRunner().invoke(app, ["eval", "birds", "--help"], catch_exceptions=False)
    assert "Evaluate on birds" in shown.stdout


def test_every_data_set_has_a_source_and_a_licence():
    assert all(entry.source and entry.licence and entry.splits for entry in DATASETS.values())


def test_phrasecut_and_davis_list_their_problems(phrasecut_root, davis_root):
    tasks = json.loads((phrasecut_root / "refer_miniv.json").read_text())
    spoilt = [tasks[0], tasks[0], {**tasks[1], "task_id": "x", "image_id": 5},
              {**tasks[1], "task_id": "y", "Polygons": []}]
    (phrasecut_root / "refer_miniv.json").write_text(json.dumps(spoilt))
    data = load_dataset("phrasecut", phrasecut_root, "miniv")
    assert data.expression_count == 1
    assert len(data.problems) == 3
    for problem, words in zip(data.problems, ("twice", "image 5", "no polygons"), strict=True):
        assert words in problem
    os.remove(davis_root / "valid/Annotations/goat/00001.png")
    data = load_dataset("davis", davis_root)
    assert len(data.pictures) == 1
    assert "goat/00001 is left out" in data.problems[0]
