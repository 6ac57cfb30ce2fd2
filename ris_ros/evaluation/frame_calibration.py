"""Calibrate the confidence of an encoder from unlabelled images.

The features of many masks give a null distribution for every text: nearly all masks show something else (see
`grounding.feature_statistics`). What a mask that does show the object scores is estimated by co-training. The best name
by one view of a mask, its global feature, is tested on the other, its local feature, and the other way round: the
scores of those names are a mixture of wrong names, whose distribution is known, and of right ones, which is fitted by
expectation maximisation. Only masks whose best name scores high take part, as many masks show parts or background.

From both distributions, present and absent objects are simulated among the images' own masks. The log-odds of their
softmax against all other names give a logistic calibration of the confidence, and its quantile over present objects the
threshold of "not here".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch.nn.functional as F  # noqa: N812

from ris_ros.errors import InputError
from ris_ros.grounding import PromptBank, fuse
from ris_ros.grounding.feature_statistics import FeatureStatistics
from ris_ros.grounding.rivals import RivalNames
from ris_ros.segmenter import ReferringSegmenter, text_fingerprint

MIN_IMAGES, MIN_MASKS = 3, 60
SHARPNESS = 6.0
"""Logits per standard score. Tuned on weakened encoders and validation scenes: it ranks present above absent best."""
CONFIDENT_SHARE = 0.2
"""Share of the masks, those with the best scores in one view, that are tested in the other."""
MIN_SPREAD = 0.5
"""Least standard deviation of the scores of right names."""
SIMULATED_PER_IMAGE = 24
CORRELATION = 0.2
"""Of the errors of the global and the local view of a mask."""


@dataclass(frozen=True)
class _RightScores:
    """Normal distribution of the standard scores of right texts."""

    mean: float
    deviation: float


@dataclass(frozen=True, eq=False)
class _Views:
    """Features of all masks of the images, float64 [M, D] each, and how many masks each image has."""

    first: np.ndarray
    second: np.ndarray
    first_share: float
    fused: np.ndarray
    counts: list[int]


def calibrate_from_frames(segmenter: ReferringSegmenter, images: Iterable[np.ndarray], *,
                          max_false_absence: float = 0.05, seed: int = 0) -> PromptBank:
    """Fit a bank's probabilities and threshold to unlabelled images.

    Parameters
    ----------
    segmenter : proposes and encodes; the calibration holds for its models and settings
    images : uint8 RGB [H, W, 3], of the kind that the robot sees; some twenty are enough
    max_false_absence : share of the present objects that may be called absent, 0..1
    seed : of the simulation

    Raises
    ------
    InputError
        When there are too few images or masks, or the features are constant or not finite.

    """
    views = _encode(segmenter, images)
    bank = segmenter.bank.without_statistics()
    statistics = FeatureStatistics.fit(views.fused, text_fingerprint(segmenter.encoder))
    names = _texts(segmenter, [*bank.names, *bank.background_classes])
    all_names = _Phrases(RivalNames(bank, segmenter.encoder.encode_text).log_priors, [
        ~bank.rivals(name) for name in bank.names])
    colours = _texts(segmenter, [f"{colour} object" for colour in bank.colours])
    name_scores = statistics.standardize(views.fused, names)
    colour_scores = statistics.standardize(views.fused, colours)
    right_name = _right_scores(views, names[:len(bank.names)])
    right_colour = _right_scores(views, colours)
    rng = np.random.default_rng(seed)
    simulated = [_simulate(scores, all_names, tints, right_name, right_colour, rng)
                 for scores, tints in zip(_by_image(name_scores, views), _by_image(colour_scores, views), strict=True)
                 for _ in range(SIMULATED_PER_IMAGE)]
    name_slope, name_bias = _fit_logistic([one.names.max() for one in simulated],
                                          [one.absent_name for one in simulated])
    colour_slope, colour_bias = _fit_logistic([one.colours[one.mask] for one in simulated],
                                              [one.absent_colour for one in simulated])
    confidences = []
    for one in simulated:
        name = _sigmoid(name_slope * one.names + name_bias)
        confidences += [name.max(), (name * _sigmoid(colour_slope * one.colours + colour_bias)).max()]
    threshold = float(np.quantile(confidences, max_false_absence))
    return replace(bank, name_temperature=1 / SHARPNESS, colour_temperature=1 / SHARPNESS, name_slope=name_slope,
                   name_bias=name_bias, colour_slope=colour_slope, colour_bias=colour_bias, statistics=statistics,
                   min_confidence=round(threshold, 4))


def _encode(segmenter: ReferringSegmenter, images: Iterable[np.ndarray]) -> _Views:
    first, second, fused, counts = [], [], [], []
    weight, method = segmenter.visual_weight, segmenter.config.method
    has_two_features = segmenter.encoder.has_global_path and 0 < weight < 1
    for image in images:
        masks = segmenter.proposer(image).masks
        if not len(masks):
            continue
        features = segmenter.encoder.encode_masks(image, masks, method=method)
        if has_two_features:
            one, other = features.global_features, features.local_features
        else:
            # Without a second feature, the mirrored image is the other view.
            mirrored = segmenter.encoder.encode_masks(image[:, ::-1].copy(), masks[:, :, ::-1].copy(), method=method)
            one = fuse(*features.for_fusion(weight), weight)
            other = fuse(*mirrored.for_fusion(weight), weight)
        first.append(one.double().cpu().numpy())
        second.append(other.double().cpu().numpy())
        fused.append(F.normalize(fuse(*features.for_fusion(weight), weight), dim=1).double().cpu().numpy())
        counts.append(len(masks))
    if len(counts) < MIN_IMAGES or sum(counts) < MIN_MASKS:
        raise InputError(f"a calibration needs at least {MIN_IMAGES} images with {MIN_MASKS} masks in all; there are "
                         f"{len(counts)} with {sum(counts)}")
    return _Views(np.concatenate(first), np.concatenate(second), weight if has_two_features else 1.0,
                  np.concatenate(fused), counts)


def _texts(segmenter: ReferringSegmenter, phrases: list[str]) -> np.ndarray:
    encoded = segmenter.encoder.encode_text([f"the {phrase}" for phrase in phrases])
    return F.normalize(encoded, dim=1).double().cpu().numpy()


def _by_image(rows: np.ndarray, views: _Views) -> list[np.ndarray]:
    return np.split(rows, np.cumsum(views.counts)[:-1])


def _right_scores(views: _Views, texts: np.ndarray) -> _RightScores:
    """Estimate the scores of right texts for the fused features by testing each view's best text on the other."""
    norms, spreads, scores = [], [], []
    for features in (views.first, views.second):
        norm = np.linalg.norm(features, axis=1, keepdims=True)
        unit = features / norm
        statistics = FeatureStatistics.fit(unit, texts[0])  # Not stored: any text will do for a fingerprint.
        norms.append(float(norm.mean()))
        spreads.append(float((unit @ texts.T).std(axis=0).mean()))
        scores.append(statistics.standardize(unit, texts))
    fitted = [_fit_right_scores(scores[other], scores[one]) for one, other in ((0, 1), (1, 0))]
    share = views.first_share
    weights = [share * norms[0] * spreads[0], (1 - share) * norms[1] * spreads[1]]
    total = np.sqrt(weights[0]**2 + weights[1]**2 + 2 * CORRELATION * weights[0] * weights[1])
    mean = sum(weight * one.mean for weight, one in zip(weights, fitted, strict=True)) / total
    deviation = np.sqrt(sum((weight * one.deviation)**2 for weight, one in zip(weights, fitted, strict=True))) / total
    return _RightScores(float(mean), max(float(deviation), MIN_SPREAD))


