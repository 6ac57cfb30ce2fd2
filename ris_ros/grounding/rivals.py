"""The names of a prompt bank as one model tells them apart."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache

import numpy as np
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ris_ros.grounding import thresholds as t
from ris_ros.grounding.feature_statistics import FeatureStatistics, ScoreCorrelation
from ris_ros.grounding.prompt_bank import PromptBank


class RivalNames:
    """Text features and priors of a bank's names and background classes, for one model.

    Parameters
    ----------
    bank : its K names and B background classes
    encode_text : M texts -> float32 [M, D]

    Attributes
    ----------
    bank : whose names they are
    features : normalised, float32 [K + B, D]
    correlation : statistics of the model's features -> how the scores of the K + B texts are correlated
    are_contrasted : see `_are_contrasted`

    """

    def __init__(self, bank: PromptBank, encode_text: Callable[[list[str]], Tensor]):
        self.bank = bank
        self.features = F.normalize(encode_text(rival_texts(bank)), dim=1)
        self._encode_text = encode_text
        # They serve every command.
        self.correlation = lru_cache(maxsize=2)(lambda statistics: ScoreCorrelation(
            statistics, self.features.cpu().numpy()))
        self.are_contrasted = lru_cache(maxsize=1024)(self._are_contrasted)

    def are_of(self, bank: PromptBank) -> bool:
        """Return whether a bank has the same names and background classes, perhaps with another calibration."""
        return bank.names == self.bank.names and bank.background_classes == self.bank.background_classes

    def _are_contrasted(self, name: str, statistics: FeatureStatistics | None) -> np.ndarray:
        """Return which names and background classes a name is contrasted with, bool [K + B]; do not change it.

        Names are left out that are related to it, or that the model hardly tells apart from it.

        Parameters
        ----------
        name : what is asked for
        statistics : of the model's features; None if unknown

        """
        rivals = np.concatenate([self.bank.rivals(name), np.ones(len(self.bank.background_classes), bool)])
        if statistics is not None and not self.bank.nouns:
            text = F.normalize(self._encode_text([f"the {name}"]), dim=1)[0]
            rivals &= self.correlation(statistics).of(text.cpu().numpy()) < t.SAME_SCORES
        return rivals

    @cached_property
    def same_feature(self) -> np.ndarray:
        """A number for each name, int [K], which names that the model cannot tell apart share."""
        features = self.features[:len(self.bank.names)].float().cpu().numpy().round(t.SAME_FEATURE_DECIMALS)
        numbers: np.ndarray = np.unique(features, axis=0, return_inverse=True)[1].ravel()
        return numbers

    @cached_property
    def log_priors(self) -> np.ndarray:
        """The log prior of each name and background class, float64 [K + B].

        Names of the vocabulary that the model cannot tell apart count as one: a model that knows few words gives all
        others the same feature, and they would outweigh those that it knows.
        """
        bank, background = self.bank, np.zeros(len(self.bank.background_classes))
        if bank.nouns:
            return np.zeros(len(bank.names) + len(background))
        kind = self.same_feature
        alike = np.bincount(kind)
        weights = np.bincount(kind, bank.vocabulary.weights) / alike
        weights = (weights * t.RIVALS_WEIGH / max(1e-12, weights.sum())).clip(max=1)
        log_priors = np.log(weights / alike)[kind]
        log_priors[np.isin(bank.names, bank.vocabulary.own_names)] = 0.0
        return np.concatenate([log_priors, background])


def rival_texts(bank: PromptBank) -> list[str]:
    """Return what is encoded for the names and background classes of a bank."""
    return [f"the {name}" for name in (*bank.names, *bank.background_classes)]
