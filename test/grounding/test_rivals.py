"""The weights of names, as a model tells them apart."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from ris_ros.grounding import thresholds as t
from ris_ros.grounding.appearance import AppearanceScorer
from ris_ros.grounding.feature_statistics import FeatureStatistics
from ris_ros.grounding.prompt_bank import PHOTOGRAPHS, PromptBank
from ris_ros.grounding.rivals import RivalNames
from ris_ros.grounding.vocabulary import Name, Vocabulary
from ris_ros.types import Description


def encode(texts: list[str], known: tuple[str, ...] | None = None) -> torch.Tensor:
    """Return a random feature of each text; one and the same for all that are not known."""
    def feature(text: str) -> np.ndarray:
        name = text.removeprefix("the ")
        seed = zlib.crc32(name.encode()) if known is None or name in known else 0
        return np.random.default_rng(seed).normal(size=32)
    return torch.from_numpy(np.stack([feature(text) for text in texts])).float()


def test_the_whole_vocabulary_weighs_as_much_as_the_names_of_a_short_bank():
    priors = RivalNames(PHOTOGRAPHS, encode).log_priors
    count = len(PHOTOGRAPHS.names)
    assert 0.9 * t.RIVALS_WEIGH < np.exp(priors[:count]).sum() <= t.RIVALS_WEIGH + 1e-6
    assert (priors <= 0).all()
    assert not priors[count:].any()


def test_names_that_a_model_does_not_tell_apart_count_as_one():
    known = ("cup", "plate", "bottle")
    rivals = RivalNames(PHOTOGRAPHS, lambda texts: encode(texts, known))
    weight = dict(zip(PHOTOGRAPHS.names, np.exp(rivals.log_priors), strict=False))
    assert min(weight[name] for name in known) == 1
    assert sum(value for name, value in weight.items() if name not in known) <= 1 + 1e-6


def test_names_of_a_bank_of_its_own_weigh_the_same():
    bank = PromptBank(("cup|mug", "plate"), ("red",), ("table",))
    assert RivalNames(bank, encode).log_priors.tolist() == [0, 0, 0]


def test_a_users_name_weighs_as_much_as_what_is_asked_for(tmp_path):
    file = tmp_path / "names.txt"
    file.write_text("flange\n")
    bank = replace(PHOTOGRAPHS, vocabulary=Vocabulary.load(str(file)))
    assert RivalNames(bank, encode).log_priors[bank.names.index("flange")] == 0
    short = PromptBank.load("", {"nouns": ["cup", "mug"], "colours": [], "nothings": []}, str(file))
    assert short.names == ("cup", "mug", "flange")
    # What the bank lists apart is told apart; otherwise the vocabulary decides.
    assert short.rivals("cup").tolist() == [False, True, True]
    assert short.rivals("container").tolist() == [False, False, True]


@pytest.mark.parametrize(("shown", "asked", "fits"), [
    ("mug", "cup", True), ("car", "vehicle", True), ("plate", "cup", False), ("hammer", "wrench", False)])
def test_a_kind_takes_nothing_from_what_is_asked_for(shown, asked, fits):
    features = encode([f"the {shown}"]) + 0.9 * encode([f"the {asked}"]) * fits
    scorer = AppearanceScorer(features, encode, 60.0, PHOTOGRAPHS)
    probability = scorer.probability(Description(asked, asked, asked))
    assert probability[0] > 0.9 if fits else probability[0] < 0.1


def test_kinds_of_an_object_are_one_name_and_names_stay_probabilities():
    shown = encode(["the cup"]) + encode(["the mug"])
    names = AppearanceScorer(torch.cat([encode(["the cup", "the plate"]), shown]), encode, 60.0, PHOTOGRAPHS).names()
    np.testing.assert_allclose(names.sum(axis=1), 1)
    cup, plate, cup_or_mug = names
    assert cup.max() > 0.9 < plate.max()
    assert cup_or_mug.argmax() == cup.argmax() != plate.argmax()
    assert cup_or_mug.max() > 0.9


def test_names_whose_scores_go_together_are_not_contrasted():
    # Features spread alike in all directions: the scores of two texts are correlated by their cosine.
    features = {"the cup": (1.0, 0, 0), "the beaker": (0.81, 0.586, 0), "the plate": (0.79, 0, 0.613),
                "the wall": (0, 1.0, 0), "the table": (0.9, 0.436, 0)}
    bank = PromptBank((), (), ("wall", "table"), vocabulary=Vocabulary(
        lambda: [Name(name, (), (), 1.0) for name in ("cup", "beaker", "plate")]))
    rivals = RivalNames(bank, lambda texts: torch.tensor([features[text] for text in texts]))
    statistics = FeatureStatistics(np.zeros(3, np.float32), np.zeros((0, 3), np.float32), 0.04)
    assert rivals.are_contrasted("cup", None).tolist() == [False, True, True, True, True]
    assert rivals.are_contrasted("cup", statistics).tolist() == [False, False, True, True, False]
    # A bank with names of its own says what it tells apart.
    own = RivalNames(replace(bank, nouns=("cup", "beaker", "plate")), lambda texts: torch.tensor(
        [features[text] for text in texts]))
    assert own.are_contrasted("cup", statistics).tolist() == [False, True, True, True, True]
