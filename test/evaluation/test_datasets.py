from __future__ import annotations

import json
import os
import pickle

import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets import DATASETS, load
from ris_ros.evaluation.datasets.pickles import read_plain_pickle

HEIGHT, WIDTH = 40, 60


def truth(picture, expression):
    return picture.truth(expression, HEIGHT, WIDTH)


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_refcoco_is_read_as_python_2_wrote_it(refer_root, protocol):
    (picture,) = load("refcoco", refer_root(protocol=protocol), "val").pictures
    assert picture.id == "9"
    assert picture.read_image().shape == (HEIGHT, WIDTH, 3)
    assert [(e.ref, e.sentence, e.text, e.targets) for e in picture.expressions] == [
        ("1", "100", "the Cup on the left", ("1",)), ("1", "101", "cup", ("1",)), ("2", "200", "bowl", ("2",))]
    mask = truth(picture, picture.expressions[0])
    assert mask.sum() == 100
    assert mask[5:15, 5:15].all()
    assert {name: thing.category for name, thing in picture.things.items()} == {"1": "cup", "2": "bowl"}


def test_a_split_has_its_own_references_and_crowds_are_no_things(refer_root):
    (picture,) = load("refcoco", refer_root(), "testA").pictures
    (expression,) = picture.expressions
    assert expression.text == "café cups"
    assert truth(picture, expression).sum() == 200
    assert set(picture.things) == {"3"}


def test_the_usual_split_comes_first_and_others_are_refused(refer_root):
    assert load("refcoco", refer_root()).split == "val"
    with pytest.raises(InputError, match="it has val, testA, testB, train"):
        load("refcoco", refer_root(), "test")
    with pytest.raises(InputError, match=r"known are refcoco, refcoco\+"):
        load("refcoco2", refer_root())


def test_refcoco_plus_and_g_have_folders_of_their_own(refer_root):
    root = refer_root(name="refcoco+")
    assert load("refcoco+", root).count == 3
    refer_root(name="refcocog", by="umd")
    assert load("refcocog", root, "val").count == 3
    assert load("refcoco+", root / "refcoco+", images=root / "images/mscoco/images/train2014").count == 3
    with pytest.raises(InputError, match=r"refcoco/instances\.json, which is not there; it comes from https://github"):
        load("refcoco", root)


def test_grefcoco_has_one_target_or_several_or_none(grefcoco_root):
    (picture,) = load("grefcoco", grefcoco_root, "val").pictures
    assert [expression.kind for expression in picture.expressions] == [
        "single target", "several targets", "no target"]
    assert [int(truth(picture, expression).sum()) for expression in picture.expressions] == [100, 200, 0]


def test_phrasecut_unites_instances_and_fills_polygons_to_their_rim(phrasecut_root):
    (picture,) = load("phrasecut", phrasecut_root, "miniv").pictures
    one, several = picture.expressions
    assert (one.ref, one.text, one.kind) == ("2317__1", "red cup", "attribute")
    assert truth(picture, one).sum() == 25  # whole coordinates 0..4, rim included
    assert truth(picture, several).sum() > 25 + 100
    assert several.targets == ("2317__2/0", "2317__2/1")


def test_davis_frames_are_pictures_and_objects_may_leave(davis_root):
    first, second = load("davis", davis_root).pictures
    assert (first.id, second.id) == ("goat/00000", "goat/00001")
    assert first.video == second.video == "goat"
    assert (set(first.things), set(second.things)) == ({"1", "2"}, {"1"})  # void is none
    assert [expression.targets for expression in first.expressions] == [("1",), ("2",)]
    assert [expression.targets for expression in second.expressions] == [("1",), ()]
    assert second.expressions[1].kind == "out of sight"
    assert truth(first, first.expressions[1]).sum() == 80
    assert first.things["2"].category == "shadow"


def test_the_own_folder_keeps_line_numbers_and_kinds(own_root):
    (picture,) = load("folder", own_root).pictures
    assert [(e.ref, e.sentence, e.kind) for e in picture.expressions] == [
        ("1", "1", "category"), ("1+2", "2", "plural"), ("none", "3", "absent")]
    assert [int(truth(picture, expression).sum()) for expression in picture.expressions] == [100, 200, 0]


