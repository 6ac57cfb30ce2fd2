"""Detections as masks: asked once, segmented, and one set with the proposals."""

import numpy as np
import pytest

from ris_ros.frames import FrameDetections, assigned, merged, padded
from ris_ros.types import Detections, Proposals

IMAGE = np.zeros((20, 30, 3), np.uint8)


def mask(x1, y1, x2, y2):
    one = np.zeros(IMAGE.shape[:2], bool)
    one[y1:y2, x1:x2] = True
    return one


def detections(boxes, scores, masks=None):
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32),
                      None if masks is None else np.stack(masks))


class Detector:
    """Finds a box for each phrase, wider for longer ones, and counts its passes."""

    def __init__(self):
        self.asked, self.embedded = [], 0

    def embed(self, image):
        self.embedded += 1
        return "embedding"

    def __call__(self, image, phrases, *, embedding=None):
        assert embedding == "embedding"
        self.asked.append(list(phrases))
        return [detections([[0, 0, len(phrase), 5]], [0.5]) for phrase in phrases]


class Promptable:
    """Gives the box itself, and a worse mask of higher quality that reaches beyond it."""

    def object_in(self, embedding, box, points, labels):
        assert embedding == "image" and points.shape == (0, 2) and labels.shape == (0,)
        if box[2] > 8:
            return Proposals.from_masks(np.zeros((0, *IMAGE.shape[:2]), bool))
        whole = np.ones(IMAGE.shape[:2], bool)
        return Proposals.from_masks(np.stack([whole, mask(*box.astype(int))]), np.array([1.0, 0.8]))


def test_a_phrase_is_asked_once_and_new_ones_in_one_pass():
    detector = Detector()
    frame = FrameDetections(detector, IMAGE)
    frame.ask(["cup"])
    frame.ask(["cup", "bowl", "can", "bowl"])
    found = frame.ask(["can", "cup"])
    assert detector.asked == [["cup"], ["bowl", "can"]] and detector.embedded == 1
    assert list(found) == ["can", "cup"] and found["can"].masks is None
    assert frame.ask([]) == {} and len(detector.asked) == 2


def test_boxes_become_the_masks_that_fit_them():
    found = FrameDetections(Detector(), IMAGE, Promptable(), "image").ask(["cup", "wheelbarrow"])
    assert (found["cup"].masks == mask(0, 0, 3, 5)).all()
    # Nothing is visible in that box.
    assert len(found["wheelbarrow"]) == 0 and found["wheelbarrow"].masks.shape == (0, 20, 30)


def test_masks_of_detector_and_proposer_are_one_set_without_duplicates():
    proposals = Proposals.from_masks(np.stack([mask(0, 0, 10, 10), mask(15, 0, 25, 10)]))
    found = {"cup": detections([[0] * 4] * 3, [0.9, 0.5, 0.4],
                               [mask(0, 0, 10, 10), mask(0, 10, 9, 20), mask(0, 0, 10, 9)]),
             "can": detections([[0] * 4], [0.7], [mask(0, 10, 9, 20)])}
    merged_proposals, scores = merged(proposals, found, 0.88)
    assert len(merged_proposals) == 3 and (merged_proposals.masks[:2] == proposals.masks).all()
    assert scores["cup"] == pytest.approx([0.9, 0, 0.5]) and scores["can"] == pytest.approx([0, 0, 0.7])
    assert padded(scores, 5)["can"] == pytest.approx([0, 0, 0.7, 0, 0])


def test_boxes_alone_are_given_to_the_proposals_that_they_fit():
    proposals = Proposals.from_masks(np.stack([mask(0, 0, 10, 10), mask(15, 0, 25, 10)]))
    found = {"cup": detections([[1, 0, 11, 10], [14, 5, 25, 20], [0, 0, 30, 20]], [0.9, 0.8, 0.7])}
    for given, scores in ((proposals, assigned(proposals, found)), merged(proposals, found, 0.88)):
        assert len(given) == 2 and scores["cup"] == pytest.approx([0.9, 0])


def test_nothing_is_added_to_given_masks():
    proposals = Proposals.from_masks(mask(0, 0, 10, 10)[None])
    found = {"cup": detections([[0] * 4] * 2, [0.9, 0.8], [mask(0, 0, 10, 8), mask(20, 0, 30, 8)])}
    assert assigned(proposals, found)["cup"] == pytest.approx([0.9])
    none = Proposals.from_masks(np.zeros((0, 20, 30), bool))
    assert assigned(none, found)["cup"].shape == (0,) and merged(none, {}, 0.88) == (none, {})
