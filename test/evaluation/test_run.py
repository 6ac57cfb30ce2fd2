"""Runs from a data set to result files, with a method whose answers are known."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from ris_ros.cli import app
from ris_ros.errors import InputError
from ris_ros.evaluation.baselines import HighestScore
from ris_ros.evaluation.datasets import load_dataset
from ris_ros.evaluation.evaluator import Evaluator, Plan
from ris_ros.evaluation.mask_sources import true_masks
from ris_ros.evaluation.results import write_results
from ris_ros.evaluation.run import evaluate
from ris_ros.evaluation.summary import Summary


class FirstMask:
    """A method that answers with the first mask, or an empty one to "the dog", and records its calls."""

    def __init__(self):
        self.asked = []
        self.images = 0

    def set_image(self, image, proposals, *, depth=None):
        self.images += 1
        self.proposals = proposals

    def query(self, text):
        self.asked.append(text)
        mask = self.proposals.masks[0]
        return HighestScore(np.zeros_like(mask), 0.1) if text == "the dog" else HighestScore(mask, 0.8)


def runner(method):
    evaluator = Evaluator(method, true_masks)
    return lambda pictures: map(evaluator, pictures)


def test_answers_are_compared_with_the_truth(grefcoco_root, tmp_path):
    data = load_dataset("grefcoco", grefcoco_root)
    report = evaluate(data, Plan(), tmp_path / "run", runner=runner(FirstMask()))
    one, several, none = report.records
    assert (one.intersection, one.union, one.box_iou, one.category, one.chosen) == (100, 100, 1.0, "cup", "cup")
    assert (several.intersection, several.union, several.category) == (100, 200, "")
    assert several.box_iou == pytest.approx(100 / (35 * 25))
    assert (none.targets, none.answered, none.union, none.mask) == (0, False, 0, "")
    assert one.read_mask().sum() == 100


def test_each_image_is_set_once(refer_root, tmp_path):
    method = FirstMask()
    evaluate(load_dataset("refcoco", refer_root()), Plan(), tmp_path / "run", runner=runner(method))
    assert method.images == 1
    assert len(method.asked) == 3


def untimed(records):
    return [replace(record, seconds=0.0) for record in records]


def test_an_interrupted_run_is_continued(refer_root, own_root, davis_root, tmp_path):
    data = load_dataset("davis", davis_root)
    whole = evaluate(data, Plan(), tmp_path / "whole", runner=runner(FirstMask()))
    assert whole.continued == 0

    def interrupted(pictures):
        yield from runner(FirstMask())(pictures[:1])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(data, Plan(), tmp_path / "run", runner=interrupted)
    # An interruption in the middle of the last line.
    file = tmp_path / "run/outcomes.jsonl"
    file.write_bytes(file.read_bytes()[:-7])
    method = FirstMask()
    report = evaluate(data, Plan(), tmp_path / "run", runner=runner(method))
    assert report.continued == 1
    assert len(method.asked) == data.expression_count - 1
    assert untimed(report.records) == untimed(whole.records)
    assert repr(Summary(report.records).overall()) == repr(Summary(whole.records).overall())
    method = FirstMask()
    assert evaluate(data, Plan(), tmp_path / "run", runner=runner(method)).continued == data.expression_count
    assert not method.asked


def test_a_folder_of_another_run_is_refused(refer_root, tmp_path):
    root = refer_root()
    evaluate(load_dataset("refcoco", root), Plan(), tmp_path / "run", runner=runner(FirstMask()))
    for data, plan, message in (
            (load_dataset("refcoco", root, "testA"), Plan(), "split 'val' instead of 'testA'"),
            (load_dataset("refcoco", root), Plan("local"), "method 'full' instead of 'local'"),
            (load_dataset("refcoco", root), Plan(proposals="truth"), "proposals 'proposer' instead of 'truth'"),
            (load_dataset("refcoco", root), Plan(config=Plan().config.replace({"matching.text_weight": 0.25})),
             "matching.text_weight 0.5 instead of 0.25")):
        with pytest.raises(InputError, match=re.escape(message)):
            evaluate(data, plan, tmp_path / "run", runner=runner(FirstMask()))
    other_device = Plan(config=Plan().config.replace({"device": "cpu"}))
    continued = evaluate(load_dataset("refcoco", root), other_device, tmp_path / "run", runner=runner(FirstMask()))
    assert continued.continued == 3


def test_problems_are_counted_and_listed(refer_root, tmp_path):
    refer_root.instances["annotations"][1]["segmentation"] = {"size": [40, 60], "counts": [3, 5]}
    root = refer_root()
    data = load_dataset("refcoco", root)
    report = evaluate(data, Plan(), tmp_path / "run", runner=lambda pictures: map(
        Evaluator(FirstMask(), lambda picture, image: true_masks(data.pictures[0], image)), pictures))
    assert report.records == []
    assert "do not fill the image; 3 expressions are left out" in report.problems[0]

    only_first = Evaluator(FirstMask(), lambda picture, image: true_masks(
        type(picture)(picture.id, picture.file, {"1": picture.objects["1"]}, ()), image))
    report = evaluate(data, Plan(), tmp_path / "run", runner=lambda pictures: map(only_first, pictures))
    assert len(report.records) == 2
    assert len(report.problems) == 2  # the object has no class to compare with, and its expression no truth
    assert "picture 9, reference 2, sentence 200" in report.problems[1]
    assert "2 in all" in write_and_read(report, tmp_path / "run")
    with pytest.raises(InputError, match="do not fill the image"):
        evaluate(data, Plan(), tmp_path / "strict", strict=True, runner=lambda pictures: map(only_first, pictures))


def test_expressions_about_an_unreadable_image_are_left_out(refer_root, tmp_path):
    root = refer_root()
    (root / "images/mscoco/images/train2014/COCO_train2014_000000000009.jpg").write_text("not an image")
    report = evaluate(load_dataset("refcoco", root), Plan(), tmp_path / "run", runner=runner(FirstMask()))
    assert "is not an image" in report.problems[0]
    assert "3 expressions are left out" in report.problems[0]


def write_and_read(report, folder):
    write_results(report, folder)
    return (folder / "results.md").read_text()


def test_all_result_files_agree(grefcoco_root, tmp_path):
    report = evaluate(load_dataset("grefcoco", grefcoco_root), Plan(), tmp_path / "run", runner=runner(FirstMask()))
    text = write_and_read(report, tmp_path / "run")
    values = json.loads((tmp_path / "run/results.json").read_text())
    assert values["figures"]["gIoU"]["value"] == pytest.approx((1 + 0.5 + 1) / 3)
    assert values["expressions"] == 3
    with open(tmp_path / "run/results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    (row,) = [row for row in rows if (row["label"], row["metric"]) == ("all", "gIoU")]
    assert float(row["value"]) == pytest.approx(values["figures"]["gIoU"]["value"], abs=1e-6)
    assert {row["label"] for row in rows if row["grouping"] == "kind"} == {
        "single target", "several targets", "no target"}
    assert "| gIoU | 83.33 | 3 |" in text
    assert "None." in text


def test_videos_are_evaluated_as_by_davis(davis_root, refer_root, tmp_path):
    report = evaluate(load_dataset("davis", davis_root), Plan(), tmp_path / "run", runner=runner(FirstMask()))
    # The first object is found in both frames, and it is also the answer for the second object.
    assert [(record.video, record.ref, record.iou, record.contour) for record in report.records] == [
        ("goat", "1", 1, 1), ("goat", "2", 0, 0), ("goat", "1", 1, 1), ("goat", "2", 0, 0)]
    text = write_and_read(report, tmp_path / "run")
    assert "bootstrap over videos" in text
    for metric in ("J", "F", "J&F"):
        assert f"| {metric} | 50.00 | 2 |" in text
    assert "| CaR | CLIP | none, with denseCRF | J |" in text
    stills = evaluate(load_dataset("refcoco", refer_root()), Plan(), tmp_path / "stills", runner=runner(FirstMask()))
    assert (stills.records[0].video, stills.records[0].contour) == ("", None)


def test_the_gallery_is_self_contained(grefcoco_root, tmp_path):
    report = evaluate(load_dataset("grefcoco", grefcoco_root), Plan(), tmp_path / "run", runner=runner(FirstMask()))
    write_results(report, tmp_path / "run")
    page = (tmp_path / "run/gallery.html").read_text()
    assert page.count("data:image/jpeg;base64,") >= 2
    assert not re.search(r"(src|href)=\"(?!data:)|url\(|@import|<script", page)
    assert "cup and bowl" in page


def test_the_command_evaluates_and_continues(own_root, tmp_path):
    def ris(*more):
        return CliRunner().invoke(app, [
            "eval", "folder", "--root", str(own_root), "--proposals", "truth", "--method", "region-token", "--output",
            str(tmp_path / "run"), "--device", "cpu", *more], catch_exceptions=False)

    done = ris("--json")
    assert done.exit_code == 0, done.stderr
    figures = json.loads(done.stdout)["figures"]
    assert figures["oIoU"]["count"] == 2
    assert figures["N-acc"]["value"] == 0  # a baseline never answers that something is absent
    written = (tmp_path / "run/outcomes.jsonl").read_bytes()
    assert "oIoU" in ris().stdout
    assert (tmp_path / "run/outcomes.jsonl").read_bytes() == written
    with pytest.raises(InputError, match=r"matching\.text_weight 0\.5 instead of 0\.0"):
        ris("--set", "matching.text_weight=0")