def _fit_right_scores(labelled_by: np.ndarray, tested_on: np.ndarray) -> _RightScores:
    """Fit a mixture of right and wrong texts, of which the wrong ones are standard normal; scores are [M, T] each."""
    best = labelled_by.max(axis=1)
    chosen = best >= np.quantile(best, 1 - CONFIDENT_SHARE)
    scores = tested_on[chosen, labelled_by[chosen].argmax(axis=1)]
    share, mean, deviation = 0.5, max(float(scores.mean()), 1.0), float(scores.std())
    for _ in range(200):
        right = share * _normal(scores, mean, deviation)
        right = right / (right + (1 - share) * _normal(scores, 0.0, 1.0) + 1e-300)
        weight = max(float(right.sum()), 1e-9)
        share, mean = float(right.mean()), float((right * scores).sum() / weight)
        deviation = max(0.3, float(np.sqrt((right * (scores - mean)**2).sum() / weight)))
    return _RightScores(mean, deviation)


@dataclass(frozen=True, eq=False)
class _Simulated:
    """A present object that takes the place of one mask of an image, and an absent one; log-odds.

    Attributes
    ----------
    mask : the mask that shows the object
    names, colours : of the object's name and colour, float64 [N], for all masks of the image
    absent_name : the highest of a name that is not there
    absent_colour : of a colour that the mask does not have

    """

    mask: int
    names: np.ndarray
    colours: np.ndarray
    absent_name: float
    absent_colour: float


