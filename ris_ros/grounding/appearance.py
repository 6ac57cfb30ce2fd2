"""Probabilities that proposals match a description, from contrastive logits of a vision-language model.

A cosine between image and text is not calibrated; only its lead over contrasting phrases is informative. "Red cup" is
contrasted, as a name, with other names ("plate", "book") and with background ("table top"), and, as a colour, with
"blue cup" and "white cup". A model's own phrases and temperatures, fitted by `ris calibrate`, are kept beside its
weights.

Two background classes depend on the other masks. A model judges every mask by itself and takes a plate under a cup for
several objects, or a short banana for a part of one. But a part lies in a larger mask of its object, and each of
several objects has a mask of its own. Where those are missing, the mask shows something else, or it is the best mask of
the object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ris_ros.grounding import thresholds as t
from ris_ros.grounding.guesses import GENERIC_NOUNS, Guesses
from ris_ros.grounding.layout import Layout
from ris_ros.grounding.prompt_bank import GROUP, PART, PromptBank
from ris_ros.grounding.rivals import RivalNames
from ris_ros.types import Description


class AppearanceScores(Protocol):
    """What grounding needs to know of the appearance of N proposals."""

    def probability(self, description: Description) -> np.ndarray:
        """Return the probability, float64 [N], that each proposal shows what a description calls it."""

    def names(self) -> np.ndarray:
        """Return the probabilities of K names for each proposal, float64 [N, K]."""

    def colours(self) -> np.ndarray:
        """Return the probabilities of C colours for each proposal, float64 [N, C]."""


@dataclass(frozen=True, eq=False)
class Contrast:
    """What a description is contrasted with.

    Attributes
    ----------
    logits : float64 [N, K] of K phrases, those that are meant first
    meant : number of phrases that are meant
    log_priors : of the phrases, float64 [K]

    """

    logits: np.ndarray
    meant: int
    log_priors: np.ndarray


class AppearanceScorer:
    """The AppearanceScores of a vision-language model.

    Parameters
    ----------
    features : of the proposals, float32 [N, D]
    encode_text : M texts -> float32 [M, D]
    logit_scale : of the model
    bank : phrases to contrast with
    layout : of the proposals, for parts and groups; None where they are not masks of objects
    rivals : the bank's names for this model; None to encode them
    guesses : recognises words that nothing is known of; None to take all for known

    """

    def __init__(self, features: Tensor, encode_text: Callable[[list[str]], Tensor], logit_scale: float,
                 bank: PromptBank, layout: Layout | None = None, rivals: RivalNames | None = None,
                 guesses: Guesses | None = None):
        self._features = F.normalize(features, dim=1)
        self._encode_text = encode_text
        self._logit_scale = logit_scale
        self._bank = bank
        self._layout = layout
        self._rivals = rivals or RivalNames(bank, encode_text)
        self._guesses = guesses

    def probability(self, description: Description) -> np.ndarray:
        """Return the probability, float64 [N], that each proposal shows what a description calls it."""
        bank, contrasts = self._bank, self.contrastive_logits(description)
        fit = self._fit(contrasts["name"], bank.name_temperature, bank.name_slope, bank.name_bias,
                        self._name_priors(contrasts["name"]))
        if "colour" in contrasts:
            fit = fit * self._fit(contrasts["colour"], bank.colour_temperature, bank.colour_slope, bank.colour_bias)
        if self._unknown_name(description):
            fit = fit * t.MAX_GUESS
        if self._has_further_words(description) and len(fit):
            # Nothing contrasts with the rest of a phrase: it only chooses among the proposals that fit so far.
            logit = self._logits([description.appearance])[:, 0]
            if bank.statistics is not None:
                logit = logit * bank.name_slope / bank.name_temperature
            fit = fit * np.exp(np.minimum(logit - logit[fit >= 0.5 * fit.max()].max(), 0))
        return fit

    def contrastive_logits(self, description: Description) -> dict[str, Contrast]:
        """Return the logits of a description and of what contrasts with it.

        Returns
        -------
        By kind, "name" and, if the description has one, "colour".

        """
        bank = self._bank
        noun = self._unknown_name(description) or description.head
        if noun in GENERIC_NOUNS:
            noun, name = "object", Contrast(self._name_logits, len(bank.names), self._rivals.log_priors)
        else:
            text = F.normalize(self._encode_text([f"the {noun}"]), dim=1)
            rivals = self._rivals.are_contrasted(noun, bank.statistics)
            nonsense = self._nonsense_logits if self._unknown_name(description) else self._name_logits[:, :0]
            name = Contrast(
                np.concatenate([self._logits_of(text), nonsense, self._name_logits[:, rivals]], axis=1), 1,
                np.concatenate([np.zeros(1 + nonsense.shape[1]), self._rivals.log_priors[rivals]]))
        contrasts = {"name": name}
        if colour := self._colour(description):
            # Calibrations from frames know how far the colours of any object spread, not those of each kind.
            noun = noun if bank.statistics is None else "object"
            other_colours = [f"{other} {noun}" for other in bank.colours if other != colour]
            logits = self._logits([f"{colour} {noun}", *other_colours])
            contrasts["colour"] = Contrast(logits, 1, np.zeros(logits.shape[1]))
        return contrasts

    def _fit(self, contrast: Contrast, temperature: float, slope: float, bias: float,
             log_priors: np.ndarray | None = None) -> np.ndarray:
        if self._bank.statistics is None:
            return positive_probability(contrast.logits, contrast.meant, temperature, log_priors)
        logits = contrast.logits / temperature + (0 if log_priors is None else log_priors)
        meant, rivals = np.split(logits, [contrast.meant], axis=1)
        odds = contrastive_log_odds(log_sum_exp(meant), log_sum_exp(rivals))
        probability: np.ndarray = 1 / (1 + np.exp(-(slope * odds + bias).clip(-40, 40)))
        return probability

    def names(self) -> np.ndarray:
        """Return the probabilities of the bank's kinds of objects and background classes, float64 [N, K]."""
        shares = _softmax(self._name_logits, self._bank.name_temperature, self._rivals.log_priors)
        return shares if self._bank.nouns else self._merge_kinds(shares)

    def _merge_kinds(self, shares: np.ndarray) -> np.ndarray:
        """Return probabilities of names with those of one kind added up: a cup may also be called a mug or a teacup.

        The names that are most probable for a proposal are merged with whatever they do not rival.
        """
        names, background = np.split(shares, [len(self._bank.names)], axis=1)
        best = names.argmax(axis=1)[np.argsort(-names.max(axis=1, initial=0), kind="stable")]
        is_free, kinds = np.ones(names.shape[1], bool), []
        for name in dict.fromkeys(best.tolist()):
            kind = is_free & ~self._bank.rivals(self._bank.names[name])
            kinds.append(names[:, kind].sum(axis=1))
            is_free &= ~kind
        return np.column_stack([*kinds, names[:, is_free], background])

    def colours(self) -> np.ndarray:
        """Return the probabilities of the bank's colours, float64 [N, C]."""
        logits = self._logits([f"{colour} object" for colour in self._bank.colours])
        return _softmax(logits, self._bank.colour_temperature)

    @cached_property
    def _name_logits(self) -> np.ndarray:
        return self._logits_of(self._rivals.features)

    @cached_property
    def _nonsense_logits(self) -> np.ndarray:
        assert self._guesses is not None
        return self._logits_of(self._guesses.nonsense)

    @cached_property
    def best_logit(self) -> float:
        """The highest logit of each proposal among the bank's phrases: its mean over those that show objects."""
        # Each proposal counts as much as it is probably an object.
        objects = self._objects
        return float((objects * self._name_logits.max(axis=1)).sum() / max(1e-12, objects.sum()))

    @cached_property
    def _missing_logit(self) -> float:
        """How much less the best phrases score in this image than in those that the bank was fitted to.

        The highest logit tells how familiar the objects look (Hendrycks et al., arXiv 1911.11132). In an unfamiliar
        world the right name scores less as well, though not the best of its rivals.
        """
        bank = self._bank
        if not bank.typical_logit or bank.statistics is not None or self._layout is None:
            return 0.0
        count = float(self._objects.sum())
        missing = (bank.typical_logit - self.best_logit) * count / (count + t.FAMILIAR_OBJECTS)
        return min(max(missing, 0.0), t.MAX_MISSING_LOGIT)

    @cached_property
    def _objects(self) -> np.ndarray:
        """The probability that each proposal shows an object of any name, float64 [N]."""
        return positive_probability(self._name_logits, len(self._bank.names), self._bank.name_temperature,
                                    self._rivals.log_priors)

    @cached_property
    def _background_priors(self) -> np.ndarray:
        """The log prior of each background class for each proposal, float64 [N, classes]."""
        bank = self._bank
        prior = np.ones((len(self._features), len(bank.background_classes)))
        if self._layout is not None:
            for name, compute_prior in ((PART, part_prior), (GROUP, group_prior)):
                if name in bank.background_classes:
                    prior[:, bank.background_classes.index(name)] = compute_prior(self._layout, self._objects)
        return np.log(prior)

    def _name_priors(self, contrast: Contrast) -> np.ndarray:
        """Return the log priors, float64 [N, K], of a name and its rivals for each proposal."""
        priors = np.tile(contrast.log_priors, (len(self._features), 1))
        priors[:, priors.shape[1] - self._background_priors.shape[1]:] += self._background_priors
        priors[:, :contrast.meant] += self._missing_logit / self._bank.name_temperature
        return priors

    def _unknown_name(self, description: Description) -> str:
        return self._guesses.unknown_name(description) if self._guesses is not None else ""

    def _colour(self, description: Description) -> str:
        words = " ".join(description.attributes).split()
        return next((word for word in words if word in self._bank.colours), "")

    def _has_further_words(self, description: Description) -> bool:
        name = "" if description.head in GENERIC_NOUNS else description.head
        return bool(set(description.appearance.split()) - {name, self._colour(description), *GENERIC_NOUNS})

    def _logits(self, texts: list[str]) -> np.ndarray:
        return self._logits_of(F.normalize(self._encode_text([f"the {text}" for text in texts]), dim=1))

    def _logits_of(self, encoded: Tensor) -> np.ndarray:
        """Return the logits, float64 [N, M], of normalised text features [M, D]."""
        if self._bank.statistics is not None:
            return self._bank.statistics.standardize(self._features.cpu().numpy(), encoded.cpu().numpy())
        logits: np.ndarray = (self._logit_scale * self._features @ encoded.T).double().cpu().numpy()
        return logits


