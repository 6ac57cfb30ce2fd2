"""Evidence of a detector, alone and beside a vision-language model."""

import numpy as np
import pytest

from ris_ros.grounding import DetectorScores, JointScores
from ris_ros.grounding import thresholds as t
from ris_ros.grounding.detector_scores import evidence, phrase_of, phrases_of
from ris_ros.grounding.pixel_colours import PROTOTYPES, colour_probabilities
from ris_ros.grounding.vocabulary import Vocabulary
from ris_ros.language import ExpressionParser
from ris_ros.types import Description

CUP = Description("the cup", "cup", "cup")
BLOCK = Description("the block", "block", "block")
RED_CUP = Description("the red cup", "cup", "red cup", ("red",))
THING = Description("the thing", "thing", "thing")
WORDS = ("red", "blue")


def scores(detected, colours=None):
    count = len(next(iter(detected.values())))
    colours = np.full((count, 2), 0.5) if colours is None else np.array(colours)
    return DetectorScores({phrase: np.array(values) for phrase, values in detected.items()}, 0.3, colours, WORDS,
                          Vocabulary.load().are_related)


@pytest.mark.parametrize(("text", "phrases"), [
    ("the second red cup from the left that is not next to the bowl", ("red cup", "cup", "bowl")),
    ("the block which isn't blue", ("block", "blue block")),
    ("the thing between the bowl and the banana", ("object", "bowl", "banana")),
    ("purple thing, leftmost one", ("purple object",)), ("all the cans", ("can",)), ("the largest thing", ("object",)),
    ("the object of the same colour as the ball", ("object", "ball"))])
def test_a_detector_is_asked_for_nouns_and_attributes_alone(text, phrases):
    assert phrases_of(ExpressionParser().parse(text)) == phrases


def test_phrases_of_descriptions_without_words():
    assert phrase_of(Description("")) == "object"
    assert phrase_of(Description("the red one", "one", "", ("red",))) == "red object"
    assert phrase_of(Description("the red cup", "cup", "", ("red",))) == "red cup"


def test_evidence_grows_with_the_score_and_is_even_at_the_threshold():
    odds = evidence(np.array([0, 0.05, 0.1, 0.3, 0.6, 1.0]), 0.3)
    assert odds[0] == t.NOT_DETECTED and odds[3] == pytest.approx(0) and odds[-1] == t.DETECTION_EVIDENCE[1]
    assert (np.diff(odds[1:]) >= 0).all() and odds[1] == t.DETECTION_EVIDENCE[0]


def test_what_is_not_detected_is_nothing_of_the_kind():
    found = scores({"cup": [0.9, 0.3, 0.0]}).probability(CUP)
    assert found[0] > 0.9 and found[1] == pytest.approx(0.5) and found[2] == 0


def test_other_phrases_of_the_query_rival_it_unless_they_name_the_same():
    alone = scores({"cup": [0.5]}).probability(CUP)
    assert scores({"cup": [0.5], "block": [0.9]}).probability(CUP) < 0.6 * alone
    assert scores({"cup": [0.5], "block": [0.9]}).probability(BLOCK) > 0.8
    for other in ("mug", "red cup", "object", "cup with a handle"):
        assert scores({"cup": [0.5], other: [0.9]}).probability(CUP) == pytest.approx(alone)


def test_colours_of_the_pixels_count_beside_the_detection():
    red, blue = scores({"red cup": [0.6, 0.6]}, [[0.95, 0.05], [0.05, 0.95]]).probability(RED_CUP)
    assert red > 0.75 and blue < 0.25
    assert (scores({"cup": [0.6, 0.6]}, [[0.95, 0.05], [0.05, 0.95]]).probability(CUP) > 0.7).all()


def test_names_are_distributions_and_the_unknown_are_all_different():
    names = scores({"cup": [0.9, 0.9, 0.0], "bowl": [0.95, 0.0, 0.0], "object": [0.9, 0.9, 0.9]}).names()
    assert names.shape == (3, 5) and names.sum(axis=1) == pytest.approx(1) and (names >= 0).all()
    assert names[2].tolist() == [0, 0, 0, 0, 1]
    assert scores({"object": [0.9, 0.1]}).names().tolist() == np.eye(2).tolist()


class Fixed:
    def __init__(self, probability):
        self._probability = np.array(probability)

    def probability(self, description):
        return self._probability

    def names(self):
        return np.array([[0.25, 0.75]])

    def colours(self):
        return np.array([[0.5, 0.5]])


def test_evidence_adds_up_with_that_of_the_encoder():
    joint = JointScores(Fixed([0.5, 0.5, 0.5, 0.9, 0.0]), {"cup": np.array([0.9, 0.3, 0.0, 0.0, 0.9])}, 0.3)
    probability = joint.probability(CUP)
    assert probability[0] > 0.9 and probability[1] == pytest.approx(0.5)
    assert probability[2] == pytest.approx(1 / (1 + np.exp(-t.NOT_DETECTED)))
    assert probability[2] < probability[3] < 0.9  # A missed object can still be found.
    assert probability[4] < 0.01 and np.isfinite(probability).all()
    assert joint.names().tolist() == [[0.25, 0.75]] and joint.colours().tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize("name", PROTOTYPES)
def test_plain_colours_are_named(name):
    image = np.full((20, 30, 3), PROTOTYPES[name][0], np.uint8)
    noisy = (image.astype(int) + np.random.default_rng(0).integers(-12, 13, image.shape)).clip(0, 255).astype(np.uint8)
    found = colour_probabilities(noisy, np.ones((1, 20, 30), bool))[0]
    assert list(PROTOTYPES)[found.argmax()] == name and found.sum() == pytest.approx(1)


def test_an_empty_mask_has_any_colour():
    found = colour_probabilities(np.zeros((4, 4, 3), np.uint8), np.zeros((1, 4, 4), bool))
    assert found == pytest.approx(1 / len(PROTOTYPES))
