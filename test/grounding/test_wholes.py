"""A part needs a whole, several things need to be there; what lies in a thing is not that thing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ris_ros.grounding.appearance import PART, SEVERAL, AppearanceScorer, PromptBank
from ris_ros.grounding.layout import measure
from ris_ros.grounding.wholes import UNSEEN, several_in, whole_of
from ris_ros.types import Description, Proposals

PLATE, CUP, BALL, HANDLE = (20, 20, 80, 80), (30, 30, 45, 60), (55, 30, 70, 45), (45, 40, 47, 50)
CAN = (120, 20, 140, 60)


def layout(*boxes):
    masks = np.zeros((len(boxes), 120, 160), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    return measure(Proposals.from_masks(masks))


def test_a_part_needs_a_larger_object_round_it():
    around = whole_of(layout(PLATE, CUP, CAN), np.array([0.9, 0.8, 0.7]))
    np.testing.assert_allclose(around, [UNSEEN, 0.9, UNSEEN])


def test_several_objects_need_masks_that_lie_apart_in_theirs():
    objects = np.array([0.2, 0.8, 0.6, 0.9])
    np.testing.assert_allclose(several_in(layout(PLATE, CUP, BALL, CAN), objects), [0.6, UNSEEN, UNSEEN, UNSEEN])
    # One object in it is not several, nor are two masks of the same one, nor specks.
    np.testing.assert_allclose(several_in(layout(PLATE, CUP), objects[:2]), UNSEEN)
    np.testing.assert_allclose(several_in(layout(PLATE, CUP, (31, 30, 45, 60)), objects[:3]), UNSEEN)
    np.testing.assert_allclose(several_in(layout(PLATE, CUP, HANDLE), objects[:3]), UNSEEN)


@pytest.mark.parametrize("nothing", [PART, SEVERAL])
def test_what_cannot_be_does_not_keep_an_object_from_being_one(nothing):
    axes = {"the cup": 0, "the plate": 1, f"the {nothing}": 2}

    def judge(where):
        # The model takes the first mask for the nothing rather than for the cup that it is.
        features = torch.tensor([[0.6, 0.0, 0.8], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
        return AppearanceScorer(features, lambda texts: torch.eye(3)[[axes[text] for text in texts]], 10.0,
                     PromptBank(nouns=("cup", "plate"), colours=(), background_classes=(nothing,)), where)

    cup = Description("the cup", "cup", "cup", ())
    alone = layout((120, 90, 140, 110), PLATE, CAN)
    amid = layout((22, 22, 78, 78), (10, 10, 100, 100), CAN) if nothing == PART else layout(PLATE, CUP, BALL)
    assert judge(None).probability(cup)[0] < 0.3
    assert judge(amid).probability(cup)[0] < 0.3
    assert judge(alone).probability(cup)[0] > 0.8
    np.testing.assert_allclose(judge(alone).names(), judge(None).names())


def test_what_lies_in_a_bowl_counts_beside_it(grounded):
    bowl, ball = (40, 40, 80, 80), (50, 50, 66, 66)
    assert (grounded(("red bowl", bowl), ("red ball", ball)).distinct_objects(np.array([0.9, 0.8])) > 0).all()
    assert grounded(("red bowl", bowl), ("red bowl", ball)).distinct_objects(np.array([0.9, 0.8])).tolist() == [0.9, 0]
    # A name of its own does not make another thing of what is the same mask but for its edge.
    same = grounded(("red bowl", bowl), ("red ball", (42, 40, 80, 80)))
    assert same.distinct_objects(np.array([0.9, 0.8])).tolist() == [0.9, 0]


def test_a_piece_of_the_same_colour_is_no_thing_of_its_own_unless_its_name_is_certain(grounded):
    bowl, piece = (40, 40, 80, 80), (50, 50, 66, 66)
    fits = np.array([0.9, 0.8])
    assert grounded(("red bowl", bowl), ("red ball", piece), certainty=0.95).distinct_objects(fits).tolist() == [0.9, 0]
    assert (grounded(("red bowl", bowl), ("blue ball", piece), certainty=0.95).distinct_objects(fits) > 0).all()