def positive_probability(logits: np.ndarray, meant: int, temperature: float, log_priors: np.ndarray | None = None
                         ) -> np.ndarray:
    """Return the probability, float64 [N], of the first `meant` of K phrases against the rest.

    Parameters
    ----------
    logits : float64 [N, K]
    meant : number of phrases that are meant
    temperature : of the softmax
    log_priors : of the phrases, float64 [K] or [N, K]

    """
    return _softmax(logits, temperature, log_priors)[:, :meant].sum(1)


def _softmax(logits: np.ndarray, temperature: float, log_priors: np.ndarray | None = None) -> np.ndarray:
    logits = logits / temperature if log_priors is None else logits / temperature + log_priors
    shares: np.ndarray = torch.from_numpy(logits).softmax(1).numpy()
    return shares


def contrastive_log_odds(meant: np.ndarray, rivals: np.ndarray, mean_rivals: float | None = None) -> np.ndarray:
    """Return the log-odds, float64 [N], of what is meant against its rivals.

    A softmax takes the rivals of each mask by itself; the published method, which compares cosines, none. The evidence
    of the rivals is between the two: noise of the features moves them as well.

    Parameters
    ----------
    meant, rivals : logits of each mask, float64 [N]; of several phrases, the logarithm of their summed exponentials
    mean_rivals : mean of `rivals` over all masks of the image; None where these are all

    """
    mean = rivals.mean() if mean_rivals is None and len(rivals) else mean_rivals or 0.0
    odds: np.ndarray = meant - (1 - t.MEAN_RIVALS_SHARE) * rivals - t.MEAN_RIVALS_SHARE * mean
    return odds


