"""What fits an expression, among things whose names are known: only the reasoning can be wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ris_ros.grounding import decide
from ris_ros.grounding.layout import measure
from ris_ros.grounding.orders import rank_probability
from ris_ros.language import ExpressionParser
from ris_ros.types import Proposals, Ranking

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


def answer(grounder, text: str, least: float = 0.3):
    return decide(PARSER.parse(text), grounder.proposals, grounder, min_confidence=least, max_candidates=10)


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
def test_right_one(table, text, expected):
    result = answer(table, text)
    assert {instance.index for instance in result.instances} == expected, [
        (c.index, c.terms) for c in result.candidates]
    assert (result.mask == table.proposals.masks[list(expected)].any(axis=0)).all()
    x1, y1, x2, y2 = result.box.astype(int)
    assert result.mask[y1:y2, x1:x2].sum() == result.mask.sum()


@pytest.mark.parametrize("text", [
    "the spoon", "the yellow cup", "the ball in the cup", "the book on the can", "the fourth cup from the left",
    "the cup between the can and the book", "the blue cup on the right", "the five cups", "the can and the spoon"])
def test_nothing_fits(table, text):
    result = answer(table, text)
    assert not result.found
    assert not result.mask.any()
    assert not result.instances
    assert result.reason
    assert result.confidence < 0.3


def test_every_fit_is_the_product_of_its_terms(table):
    description = PARSER.parse("the second red cup from the left that is not next to the blue cup").target
    fit, terms = table.score(description)
    assert len(terms) > 2
    np.testing.assert_allclose(fit, np.prod(list(terms.values()), axis=0))
    assert ((fit >= 0) & (fit <= 1)).all()


def test_a_part_that_fits_gives_way_to_the_whole_that_fits(grounded):
    cup_and_side = grounded(("red cup", (20, 20, 60, 80)), ("red cup", (20, 20, 60, 50)))
    assert answer(cup_and_side, "the red cup").instances[0].index == 0


def test_a_part_that_is_asked_for_is_not_its_whole(grounded):
    cup_and_lid = grounded(("red cup", (20, 20, 60, 80)), ("white lid", (20, 20, 60, 30)))
    assert answer(cup_and_lid, "the lid").instances[0].index == 1


def test_masks_of_one_thing_count_once(grounded):
    line = grounded(("cup", (10, 20, 30, 50)), ("cup", (11, 21, 30, 50)), ("cup", (60, 20, 80, 50)),
                    ("cup", (110, 20, 130, 50)))
    assert answer(line, "the second cup from the left").instances[0].index == 2
    assert len(answer(line, "all the cups").instances) == 3


def test_leftmost_says_that_there_is_more_than_one():
    """Of a clear cup and an unclear one to its left the unclear one is meant, but not what is hardly a cup at all."""
    masks = np.zeros((2, 120, 160), bool)
    masks[0, 40:80, 10:40] = masks[1, 40:80, 100:130] = True
    layout = measure(Proposals.from_masks(masks))
    for unclear, meant in ((0.35, 0), (0.05, 1)):
        cups = np.array([unclear, 0.95])
        assert (cups * rank_probability(Ranking("left", 1), layout, cups)).argmax() == meant


def test_what_begins_nearer_but_lies_farther_away_is_not_the_closest():
    masks = np.zeros((2, 120, 160), bool)
    masks[0, 40:80, 20:60] = masks[1, 40:80, 80:90] = True
    # A bowl from 0.77 to 0.95 m, a bottle from 0.78 to 0.80 m.
    layout = replace(measure(Proposals.from_masks(masks)), low=np.array([[-0.09, 0.77, 0], [0, 0.78, 0]]),
                     high=np.array([[0.09, 0.95, 0.05], [0.02, 0.80, 0.2]]))
    assert rank_probability(Ranking("near", 1), layout, np.ones(2)).argmax() == 1
    assert rank_probability(Ranking("far", 1), layout, np.ones(2)).argmax() == 0


def test_an_ambiguity_is_told(table):
    assert "2 candidates" in answer(table, "the red cup").note
    assert not answer(table, "the blue cup").note


def test_the_reason_names_what_is_missing(table):
    assert "spoon" in answer(table, "the can and the spoon").reason
    assert "cup" in answer(table, "the five cups").reason
