"""Appearance probabilities from synthetic features, with one axis for each word."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from ris_ros.grounding.appearance import AppearanceScorer, contrastive_log_odds, log_sum_exp, positive_probability
from ris_ros.grounding.feature_statistics import FeatureStatistics
from ris_ros.grounding.prompt_bank import PromptBank
from ris_ros.grounding.vocabulary import Name, Vocabulary
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


def test_the_logarithm_of_summed_exponentials():
    np.testing.assert_allclose(log_sum_exp(np.log([[1.0, 2, 3], [0.5, 0.25, 0.25]])), np.log([6, 1]))
    assert log_sum_exp(np.array([[1000.0, 1000.0]]))[0] == pytest.approx(1000 + np.log(2))


def test_the_rivals_of_a_mask_count_four_fifths_and_their_mean_over_all_masks_one():
    meant, rivals = np.array([2.0, 5.0]), np.array([1.0, 3.0])
    # 2 - 0.8 * 1 - 0.2 * 2, and 5 - 0.8 * 3 - 0.2 * 2.
    np.testing.assert_allclose(contrastive_log_odds(meant, rivals), (0.8, 2.2))
    np.testing.assert_allclose(contrastive_log_odds(meant, rivals, 4.0), (0.4, 1.8))
    np.testing.assert_allclose(contrastive_log_odds(meant, rivals, 0.0), (1.2, 2.6))
    assert contrastive_log_odds(meant[:0], rivals[:0]).shape == (0,)


def test_priors_add_to_the_logits_and_several_phrases_add_up():
    logits = np.log([[1.0, 2.0, 3.0]])
    np.testing.assert_allclose(positive_probability(logits, 2, 1.0), 3 / 6)
    np.testing.assert_allclose(positive_probability(logits, 2, 1.0, np.log([1.0, 1.0, 3.0])), 3 / 12)
    # The prior is not divided by the temperature.
    np.testing.assert_allclose(positive_probability(2 * logits, 1, 2.0, np.log([[4.0, 1.0, 1.0]])), 4 / 9)


def statistical_bank(**values) -> PromptBank:
    """Return a bank whose logits are those of features that are spread by 1 / 10 along each axis."""
    statistics = FeatureStatistics(np.zeros(len(WORDS), np.float32), np.zeros((0, len(WORDS)), np.float32), 0.01)
    return replace(BANK, statistics=statistics, calibrated_by="frames", **values)


def test_a_calibration_from_frames_is_a_logistic_function_of_the_log_odds():
    bank = statistical_bank(name_temperature=2.0, name_slope=0.3, name_bias=-0.5)
    one = scorer("cup", "plate", "table", bank=bank)
    # Standard scores: the cosine by 0.1. Logits are half of them, and the rivals are "plate" and "table".
    cosine = F.normalize(torch.stack([feature(name) for name in ("cup", "plate", "table")]), dim=1).double().numpy()
    logits = cosine @ cosine.T / 0.1 / 2
    rivals = np.log(np.exp(logits[:, 1:]).sum(axis=1))
    odds = logits[:, 0] - 0.8 * rivals - 0.2 * rivals.mean()
    np.testing.assert_allclose(one.probability(described("cup")), 1 / (1 + np.exp(0.5 - 0.3 * odds)), rtol=1e-4)


def test_the_colour_is_a_factor_with_a_slope_of_its_own():
    bank = statistical_bank(colour_temperature=4.0, colour_slope=0.6, colour_bias=0.2)
    one = scorer("red cup", "blue cup", bank=bank)
    name = one.probability(described("cup"))
    texts = F.normalize(torch.stack([feature(name) for name in ("red object", "blue object")]), dim=1).double().numpy()
    masks = F.normalize(torch.stack([feature(name) for name in ("red cup", "blue cup")]), dim=1).double().numpy()
    logits = masks @ texts.T / 0.1 / 4
    odds = logits[:, 0] - 0.8 * logits[:, 1] - 0.2 * logits[:, 1].mean()
    np.testing.assert_allclose(one.probability(described("red cup")), name / (1 + np.exp(-0.2 - 0.6 * odds)), rtol=1e-4)


def test_a_name_stays_a_name_whatever_colour_is_asked_for():
    contrasts = scorer("red cup", "blue plate").contrastive_logits(described("red cup"))
    assert contrasts.keys() == {"name", "colour"}
    # "The cup" against "the plate" and "the table"; "the red cup" against "the blue cup".
    assert contrasts["name"].logits.shape == (2, 3)
    assert contrasts["colour"].logits.shape == (2, 2)
    assert (contrasts["name"].meant, contrasts["colour"].meant) == (1, 1)
    assert not contrasts["name"].log_priors.any()
    assert not contrasts["colour"].log_priors.any()
    cosine = float(F.normalize(feature("red cup"), dim=0) @ F.normalize(feature("blue cup"), dim=0))
    np.testing.assert_allclose(contrasts["colour"].logits[0], (20, 20 * cosine), rtol=1e-5)
    # Of anything, all names are meant, and not the background.
    anything = scorer("red cup").contrastive_logits(described("red thing"))
    assert anything["name"].meant == 2
    assert anything["name"].logits.shape == (1, 3)
    assert scorer("cup").contrastive_logits(described("cup")).keys() == {"name"}


def test_names_are_those_of_the_bank_and_its_background():
    names = scorer("cup", "plate", "table").names()
    assert names.shape == (3, 3)
    np.testing.assert_allclose(names.sum(axis=1), 1)
    assert names.argmax(axis=1).tolist() == [0, 1, 2]


def test_further_words_lower_by_the_exponential_of_what_the_logit_lacks():
    # Only masks that fit at least half as well as the best are compared with: "plate chipped" has the best logit.
    one = scorer("cup chipped", "cup", "plate chipped")
    plain = one.probability(described("cup"))
    full = one.probability(described("chipped cup"))
    text = F.normalize(feature("chipped cup"), dim=0)
    logits = np.array([20 * float(F.normalize(feature(name), dim=0) @ text)
                       for name in ("cup chipped", "cup", "plate chipped")])
    np.testing.assert_allclose(full, plain * np.exp(np.minimum(logits - logits[0], 0)), rtol=1e-4)
    assert scorer("cup")._has_further_words(described("chipped cup"))
    for text in ("cup", "red cup", "red thing", "thing"):
        assert not scorer("cup")._has_further_words(described(text)), text


def test_no_masks_have_no_probability():
    none = AppearanceScorer(torch.zeros(0, len(WORDS)), lambda texts: torch.stack([feature(text) for text in texts]),
                            20.0, BANK)
    assert none.probability(described("chipped red cup")).shape == (0,)
    assert none.names().shape == (0, 3)


def test_names_of_one_kind_of_the_vocabulary_are_one_name():
    vocabulary = Vocabulary(lambda: [Name("cup", (), (), 1.0), Name("teacup", (), ("cup",), 1.0),
                                     Name("plate", (), (), 1.0)])
    axes = {"the cup": 0, "the teacup": 1, "the plate": 2, "the table": 3}
    # Of the first mask the probabilities are 0.5, 0.3, 0.1 and 0.1, of the second 0.1, 0.1, 0.5 and 0.3.
    logits = torch.tensor(np.log([[0.5, 0.3, 0.1, 0.1], [0.1, 0.1, 0.5, 0.3]])).float()
    one = AppearanceScorer(logits, lambda texts: torch.eye(4)[[axes[text] for text in texts]], float(logits[0].norm()),
                           PromptBank((), (), ("table",), vocabulary=vocabulary))
    # Cups of any kind, plates, and the table.
    np.testing.assert_allclose(one.names(), [(0.8, 0.1, 0.1), (0.2, 0.5, 0.3)], rtol=1e-5)