def test_pictures_can_travel(refer_root, phrasecut_root, davis_root, own_root):
    for name, root, split in (("refcoco", refer_root(), ""), ("phrasecut", phrasecut_root, "miniv"),
                              ("davis", davis_root, ""), ("folder", own_root, "")):
        picture = load(name, root, split).pictures[0]
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
def test_what_does_not_fit_is_listed_or_ends_it(refer_root, spoil, message, left):
    spoil(refer_root.instances, refer_root.references)
    root = refer_root()
    data = load("refcoco", root, "val")
    assert data.count == left
    (problem,) = data.problems
    assert message in problem
    with pytest.raises(InputError, match=message):
        load("refcoco", root, "val", strict=True)


def test_a_missing_picture_is_counted(refer_root):
    root = refer_root()
    os.remove(root / "images/mscoco/images/train2014/COCO_train2014_000000000025.jpg")
    assert load("refcoco", root, "val").problems == []
    with pytest.raises(InputError, match=r"there is no picture .*25\.jpg; 1 expressions are left out"):
        load("refcoco", root, "testA")


def test_damaged_annotations_are_named(refer_root):
    root = refer_root()
    (root / "refcoco/instances.json").write_text("{")
    with pytest.raises(InputError, match=r"cannot read .*instances\.json"):
        load("refcoco", root)


def test_a_picture_of_another_size_is_refused(refer_root):
    refer_root.instances["images"][0]["height"] = 41
    (picture,) = load("refcoco", refer_root()).pictures
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
def test_broken_and_empty_masks_are_refused_when_asked_for(refer_root, segmentation, message):
    refer_root.instances["annotations"][0]["segmentation"] = segmentation
    (picture,) = load("refcoco", refer_root()).pictures
    with pytest.raises(InputError, match=message):
        truth(picture, picture.expressions[0])


class Trap:
    def __reduce__(self):
        return os.system, ("echo caught",)


@pytest.mark.parametrize("content", [
    pickle.dumps(Trap()), pickle.dumps([np.zeros(2)]), pickle.dumps(os.system, protocol=0),
    b"cos\nsystem\n(S'echo caught'\ntR.", b"(S'echo caught'\nios\nsystem\n.", b"garbage", b"",
    pickle.dumps([1, 2, 3])[:-4],
])
def test_pickles_that_are_more_than_data_are_refused(tmp_path, content, capfd):
    file = tmp_path / "refs.p"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"refs\.p is not a pickle of plain data"):
        read_plain_pickle(file)
    assert "caught" not in capfd.readouterr().out


def test_plain_pickles_of_every_protocol_are_read(tmp_path):
    value = [{"a": (1, 2.5, None, True), "b": {"ü", "x"}, "long": 10**30}]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / "p").write_bytes(pickle.dumps([{"a": (1, 2.5, None, True), "long": 10**30}], protocol))
        assert read_plain_pickle(tmp_path / "p") == [{"a": (1, 2.5, None, True), "long": 10**30}]
    (tmp_path / "p").write_bytes(pickle.dumps(value, 4))
    assert read_plain_pickle(tmp_path / "p") == value


def test_latin_1_stays_latin_1(tmp_path):
    (tmp_path / "p").write_bytes(b"\x80\x02U\x04caf\xe9q\x00.")
    assert read_plain_pickle(tmp_path / "p") == "café"


def test_every_data_set_says_where_it_comes_from():
    assert all(layout.source and layout.licence and layout.splits for layout in DATASETS.values())


def test_phrasecut_and_davis_name_what_is_wrong(phrasecut_root, davis_root):
    tasks = json.loads((phrasecut_root / "refer_miniv.json").read_text())
    spoilt = [tasks[0], tasks[0], {**tasks[1], "task_id": "x", "image_id": 5},
              {**tasks[1], "task_id": "y", "Polygons": []}]
    (phrasecut_root / "refer_miniv.json").write_text(json.dumps(spoilt))
    data = load("phrasecut", phrasecut_root, "miniv")
    assert data.count == 1
    assert len(data.problems) == 3
    for problem, words in zip(data.problems, ("twice", "image 5", "no polygons"), strict=True):
        assert words in problem
    os.remove(davis_root / "valid/Annotations/goat/00001.png")
    data = load("davis", davis_root)
    assert len(data.pictures) == 1
    assert "goat/00001 is left out" in data.problems[0]