@dataclass(frozen=True, eq=False)
class _Phrases:
    """The phrases of a softmax: K names of objects or colours, and background classes.

    Attributes
    ----------
    log_priors : float64 [T]
    same : for each name, which names are the same kind, bool [K], itself included

    """

    log_priors: np.ndarray
    same: list[np.ndarray]

    def alike(self, text: int) -> np.ndarray:
        """Return which phrases are the same kind as one of them, bool [T]."""
        alike = np.arange(len(self.log_priors)) == text
        if text < len(self.same):
            alike[:len(self.same)] |= self.same[text]
        return alike


def _simulate(scores: np.ndarray, names: _Phrases, tints: np.ndarray, right_name: _RightScores,
              right_colour: _RightScores, rng: np.random.Generator) -> _Simulated:
    mask, colour = int(rng.integers(len(scores))), int(rng.integers(tints.shape[1]))
    weights = np.exp(names.log_priors[:len(names.same)])  # Names that the model cannot tell apart count as one.
    name = int(rng.choice(len(weights), p=weights / weights.sum()))
    colours = _Phrases(np.zeros(tints.shape[1]), [])
    name_odds, colour_odds = _log_odds(scores, name, names), _log_odds(tints, colour, colours)
    present_names, present_colours = name_odds.copy(), colour_odds.copy()
    present_names[mask] = _log_odds(_replaced(scores[mask], name, names, right_name, rng), name, names)[0]
    present_colours[mask] = _log_odds(_replaced(tints[mask], colour, colours, right_colour, rng), colour, colours)[0]
    return _Simulated(mask, present_names, present_colours, float(name_odds.max()), float(colour_odds[mask]))


def _replaced(scores: np.ndarray, right: int, phrases: _Phrases, distribution: _RightScores, rng: np.random.Generator
              ) -> np.ndarray:
    """Return scores [1, T] as if `right` were the right text: what was best may have been right, and is no longer."""
    alike = phrases.alike(int(scores.argmax()))
    replaced = np.where(alike, np.minimum(scores, scores[~alike].max(initial=-np.inf)), scores)
    replaced[right] = rng.normal(distribution.mean, distribution.deviation)
    return replaced[None]


def _log_odds(scores: np.ndarray, text: int, phrases: _Phrases) -> np.ndarray:
    """Return the log-odds, float64 [N], of one text, as if asked for, against its rivals for scores [N, T]."""
    logits = SHARPNESS * scores
    others = np.where(phrases.alike(text), -np.inf, logits + phrases.log_priors)
    highest = others.max(axis=1)
    odds: np.ndarray = logits[:, text] - highest - np.log(np.exp(others - highest[:, None]).sum(axis=1))
    return odds.clip(-20, 20)


def _fit_logistic(present: list[float], absent: list[float]) -> tuple[float, float]:
    """Return the slope and bias of the logistic function that tells present from absent, both equally likely."""
    from scipy.optimize import minimize

    odds = np.array([*present, *absent])
    sign = np.array([1.0] * len(present) + [-1.0] * len(absent))

    def loss(values: np.ndarray) -> float:
        return float(np.logaddexp(0, -sign * (values[0] * odds / 10 + values[1])).mean())

    slope, bias = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return max(float(slope) / 10, 1e-3), float(bias)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def _normal(values: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    return np.exp(-((values - mean) / deviation)**2 / 2) / deviation
