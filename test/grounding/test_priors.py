"""Priors of the background classes "part of an object" and "several objects"."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ris_ros.grounding import AppearanceScorer, Layout, PromptBank
from ris_ros.grounding.appearance import group_prior, part_prior
from ris_ros.grounding.prompt_bank import GROUP, PART
from ris_ros.grounding.thresholds import MISSED_BY_PROPOSALS as MISSED
from ris_ros.types import Description, Proposals

PLATE, CUP, BALL, HANDLE = (20, 20, 80, 80), (30, 30, 45, 60), (55, 30, 70, 45), (45, 40, 47, 50)
CAN = (120, 20, 140, 60)


def layout(*boxes):
    masks = np.zeros((len(boxes), 120, 160), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    return Layout.measure(Proposals.from_masks(masks))


def test_a_part_needs_an_enclosing_object():
    around = part_prior(layout(PLATE, CUP, CAN), np.array([0.9, 0.8, 0.7]))
    np.testing.assert_allclose(around, [MISSED, 0.9, MISSED])


def test_a_group_needs_two_separate_objects_in_its_mask():
    objects = np.array([0.2, 0.8, 0.6, 0.9])
    np.testing.assert_allclose(group_prior(layout(PLATE, CUP, BALL, CAN), objects), [0.6, MISSED, MISSED, MISSED])
    # A single object, two masks of the same object and very small masks do not make a group.
    np.testing.assert_allclose(group_prior(layout(PLATE, CUP), objects[:2]), MISSED)
    np.testing.assert_allclose(group_prior(layout(PLATE, CUP, (31, 30, 45, 60)), objects[:3]), MISSED)
    np.testing.assert_allclose(group_prior(layout(PLATE, CUP, HANDLE), objects[:3]), MISSED)


@pytest.mark.parametrize("background", [PART, GROUP])
def test_an_impossible_background_class_does_not_lower_the_probability_of_an_object(background):
    axes = {"the cup": 0, "the plate": 1, f"the {background}": 2}

    def scorer(where):
        # The model assigns the first mask to the background class rather than to the cup.
        features = torch.tensor([[0.6, 0.0, 0.8], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
        return AppearanceScorer(features, lambda texts: torch.eye(3)[[axes[text] for text in texts]], 10.0,
                                PromptBank(nouns=("cup", "plate"), colours=(), background_classes=(background,)), where)

    cup = Description("the cup", "cup", "cup", ())
    alone = layout((120, 90, 140, 110), PLATE, CAN)
    amid = layout((22, 22, 78, 78), (10, 10, 100, 100), CAN) if background == PART else layout(PLATE, CUP, BALL)
    assert scorer(None).probability(cup)[0] < 0.3
    assert scorer(amid).probability(cup)[0] < 0.3
    assert scorer(alone).probability(cup)[0] > 0.8
    np.testing.assert_allclose(scorer(alone).names(), scorer(None).names())