def log_sum_exp(logits: np.ndarray) -> np.ndarray:
    """Return the logarithm, float64 [N], of the summed exponentials of logits [N, K]."""
    summed: np.ndarray = torch.from_numpy(logits).logsumexp(1).numpy()
    return summed


def part_prior(layout: Layout, objects: np.ndarray) -> np.ndarray:
    """Return the probability, float64 [N], that each proposal lies in a larger one that shows an object.

    Parameters
    ----------
    layout : of the proposals
    objects : float64 [N], the probability of each to show one object

    """
    larger = layout.area[None, :] > t.WHOLE_AREA * layout.area[:, None]
    within = larger * (layout.inside > t.WHOLE_INSIDE) * objects[None, :]
    return within.max(axis=1, initial=t.MISSED_BY_PROPOSALS)


def group_prior(layout: Layout, objects: np.ndarray) -> np.ndarray:
    """Return the probability, float64 [N], that two objects lie in each proposal; parameters as in `part_prior`."""
    share = layout.area[:, None] / layout.area[None, :]
    smallest, largest = t.MEMBER_AREA
    within = (layout.inside > t.WHOLE_INSIDE) & (share > smallest) & (share < largest)
    pairs = (layout.nested < t.GROUP_APART) * np.minimum(objects[:, None], objects[None, :])
    return np.array([pairs[np.ix_(inner, inner)].max(initial=t.MISSED_BY_PROPOSALS) for inner in within.T])
