"""A detector that knows the truth: right without errors, and wrong as often as its rates say."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.evaluation.truth_detector import ERRORS, TruthDetector
from ris_ros.utils.masks import box_iou, mask_box

IMAGE = np.zeros((240, 320, 3), np.uint8)
OBJECTS = [("red", "cup"), ("blue", "cup"), ("red", "block"), ("green", "ball")]


def scene(seed):
    """Return a scene with an object in each quarter of the image."""
    instances = np.zeros(IMAGE.shape[:2], int)
    for i in range(len(OBJECTS)):
        row, column = divmod(i, 2)
        instances[20 + 120 * row:100 + 120 * row, 20 + 160 * column:110 + 160 * column] = i + 1
    objects = [SimpleNamespace(colour=colour, category=category) for colour, category in OBJECTS]
    return SimpleNamespace(seed=seed, scene=SimpleNamespace(objects=objects),
                           rendering=SimpleNamespace(instances=instances))


BOXES = [mask_box(scene(0).rendering.instances == i + 1) for i in range(len(OBJECTS))]
make_detector = cache(TruthDetector)


def detect(errors, phrase, seed=0):
    detector = make_detector(errors)
    detector.show(scene(seed))
    return detector(IMAGE, [phrase])[0]


@pytest.mark.parametrize(("phrase", "right"), [
    ("cup", {0, 1}), ("red cup", {0}), ("red object", {0, 2}), ("object", {0, 1, 2, 3}), ("mug", set()),
    ("green cup", set())])
def test_without_errors_it_finds_exactly_what_a_phrase_names(phrase, right):
    found = detect("none", phrase)
    assert len(found) == len(right) and found.scores.dtype == np.float32 and (found.scores > 0.99).all()
    assert {next(i for i, truth in enumerate(BOXES) if box_iou(box, truth) > 0.99) for box in found.boxes} == right


@pytest.mark.parametrize("errors", ["sam3", "owlv2", "grounding-dino-tiny"])
def test_it_errs_as_often_as_its_rates_say(errors):
    rates, seeds = ERRORS[errors], range(300)
    half = rates.instances ** 0.5
    hit = [(found.scores[[box_iou(box, BOXES[3]) > 0.2 for box in found.boxes]] > 0.5).any()
           for found in (detect(errors, "ball", seed) for seed in seeds)]
    assert np.mean(hit) == pytest.approx(half + (1 - half) * (1 - half) / 4, abs=0.1)
    invented = [(detect(errors, "green vase", seed).scores > 0.5).any() for seed in seeds]
    assert np.mean(invented) == pytest.approx((1 - rates.presence) / 2, abs=0.07)


def test_boxes_are_shifted_and_doubled():
    overlaps, doubled = [], 0
    for seed in range(200):
        found = detect("owlv2", "ball", seed)
        near = [box_iou(box, BOXES[3]) for box in found.boxes if box_iou(box, BOXES[3]) > 0.1]
        overlaps += near
        doubled += len(near) > 1
    assert 0.5 < np.mean(overlaps) < 0.9 and doubled > 10


def test_a_wrong_detection_is_of_what_is_most_similar():
    wrong = [detect("sam3", "green cup", seed) for seed in range(60)]
    near = [np.argmax([box_iou(box, truth) for truth in BOXES]) for found in wrong for box in found.boxes]
    assert {0, 1, 3} >= set(near)  # Never the red block, which shares neither word.


def test_the_same_question_has_the_same_answer_and_asking_twice_gains_nothing():
    for seed in range(20):
        one, other = detect("sam3", "red cup", seed), detect("sam3", "red cup", seed)
        assert np.array_equal(one.scores, other.scores) and np.array_equal(one.boxes, other.boxes)
        cups = detect("sam3", "cup", seed)
        right = [score for box, score in zip(one.boxes, one.scores, strict=True) if box_iou(box, BOXES[0]) > 0.5]
        assert not right or right[0] in cups.scores


def test_unknown_errors_are_refused():
    with pytest.raises(InputError, match="no errors 'bad' of a detector; there are none, sam3"):
        TruthDetector("bad")
