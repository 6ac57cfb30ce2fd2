"""Grounding of expressions with known names, so that only the spatial reasoning can be wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ris_ros.grounding import Grounder, Layout, decide
from ris_ros.language import ExpressionParser
from ris_ros.types import Description, Proposals, Ranking, Relation

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


class Given:
    """AppearanceScores by head, of proposals with given names and colours."""

    def __init__(self, probabilities, names=None, colours=None):
        self._probabilities = {head: np.array(values, float) for head, values in probabilities.items()}
        count = len(next(iter(self._probabilities.values())))
        self._names = np.eye(count) if names is None else np.array(names, float)
        self._colours = np.eye(count) if colours is None else np.array(colours, float)

    def probability(self, description):
        return self._probabilities[description.head]

    def names(self):
        return self._names

    def colours(self):
        return self._colours


def given(*boxes, names=None, colours=None, **probabilities) -> Grounder:
    masks = np.zeros((len(boxes), 120, 160), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    return Grounder(Layout.measure(Proposals.from_masks(masks)), Given(probabilities, names, colours))


APART = (10, 40, 30, 60), (60, 40, 80, 60), (110, 40, 130, 60)
CUP, BOWL, BOOK = (Description(head, head, head) for head in ("cup", "bowl", "book"))


def test_a_part_loses_what_its_whole_has_of_the_same_name():
    # The second mask lies in the first; their names are alike by sqrt(0.5 * 1) = 0.71.
    boxes = (20, 20, 60, 80), (20, 20, 60, 50), (100, 20, 140, 80)
    names = [(0.5, 0.5, 0), (1, 0, 0), (0, 0, 1)]
    score, factors = given(*boxes, names=names, cup=[0.8, 0.9, 0.1]).score(CUP)
    np.testing.assert_allclose(score, (0.8, 0.9 * (1 - 0.5 ** 0.5 * 0.8), 0.1))
    assert factors.keys() == {"looks"}


@pytest.mark.parametrize(("inner", "is_part"), [
    ((20, 20, 60, 74), True), ((20, 20, 60, 75), False),        # The whole is 1.1 times as large.
    ((27, 20, 67, 50), False), ((25, 20, 65, 50), True)])       # 85 % of it are inside.
def test_what_is_a_part_lies_in_something_larger(inner, is_part):
    score, _ = given((20, 20, 60, 80), inner, names=[(1,), (1,)], cup=[0.8, 0.9]).score(CUP)
    assert score[1] == pytest.approx(0.9 * 0.2 if is_part else 0.9)


def test_the_best_landmark_counts():
    near = replace(CUP, relations=(Relation("left of", (BOWL,)),))
    grounder = given(*APART, cup=[0.9, 0.8, 0.7], bowl=[0.1, 0.5, 0.6])
    score, factors = grounder.score(near)
    np.testing.assert_allclose(factors["left of"], (0.6, 0.6, 0), atol=1e-3)
    np.testing.assert_allclose(score, np.multiply((0.9, 0.8, 0.7), factors["left of"]))


def test_factors_of_one_name_are_numbered():
    twice = replace(CUP, relations=(Relation("left of", (BOWL,)), Relation("left of", (BOOK,)),
                                    Relation("left of", (BOWL,))), excluded=(BOWL, BOOK), region="left")
    grounder = given(*APART, cup=[0.9, 0.8, 0.7], bowl=[0.1, 0.5, 0.6], book=[0.2, 0.3, 0.4])
    _, factors = grounder.score(twice)
    assert list(factors) == ["looks", "place", "left of", "left of #2", "left of #3", "not", "not #2"]
    np.testing.assert_allclose(factors["not"], (0.9, 0.5, 0.4))
    np.testing.assert_allclose(factors["left of #2"], (0.4, 0.4, 0), atol=1e-3)


def test_what_is_excluded_includes_its_landmarks():
    not_beside = replace(CUP, excluded=(replace(CUP, count=3, relations=(Relation("left of", (BOWL,)),)),))
    grounder = given(*APART, cup=[0.9, 0.8, 0.7], bowl=[0.0, 0.0, 0.6])
    _, factors = grounder.score(not_beside)
    np.testing.assert_allclose(factors["not"], (1 - 0.9 * 0.6, 1 - 0.8 * 0.6, 1 - 0.6), atol=1e-3)


def test_colours_relate_by_their_similarity():
    colours = [(0.9, 0.1), (0.8, 0.2), (0, 1)]
    grounder = given(*APART, colours=colours, cup=[1, 1, 1], bowl=[1, 0, 0])
    same = grounder.score(replace(CUP, relations=(Relation("same colour", (BOWL,)),)))[0]
    np.testing.assert_allclose(same, (0, 0.9 * 0.8 + 0.1 * 0.2, 0.1))
    other = grounder.score(replace(CUP, relations=(Relation("different colour", (BOWL,)),)))[0]
    np.testing.assert_allclose(other, (0, 1 - 0.74, 0.9))


def test_between_takes_the_most_probable_pair():
    grounder = given(*APART, cup=[1, 0.9, 1], bowl=[0.8, 0, 0.1], book=[0, 0.2, 0.5])
    middle = replace(CUP, relations=(Relation("between", (BOWL, BOOK)),))
    np.testing.assert_allclose(grounder.score(middle)[0], (0, 0.9 * 0.8 * 0.5, 0), atol=1e-3)
    # One description of several landmarks stands for both ends.
    both = replace(CUP, relations=(Relation("between", (replace(BOWL, count=2),)),))
    np.testing.assert_allclose(grounder.score(both)[0], (0, 0.9 * 0.8 * 0.1, 0), atol=1e-3)
    nothing = given(*APART, cup=[1, 0.9, 1], bowl=[0, 0, 0], book=[0, 0.2, 0.5])
    np.testing.assert_array_equal(nothing.score(middle)[0], 0)


@pytest.mark.parametrize(("width", "is_same"), [(17, True), (15, False)])
def test_a_mask_is_not_related_to_its_own_copy(width, is_same):
    # A copy that shares more than 80 % of the larger mask.
    boxes = (60, 40, 80, 60), (60, 40, 60 + width, 60)
    certainty = given(*boxes, cup=[1, 1], bowl=[0, 1]).score(replace(CUP, relations=(Relation("near", (BOWL,)),)))[0]
    assert (certainty[0] < 1e-9) == is_same


def test_uncertain_members_of_a_ranking_are_sharpened():
    # 0.8 becomes 0.64 / (0.64 + 0.04) = 16/17, 0.2 becomes 1/17.
    _, factors = given(*APART, cup=[0.2, 0.8, 0.8]).score(replace(CUP, ranking=Ranking("left", 1)))
    first = (1 - 0.8 / 17 ** 2, 16 / 17 * (1 - 0.8 / 17), 16 / 17 / 17 * 0.2)
    np.testing.assert_allclose(factors["rank"], first, atol=1e-6)


def test_nested_masks_of_another_colour_and_name_are_two_objects_and_kept_best_first():
    bowl, inner = (40, 40, 80, 80), (50, 50, 66, 66)
    names, colours = [(0.9, 0.1), (0.1, 0.9)], [(1, 0), (0, 1)]
    score = np.array([0.7, 0.8])
    # Names that are alike by 2 * sqrt(0.09) = 0.6 go by one name.
    assert given(bowl, inner, names=names, colours=colours, cup=score).distinct_objects(score).tolist() == [0, 0.8]
    apart = [(0.999, 0.001), (0.001, 0.999)]
    assert given(bowl, inner, names=apart, colours=colours, cup=score).distinct_objects(score).tolist() == [0.7, 0.8]
    # The same colour does, unless both names are certain.
    same = [(0.6, 0.4), (0.6, 0.4)]
    assert given(bowl, inner, names=apart, colours=same, cup=score).distinct_objects(score).tolist() == [0.7, 0.8]
    unsure = [(0.995, 0, 0.005), (0, 0.98, 0.02)]
    assert given(bowl, inner, names=unsure, colours=same, cup=score).distinct_objects(score).tolist() == [0, 0.8]
    # Masks that are not nested are two objects whatever they show.
    assert given(bowl, (70, 50, 100, 66), names=same, colours=same, cup=score).distinct_objects(score).all()


def test_of_equally_good_masks_of_an_object_the_first_counts():
    boxes = [APART[i % 2] for i in range(60)]
    score = np.full(60, 0.7)
    grounder = given(*boxes, names=np.eye(2)[np.arange(60) % 2], colours=np.eye(2)[np.arange(60) % 2], cup=score)
    assert np.flatnonzero(grounder.distinct_objects(score)).tolist() == [0, 1]
