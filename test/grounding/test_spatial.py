"""Regions, relations and rankings of rectangles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ris_ros.grounding import Layout
from ris_ros.grounding.spatial import between, in_region, rank_probability, related
from ris_ros.types import DEPTH_DEPENDENT, RANKINGS, REGIONS, RELATIONS, Proposals, Ranking

# One object on the left, one on the right and nearer, and one on top of the right one.
BOXES = ((10, 40, 40, 80), (100, 50, 140, 90), (110, 34, 130, 64))
LEFT, RIGHT, STACKED = range(3)


def layout(*boxes):
    masks = np.zeros((len(boxes), 120, 160), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    return Layout.measure(Proposals.from_masks(masks))


def judge(name, layout):
    """Return how a layout is judged by everything that goes by a name."""
    judged = [in_region(name, layout)] if name in REGIONS else []
    if name in RANKINGS:
        judged.append(rank_probability(Ranking(name), layout, np.ones(len(layout))))
    if name == "between":
        judged.append(between(layout, np.array([0]), np.array([1])))
    elif name in RELATIONS and "colour" not in name:
        judged.append(related(name, layout))
    return np.concatenate([values.ravel() for values in judged]) if judged else np.zeros(0)


@pytest.mark.parametrize("name", sorted({*REGIONS, *RANKINGS, *RELATIONS}))
def test_what_depends_on_depth_is_known(name):
    flat = replace(layout(*BOXES), contact=np.full((3, 3), 0.7), surround=np.full((3, 3), 0.3))
    # The same picture, with depth that makes another object the nearest, the largest and the uppermost.
    low = np.array([(0.5, 1.0, 0.0), (0.1, 2.0, 0.3), (0.1, 2.1, 0.1)])
    size = np.array([(0.5, 0.4, 0.6), (0.2, 0.3, 0.1), (0.1, 0.1, 0.3)])
    metric = replace(flat, metric=True, low=low, high=low + size)
    assert (name in DEPTH_DEPENDENT) == (not np.allclose(judge(name, flat), judge(name, metric)))


@pytest.mark.parametrize("name", REGIONS)
def test_region_certainties_are_in_0_to_1(name):
    fit = in_region(name, layout(*BOXES))
    assert fit.shape == (3,)
    assert ((fit >= 0) & (fit <= 1)).all()


@pytest.mark.parametrize("name", [name for name in RELATIONS if name != "between" and "colour" not in name])
def test_relation_certainties_are_in_0_to_1_and_0_to_itself(name):
    certainty = related(name, layout(*BOXES))
    assert certainty.shape == (3, 3)
    assert ((certainty >= 0) & (certainty <= 1)).all()
    assert not certainty.diagonal().any()


@pytest.mark.parametrize("name", RANKINGS)
def test_rank_probabilities_are_in_0_to_1(name):
    first = rank_probability(Ranking(name, 1), layout(*BOXES), np.ones(3))
    assert ((first >= 0) & (first <= 1)).all()


@pytest.mark.parametrize(("name", "one", "other"), [
    ("left of", LEFT, RIGHT), ("right of", RIGHT, LEFT), ("above", STACKED, RIGHT), ("on", STACKED, RIGHT),
    ("under", RIGHT, STACKED)])
def test_directed_relations_hold_in_one_direction_only(name, one, other):
    certainty = related(name, layout(*BOXES))
    assert certainty[one, other] > 0.8
    assert certainty[other, one] < 0.2


def test_behind_is_farther_from_the_camera():
    certainty = related("behind", layout((60, 20, 80, 40), (60, 70, 80, 100)))
    assert certainty[0, 1] > 0.9
    assert related("in front of", layout((60, 20, 80, 40), (60, 70, 80, 100)))[1, 0] > 0.9


def test_between_two_landmarks():
    row = layout((10, 40, 30, 60), (70, 40, 90, 60), (130, 40, 150, 60))
    certainty = between(row, np.array([0]), np.array([2]))[:, 0]
    assert certainty[1] > 0.9
    assert not certainty[[0, 2]].any()


def test_leftmost_implies_several_members():
    """The leftmost of a certain and an uncertain cup is the uncertain one, unless it is very unlikely to be a cup."""
    masks = np.zeros((2, 120, 160), bool)
    masks[0, 40:80, 10:40] = masks[1, 40:80, 100:130] = True
    row = Layout.measure(Proposals.from_masks(masks))
    for unclear, meant in ((0.35, 0), (0.05, 1)):
        cups = np.array([unclear, 0.95])
        assert (cups * rank_probability(Ranking("left", 1), row, cups)).argmax() == meant


def test_a_large_object_with_a_nearer_edge_but_farther_centre_is_not_the_closest():
    masks = np.zeros((2, 120, 160), bool)
    masks[0, 40:80, 20:60] = masks[1, 40:80, 80:90] = True
    # A bowl from 0.77 to 0.95 m, a bottle from 0.78 to 0.80 m.
    row = replace(Layout.measure(Proposals.from_masks(masks)), low=np.array([[-0.09, 0.77, 0], [0, 0.78, 0]]),
                     high=np.array([[0.09, 0.95, 0.05], [0.02, 0.80, 0.2]]))
    assert rank_probability(Ranking("near", 1), row, np.ones(2)).argmax() == 1
    assert rank_probability(Ranking("far", 1), row, np.ones(2)).argmax() == 0
