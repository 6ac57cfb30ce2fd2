"""Decisions by scores that are given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ris_ros.grounding import decide, is_independent, stands_out
from ris_ros.grounding.decision import choose
from ris_ros.types import Description, Proposals, Query, Ranking, Relation

CUP, BOWL = Description("the red cup", "cup", "red cup"), Description("the bowl", "bowl", "bowl")


class Scores:
    """A grounder of which the factors of each description are known, and which proposals show an object twice."""

    def __init__(self, factors, duplicates=()):
        self._factors = {phrase: {name: np.array(values, float) for name, values in given.items()}
                         for phrase, given in factors.items()}
        self._duplicates = list(duplicates)

    def score(self, description):
        factors = self._factors[description.phrase]
        return np.prod(list(factors.values()), axis=0), factors

    def distinct_objects(self, score):
        distinct = score.copy()
        distinct[self._duplicates] = 0
        return distinct


def proposals(count):
    masks = np.zeros((count, 10, 10 * count), bool)
    for i, mask in enumerate(masks):
        mask[2:8 - i % 2, 10 * i + 1:10 * i + 7] = True
    return Proposals.from_masks(masks)


def answer(grounder, *targets, count=4, min_confidence=0.3, max_candidates=10, **options):
    return decide(Query("text", "text", targets), proposals(count), grounder, min_confidence=min_confidence,
                  max_candidates=max_candidates, **options)


def described(count):
    return Description("the cups", "cup", "cup", count=count)


def test_one_object_is_the_best_and_its_confidence_the_geometric_mean_of_its_factors():
    grounder = Scores({"the red cup": {"looks": [0.5, 0.9, 0.2, 0.1], "place": [0.5, 0.4, 1, 1]}})
    choice = choose(CUP, grounder)
    assert choice.rows == [1]
    assert choice.confidence == pytest.approx(0.36 ** 0.5)
    result = answer(grounder, CUP)
    assert result.found
    assert result.score == pytest.approx(0.36)
    assert result.confidence == pytest.approx(0.6)
    assert [candidate.index for candidate in result.candidates] == [1, 0, 2, 3]
    assert result.candidates[1].terms == {"looks": 0.5, "place": 0.5}
    assert result.candidates[1].score == pytest.approx(0.25)
    np.testing.assert_array_equal(result.mask, proposals(4).masks[1])
    np.testing.assert_array_equal(result.box, [11, 2, 17, 7])
    assert (result.note, result.reason, result.calibrated) == ("", "", True)


def test_a_guess_is_no_more_certain_than_its_looks_and_half():
    grounder = Scores({"the red cup": {"looks": [0.3, 0.2], "place": [1, 0.1]}})
    assert choose(CUP, grounder, is_guess=True).confidence == pytest.approx(0.3)
    assert choose(CUP, grounder).confidence == pytest.approx(0.3 ** 0.5)
    certain = Scores({"the red cup": {"looks": [0.9, 0.2]}})
    assert choose(CUP, certain, is_guess=True).confidence == 0.5
    unsure = Scores({"the red cup": {"looks": [0.9, 0.2], "place": [0.1, 0.1]}})
    assert choose(CUP, unsure, is_guess=True).confidence == pytest.approx(0.3)
    result = answer(certain, CUP, count=2, doubts="nothing is known of it")
    assert (result.confidence, result.note) == (0.5, "nothing is known of it")


@pytest.mark.parametrize(("count", "rows"), [(0, [3, 0, 2]), (1, [3]), (2, [3, 0]), (3, [3, 0, 2]), (6, [])])
def test_several_objects_are_the_best_distinct_ones(count, rows):
    # The second proposal shows the fourth one's object. "The cups" are all that fit with one half or more.
    grounder = Scores({"the cups": {"looks": [0.8, 0.7, 0.5, 0.9, 0.49]}}, duplicates=[1] if count != 1 else [])
    choice = choose(described(count), grounder)
    assert choice.rows == rows
    assert choice.confidence == (pytest.approx(min([0.8, 0.7, 0.5, 0.9, 0.49][i] for i in rows)) if rows else 0)


def test_none_of_all_there_are_is_none():
    choice = choose(described(0), Scores({"the cups": {"looks": [0.4, 0.3]}}))
    assert (choice.rows, choice.confidence) == ([], 0)


def test_several_targets_are_found_together_or_not_at_all():
    grounder = Scores({"the red cup": {"looks": [0.9, 0.1, 0, 0]}, "the bowl": {"looks": [0.2, 0.1, 0.6, 0]}})
    result = answer(grounder, CUP, BOWL)
    assert [instance.index for instance in result.instances] == [0, 2]
    assert (result.score, result.confidence) == (0.6, 0.6)
    np.testing.assert_array_equal(result.mask, proposals(4).masks[[0, 2]].any(axis=0))
    np.testing.assert_array_equal(result.box, [1, 2, 27, 8])
    missing = answer(grounder, CUP, BOWL, min_confidence=0.7)
    assert not missing.found
    assert not missing.mask.any()
    assert missing.mask.shape == (10, 40)
    assert missing.confidence == 0.6
    assert missing.reason == "nothing fits 'the bowl': best match 0.60"
    assert [candidate.index for candidate in missing.candidates] == [0, 2, 1, 3]


def test_a_confidence_of_exactly_the_minimum_is_enough():
    grounder = Scores({"the red cup": {"looks": [0.5, 0.25]}})
    assert answer(grounder, CUP, count=2, min_confidence=0.5).found
    assert not answer(grounder, CUP, count=2, min_confidence=0.5001).found


def test_every_instance_is_a_candidate_whatever_their_number():
    grounder = Scores({"the cups": {"looks": [0.6, 0.9, 0.8, 0.7]}})
    result = answer(grounder, described(0), max_candidates=2)
    assert [candidate.index for candidate in result.candidates] == [1, 2, 3, 0]
    assert [candidate.index for candidate in answer(grounder, described(1), max_candidates=2).candidates] == [1, 2]


def test_the_reason_names_the_weakest_factor():
    grounder = Scores({"the red cup": {"looks": [0.3, 0.2], "place": [0.1, 0.9]}})
    assert answer(grounder, CUP, count=2, min_confidence=0.9).reason == (
        "nothing fits 'the red cup': best match 0.18, looks 0.20")
    nameless = Scores({"": {"looks": [0.1, 0.2]}})
    assert "such object" in answer(nameless, Description(""), count=2).reason


@pytest.mark.parametrize(("scores", "reason"), [
    ([0.9, 0.5, 0.1], "fewer than 4 that fit 'the cups'"), ([0.5, 0.1, 0.1], "fewer than 4 that fit 'the cups'"),
    ([0.4, 0.3, 0.2], "nothing fits 'the cups': best match 0.40")])
def test_the_reason_says_whether_too_few_fit_or_none(scores, reason):
    assert answer(Scores({"the cups": {"looks": scores}}), described(4), count=3).reason == reason


@pytest.mark.parametrize(("second", "is_close"), [(0.86, True), (0.84, False), (0.9, True)])
def test_a_close_second_is_noted(second, is_close):
    note = "2 candidates within 0.05 for 'the red cup'" if is_close else ""
    assert answer(Scores({"the red cup": {"looks": [0.9, second, 0.2]}}), CUP, count=3).note == note
    # Another mask of the same object is no second candidate, and of several objects none is the right one.
    assert not answer(Scores({"the red cup": {"looks": [0.9, second, 0.2]}}, [1]), CUP, count=3).note
    assert not answer(Scores({"the cups": {"looks": [0.9, second, 0.2]}}), described(2), count=3).note


@pytest.mark.parametrize(("looks", "doubts", "is_noted"), [
    (0.49, "", True), (0.5, "", False), (0.49, "no such word", False)])
def test_an_uncalibrated_answer_of_low_confidence_is_noted(looks, doubts, is_noted):
    grounder = Scores({"the red cup": {"looks": [looks, 0.1]}})
    result = answer(grounder, CUP, count=2, calibrated=False, doubts=doubts)
    assert ("may not be here: confidence 0.49" in result.note) == is_noted
    assert not result.calibrated
    assert "may not be here" not in answer(grounder, CUP, count=2).note
    assert not answer(grounder, CUP, count=2, min_confidence=0.9, calibrated=False).calibrated


def is_sure_of(*targets, bowl=(0.0, 0.1, 0.99, 0.0), cup=(0.98, 0.1, 0.0, 0.0), confidence=0.98, duplicates=()):
    grounder = Scores({"the red cup": {"looks": cup}, "the bowl": {"looks": bowl}}, duplicates)
    return stands_out(Query("text", "text", targets), grounder, confidence)


def test_an_early_answer_is_sure_where_all_that_is_named_stands_out():
    in_bowl = replace(CUP, relations=(Relation("in", (BOWL,)),))
    assert is_sure_of(CUP)
    assert is_sure_of(CUP, BOWL)
    assert is_sure_of(in_bowl)
    assert not is_sure_of(CUP, confidence=0.6)
    assert not is_sure_of(CUP, cup=(0.98, 0.7, 0, 0))
    assert is_sure_of(CUP, cup=(0.98, 0.97, 0, 0), duplicates=[1])
    assert not is_sure_of(in_bowl, bowl=(0, 0.4, 0.45, 0))
    assert not stands_out(Query("text", "text", (CUP,)), None, 1.0)


@pytest.mark.parametrize("dependent", [
    replace(CUP, ranking=Ranking("left")), replace(CUP, ranking=Ranking("large", 2)), replace(CUP, count=2),
    replace(CUP, count=0), replace(CUP, excluded=(BOWL,)),
    replace(CUP, relations=(Relation("in", (replace(BOWL, ranking=Ranking("left")),)),)),
    replace(CUP, relations=(Relation("in", (replace(BOWL, count=2),)),))])
def test_what_may_depend_on_any_other_object_is_not_independent(dependent):
    assert not is_independent(Query("text", "text", (CUP, dependent)))
    in_bowl = replace(CUP, region="left", relations=(Relation("in", (BOWL,)),))
    assert is_independent(Query("text", "text", (CUP, in_bowl)))
