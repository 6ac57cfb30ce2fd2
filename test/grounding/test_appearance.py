"""Appearance probabilities from synthetic features, with one axis for each word."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ris_ros.grounding.appearance import AppearanceScorer, positive_probability
from ris_ros.grounding.prompt_bank import PromptBank
from ris_ros.types import Description

WORDS = ("cup", "mug", "plate", "table", "red", "blue", "object", "chipped")
BANK = PromptBank(nouns=("cup|mug", "plate"), colours=("red", "blue"), background_classes=("table",))


def feature(text: str) -> torch.Tensor:
    return torch.tensor([float(word in text.split()) for word in WORDS]) + 1e-3


def scorer(*names: str, bank: PromptBank = BANK) -> AppearanceScorer:
    return AppearanceScorer(torch.stack([feature(name) for name in names]),
                            lambda texts: torch.stack([feature(text) for text in texts]), 20.0, bank)


def described(appearance: str) -> Description:
    words = appearance.split()
    return Description(appearance, words[-1], appearance, tuple(words[:-1]))


def test_name_and_colour_must_both_fit():
    fits = scorer("red cup", "blue cup", "red plate", "table").probability(described("red cup"))
    assert fits[0] > 0.9
    assert (fits[1:] < 0.1).all()


def test_synonyms_do_not_exclude_each_other():
    with_mug = scorer("cup mug", "plate").probability(described("mug"))
    assert with_mug[0] > 0.9


def test_a_generic_noun_fits_any_object_but_no_background():
    fits = scorer("red cup", "blue plate", "table").probability(described("thing"))
    assert (fits[:2] > 0.9).all()
    assert fits[2] < 0.1


def test_further_words_only_rank_the_proposals_that_fit():
    fits = scorer("cup chipped", "cup", "plate chipped").probability(described("chipped cup"))
    assert fits.argmax() == 0
    assert fits[1] > fits[2]


def test_colours_are_probabilities():
    colours = scorer("red cup", "blue cup").colours()
    np.testing.assert_allclose(colours.sum(axis=1), 1)
    assert colours.argmax(axis=1).tolist() == [0, 1]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_probability_is_a_softmax_with_temperature(temperature):
    logits = np.array([[3.0, 1.0, 0.5], [0.0, 2.0, 1.0]])
    odds = np.exp(logits[:, 0] / temperature) / np.exp(logits[:, 1:] / temperature).sum(axis=1)
    np.testing.assert_allclose(positive_probability(logits, 1, temperature), odds / (1 + odds))
