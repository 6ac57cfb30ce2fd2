"""Probabilities that proposals match a description, from the detections of its noun phrase.

A detector is asked for the noun with its attributes alone, "red cup" of "the second red cup from the left"; what is
said of place, relations and rank is judged on its answers. Its scores are no probabilities: each detector has its own
scale, of which its makers name one point, the threshold. On the scale of log-odds the score's distance from it is taken
for evidence, beside that of the vision-language model or alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ris_ros.grounding import thresholds as t
from ris_ros.grounding.appearance import AppearanceScores
from ris_ros.grounding.guesses import GENERIC_NOUNS
from ris_ros.types import Description, Query

ANYTHING = "object"
"""Phrase for descriptions that name no kind of object."""


def phrase_of(description: Description) -> str:
    """Return the noun phrase that a detector is asked for; "object" stands for a noun that names no kind."""
    if description.head in GENERIC_NOUNS:
        words = description.appearance.split() or list(description.attributes)
        return " ".join([*(word for word in words if word not in GENERIC_NOUNS), ANYTHING])
    return description.appearance or " ".join([*description.attributes, description.head])


def phrases_of(query: Query) -> tuple[str, ...]:
    """Return the noun phrases of all descriptions of a query, each once."""
    return tuple(dict.fromkeys(map(phrase_of, query.descriptions(with_excluded=True))))


def evidence(scores: np.ndarray, threshold: float) -> np.ndarray:
    """Return the log-odds, float64 [N], that detections with these scores are right; 0 at the threshold.

    Parameters
    ----------
    scores : 0..1, float [N]; 0 where nothing was detected
    threshold : score of a detection that is right as often as wrong

    """
    low, high = t.DETECTION_EVIDENCE
    clipped = np.clip(np.asarray(scores, np.float64), 1e-6, 1 - 1e-6)
    odds = np.log(clipped / (1 - clipped)) - np.log(threshold / (1 - threshold))
    return np.where(np.asarray(scores) > 0, odds.clip(low, high), t.NOT_DETECTED)


class DetectorScores:
    """The AppearanceScores of a phrase detector alone.

    Parameters
    ----------
    detected : phrase -> score of the detector for each proposal, float [N]; 0 where it detected something else
    threshold : of the detector
    colours : probability of each colour for each proposal, by its pixels, float64 [N, C]
    colour_words : the C colours
    are_related : whether two nouns can name the same object

    """

    def __init__(self, detected: Mapping[str, np.ndarray], threshold: float, colours: np.ndarray,
                 colour_words: tuple[str, ...], are_related: Callable[[str, str], bool]):
        self._detected = detected
        self._threshold = threshold
        self._are_related = are_related
        self._colours = colours
        self._colour_words = colour_words

    def probability(self, description: Description) -> np.ndarray:
        """Return the probability, float64 [N], that each proposal shows what a description calls it."""
        scores = self._detected[phrase_of(description)]
        odds = evidence(scores, self._threshold) + self._colour_evidence(description)
        return np.where(scores > 0, _sigmoid(odds - self._rival_evidence(description)), 0.0)

    def names(self) -> np.ndarray:
        """Return the probability of each asked phrase for each proposal, and that it is something else of its own.

        Returns
        -------
        float64 [N, K + N]: detections of no asked kind are not taken for parts of each other.

        """
        kinds = [np.where(scores > 0, _sigmoid(evidence(scores, self._threshold)), 0.0)
                 for phrase, scores in self._detected.items() if not phrase.endswith(ANYTHING)]
        known = np.stack(kinds, axis=1) if kinds else np.zeros((len(self._colours), 0))
        known = known / known.sum(axis=1, keepdims=True).clip(1)
        return np.hstack([known, np.diag((1 - known.sum(axis=1)).clip(0))])

    def colours(self) -> np.ndarray:
        """Return the probabilities of the colours, float64 [N, C]."""
        return self._colours

    def _rival_evidence(self, description: Description) -> np.ndarray:
        """Return the log-odds that a proposal is something else that was asked for: a block is no cup."""
        if description.head in GENERIC_NOUNS:
            return np.zeros(len(self._colours))
        # What stands last in a phrase is its noun, but for "man in a blue shirt".
        rivals = [evidence(scores, self._threshold) for phrase, scores in self._detected.items()
                  if not phrase.endswith(ANYTHING) and description.head not in phrase.split()
                  and not self._are_related(description.head, phrase.split()[-1])]
        return np.logaddexp.reduce([np.zeros(len(self._colours)), *rivals], axis=0)

    def _colour_evidence(self, description: Description) -> np.ndarray:
        """Return the log-odds of the colour that a description states: detectors hardly tell a cup's from another's."""
        words = " ".join(description.attributes).split()
        stated = [self._colour_words.index(word) for word in words if word in self._colour_words]
        if not stated:
            return np.zeros(len(self._colours))
        share = self._colours[:, stated].max(axis=1)
        low, high = t.COLOUR_EVIDENCE
        odds: np.ndarray = np.log((share + 1e-6) / (1 - share + 1e-6)).clip(low, high)
        return odds


class JointScores:
    """The AppearanceScores of a vision-language model with the evidence of a phrase detector beside it.

    Parameters
    ----------
    scores : of the vision-language model, for N proposals
    detected, threshold : as of :class:`DetectorScores`

    """

    def __init__(self, scores: AppearanceScores, detected: Mapping[str, np.ndarray], threshold: float):
        self._scores = scores
        self._detected = detected
        self._threshold = threshold

    def probability(self, description: Description) -> np.ndarray:
        """Return the probability, float64 [N], that each proposal shows what a description calls it."""
        probability = self._scores.probability(description).clip(1e-9, 1 - 1e-9)
        odds = np.log(probability / (1 - probability))
        return _sigmoid(odds + evidence(self._detected[phrase_of(description)], self._threshold))

    def names(self) -> np.ndarray:
        """Return the probabilities of K names for each proposal, float64 [N, K]."""
        return self._scores.names()

    def colours(self) -> np.ndarray:
        """Return the probabilities of C colours for each proposal, float64 [N, C]."""
        return self._scores.colours()


def _sigmoid(odds: np.ndarray) -> np.ndarray:
    probability: np.ndarray = 1 / (1 + np.exp(-odds))
    return probability
