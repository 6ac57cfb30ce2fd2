"""Grounding of expressions with known names, so that only the spatial reasoning can be wrong."""

from __future__ import annotations

import numpy as np
import pytest

from ris_ros.grounding import decide
from ris_ros.language import ExpressionParser

PARSER = ExpressionParser()
# Two cups left, one right of a bowl; a ball stands in the bowl; a book lies in front with a can on it.
TABLE = (
    ("red cup", (10, 30, 26, 50)), ("blue cup", (36, 34, 52, 54)), ("green bowl", (74, 40, 104, 60)),
    ("red ball", (84, 42, 94, 52)), ("red cup", (130, 36, 146, 56)), ("brown book", (60, 84, 104, 108)),
    ("white can", (76, 70, 88, 98)),
)


@pytest.fixture
def table(grounded):
    return grounded(*TABLE)


def answer(grounder, text: str, min_confidence: float = 0.3):
    return decide(PARSER.parse(text), grounder.proposals, grounder, min_confidence=min_confidence, max_candidates=10)


@pytest.mark.parametrize(("text", "expected"), [
    ("the blue cup", {1}),
    ("the cup on the right", {4}),
    ("the leftmost cup", {0}),
    ("the second cup from the left", {1}),
    ("the last cup from the left", {4}),
    ("the cup to the left of the blue cup", {0}),
    ("the cup right of the bowl", {4}),
    ("the blue cup between the red cup and the bowl", {1}),
    ("the ball in the bowl", {3}),
    ("the can on the book", {6}),
    ("the book under the can", {5}),
    ("the thing closest to the camera", {5}),
    ("the cup that is not red", {1}),
    ("the red cup that is not on the left", {4}),
    ("the cup next to the red cup on the left", {1}),
    ("all the cups", {0, 1, 4}),
    ("both red cups", {0, 4}),
    ("the can and the bowl", {2, 6}),
    ("could you grab me the red cup on the far right, please?", {4}),
])
def test_expressions_select_their_targets(table, text, expected):
    result = answer(table, text)
    assert {instance.index for instance in result.instances} == expected, [
        (c.index, c.terms) for c in result.candidates]
    assert (result.mask == table.proposals.masks[list(expected)].any(axis=0)).all()
    x1, y1, x2, y2 = result.box.astype(int)
    assert result.mask[y1:y2, x1:x2].sum() == result.mask.sum()


@pytest.mark.parametrize("text", [
    "the spoon", "the yellow cup", "the ball in the cup", "the book on the can", "the fourth cup from the left",
    "the cup between the can and the book", "the blue cup on the right", "the five cups", "the can and the spoon"])
def test_absent_targets_are_not_found(table, text):
    result = answer(table, text)
    assert not result.found
    assert not result.mask.any()
    assert not result.instances
    assert result.reason
    assert result.confidence < 0.3


def test_a_score_is_the_product_of_its_factors(table):
    description = PARSER.parse("the second red cup from the left that is not next to the blue cup").target
    score, factors = table.score(description)
    assert len(factors) > 2
    np.testing.assert_allclose(score, np.prod(list(factors.values()), axis=0))
    assert ((score >= 0) & (score <= 1)).all()


def test_a_whole_is_preferred_to_its_part_of_the_same_name(grounded):
    cup_and_side = grounded(("red cup", (20, 20, 60, 80)), ("red cup", (20, 20, 60, 50)))
    assert answer(cup_and_side, "the red cup").instances[0].index == 0


def test_a_part_with_its_own_name_can_be_selected(grounded):
    cup_and_lid = grounded(("red cup", (20, 20, 60, 80)), ("white lid", (20, 20, 60, 30)))
    assert answer(cup_and_lid, "the lid").instances[0].index == 1


def test_duplicate_masks_of_an_object_count_once(grounded):
    line = grounded(("cup", (10, 20, 30, 50)), ("cup", (11, 21, 30, 50)), ("cup", (60, 20, 80, 50)),
                    ("cup", (110, 20, 130, 50)))
    assert answer(line, "the second cup from the left").instances[0].index == 2
    assert len(answer(line, "all the cups").instances) == 3


def test_an_ambiguity_is_reported_in_the_note(table):
    assert "2 candidates" in answer(table, "the red cup").note
    assert not answer(table, "the blue cup").note


def test_the_reason_names_the_missing_target(table):
    assert "spoon" in answer(table, "the can and the spoon").reason
    assert "cup" in answer(table, "the five cups").reason


def test_an_object_in_a_bowl_is_distinct_from_the_bowl(grounded):
    bowl, ball = (40, 40, 80, 80), (50, 50, 66, 66)
    assert (grounded(("red bowl", bowl), ("red ball", ball)).distinct_objects(np.array([0.9, 0.8])) > 0).all()
    assert grounded(("red bowl", bowl), ("red bowl", ball)).distinct_objects(np.array([0.9, 0.8])).tolist() == [0.9, 0]
    # A mask that differs only at its edge is the same object, even with another name.
    same = grounded(("red bowl", bowl), ("red ball", (42, 40, 80, 80)))
    assert same.distinct_objects(np.array([0.9, 0.8])).tolist() == [0.9, 0]


def test_a_nested_mask_of_the_same_colour_and_uncertain_name_is_not_a_distinct_object(grounded):
    bowl, piece = (40, 40, 80, 80), (50, 50, 66, 66)
    score = np.array([0.9, 0.8])
    same_colour = grounded(("red bowl", bowl), ("red ball", piece), certainty=0.95)
    assert same_colour.distinct_objects(score).tolist() == [0.9, 0]
    assert (grounded(("red bowl", bowl), ("blue ball", piece), certainty=0.95).distinct_objects(score) > 0).all()
