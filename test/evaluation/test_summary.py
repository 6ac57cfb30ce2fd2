from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ris_ros.evaluation.records import Record
from ris_ros.evaluation.summary import GROUPINGS, Summary

RECORD = Record("9", "1", "1", "the cup", "", 1, True, 50, 100, 60, 0.6, "cup", "cup", 0.7, (4, 5), "", 0.01)
# Two pictures. Present targets have IoUs 0.5, 0.9 and 0 (an empty answer). One absent target is answered with an empty
# mask, another with 40 pixels.
RECORDS = [RECORD,
           replace(RECORD, sentence="2", intersection=90, union=100, box_iou=0.95, chosen="bowl"),
           replace(RECORD, image="25", sentence="3", intersection=0, union=200, answered=False, box_iou=0.0,
                    chosen=""),
           replace(RECORD, image="25", sentence="4", targets=0, intersection=0, union=0, area=0, answered=False,
                    box_iou=0.0, category="", chosen=""),
           replace(RECORD, image="25", sentence="5", targets=0, intersection=0, union=40, area=0, box_iou=0.0,
                    category="", chosen="bowl")]


@pytest.mark.parametrize(("metric", "value", "count"), [
    ("oIoU", 140 / 400, 3), ("mIoU", 1.4 / 3, 3), ("Pr@0.5", 2 / 3, 3), ("Pr@0.6", 1 / 3, 3), ("Pr@0.9", 1 / 3, 3),
    ("Acc@0.5", 2 / 3, 3), ("MC-Acc", 1 / 3, 3), ("cc-oIoU", 0.5, 1),
    ("gIoU", (0.5 + 0.9 + 0 + 1 + 0) / 5, 5), ("cIoU", 140 / 440, 5), ("N-acc", 0.5, 2), ("T-acc", 2 / 3, 3),
])
def test_metrics_by_hand(metric, value, count):
    estimate = Summary(RECORDS).overall()[metric]
    assert estimate.value == pytest.approx(value)
    assert estimate.count == count


def test_metrics_of_absent_targets_and_classes_are_left_out_without_them():
    metrics = Summary([replace(RECORD, category="", chosen="")]).overall()
    assert set(metrics) == {"oIoU", "mIoU", "Acc@0.5", *(f"Pr@0.{i}" for i in range(5, 10))}


def test_the_interval_is_over_pictures():
    estimate = Summary(RECORDS).overall()["mIoU"]
    assert (estimate.low, estimate.high) == (0.0, pytest.approx(0.7))  # either picture drawn twice


def frame(video, number, sentence, iou, contour):
    return replace(RECORD, image=f"{video}/{number}", video=video, sentence=sentence, intersection=round(100 * iou),
                   union=100, contour=contour, kind="visible")


# Two expressions about two frames of the goat, and one about three of the car, which is out of sight in the last.
VIDEOS = [frame("goat", 0, "0", 0.5, 0.4), frame("goat", 0, "1", 0.0, 0.2), frame("goat", 1, "0", 0.7, 0.8),
          frame("goat", 1, "1", 0.2, 0.0), frame("car", 0, "0", 0.9, 0.6), frame("car", 1, "0", 0.8, 0.9),
          replace(frame("car", 2, "0", 0, 1.0), kind="out of sight", targets=0, answered=False, union=0)]


@pytest.mark.parametrize(("metric", "goat", "car"), [
    ("J", (0.6, 0.1), 2.7 / 3), ("F", (0.6, 0.1), 2.5 / 3), ("J&F", (0.6, 0.1), 2.6 / 3)])
def test_metrics_of_two_videos_by_hand(metric, goat, car):
    estimate = Summary(VIDEOS).overall()[metric]
    assert estimate.value == pytest.approx((sum(goat) + car) / 3)
    assert estimate.count == 3
    assert (estimate.low, estimate.high) == pytest.approx((sum(goat) / 2, car))  # either video drawn twice


def test_all_intervals_are_over_videos():
    estimate = Summary(VIDEOS).overall()["mIoU"]
    assert (estimate.low, estimate.high) == pytest.approx((1.4 / 4, 1.7 / 2))


def test_metrics_over_some_of_the_frames():
    kinds = Summary(VIDEOS).grouped()["kind"]
    assert kinds["visible"]["J"].value == pytest.approx((0.6 + 0.1 + 0.85) / 3)
    assert (kinds["out of sight"]["F"].value, kinds["out of sight"]["F"].count) == (1, 1)


def test_generalized_metrics_agree_with_the_published_procedure():
    """The procedure is that of the benchmark's own evaluation (ReLA), written from its definition."""
    rng = np.random.default_rng(0)
    records = []
    for number in range(300):
        present, answered = rng.random(2) < (0.7, 0.8)
        area, answer = int(present) * rng.integers(1, 500), int(answered) * rng.integers(1, 500)
        shared = int(min(area, answer) * rng.random())
        records.append(replace(RECORD, image=str(number // 3), sentence=str(number), targets=int(present),
                                answered=bool(answered), intersection=shared, union=int(area + answer - shared)))
    scores, shared, union, hits = [], 0, 0, {"TP": 0, "FN": 0, "TN": 0, "FP": 0}
    for record in records:
        hits[("FN" if record.answered else "TP") if not record.targets else ("TN" if record.answered else "FP")] += 1
        scores.append(record.intersection / record.union if record.targets else float(not record.answered))
        shared, union = shared + record.intersection, union + record.union
    metrics = Summary(records).overall()
    assert metrics["gIoU"].value == pytest.approx(np.mean(scores))
    assert metrics["cIoU"].value == pytest.approx(shared / union)
    assert metrics["N-acc"].value == pytest.approx(hits["TP"] / (hits["TP"] + hits["FN"]))
    assert metrics["T-acc"].value == pytest.approx(hits["TN"] / (hits["TN"] + hits["FP"]))
    for name in ("gIoU", "cIoU", "N-acc", "T-acc"):
        assert metrics[name].low < metrics[name].value < metrics[name].high


@pytest.mark.parametrize(("grouping", "text", "label"), [
    ("place words", "the cup on the left", "with"), ("place words", "leftmost cup", "with"),
    ("place words", "second can", "with"), ("place words", "the red cup", "without"),
    ("relations", "the cup on the table", "with"), ("relations", "the cup on the left", "without"),
    ("relations", "cup in the middle", "without"), ("relations", "cup left of the bowl", "with"),
    ("relations", "man in a blue shirt", "with"), ("relations", "the red cup", "without"),
    ("relations", "a ring", "without"), ("length", "the cup", "1-2 words"), ("length", "a b c", "3-5 words"),
    ("length", "a b c d e f", "6-9 words"), ("length", "a b c d e f g h i j", "10+ words"),
])
def test_labels_of_groupings(grouping, text, label):
    assert GROUPINGS[grouping](replace(RECORD, text=text)) == label


def test_sizes_are_those_of_coco():
    size = GROUPINGS["object size"]
    assert size(replace(RECORD, area=1023)).startswith("small")
    assert size(replace(RECORD, area=1024)) == "medium"
    assert size(replace(RECORD, area=9216)).startswith("large")
    assert size(replace(RECORD, targets=0)) == "no target"


def test_counts_of_groups_add_up():
    tables = Summary(RECORDS).grouped()
    assert "length" not in tables  # all have the same label
    sizes = tables["object size"]
    assert sizes["small (below 32 x 32)"]["oIoU"].count + sizes["no target"]["gIoU"].count == len(RECORDS)
    assert "oIoU" not in sizes["no target"]
