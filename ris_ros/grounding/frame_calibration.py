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

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ris_ros.errors import InputError
from ris_ros.grounding.appearance import contrastive_log_odds, log_sum_exp
from ris_ros.grounding.feature_statistics import FeatureStatistics, ScoreCorrelation
from ris_ros.grounding.prompt_bank import FRAMES, SHARES, PromptBank
from ris_ros.grounding.rivals import RivalNames

VERSION = 1
"""Of this method and its constants: stored calibrations of other versions are made anew."""
MIN_IMAGES, MIN_MASKS = 3, 60
SHARPNESS = 6.0
"""Logits per standard score. Tuned on weakened encoders and validation scenes: it ranks present above absent best."""
CONFIDENT_SHARE = 0.2
"""Share of the masks, those with the best scores in one view, that are tested in the other."""
MIN_SPREAD = 0.5
"""Least standard deviation of the scores of right names."""
MISS_COST = 3.0
"""Of calling a present object absent, relative to finding an absent one, in the choice of the threshold."""
BIAS_PENALTY = 0.003
"""Keeps the bias small where present and absent are far apart, and their middle is not well determined."""
PRESENT_ODDS = 2.0
"""Of present to absent objects in the fit of the probabilities."""
COMMON_NAMES = (
    "person", "dog", "cat", "bird", "horse", "cow", "sheep", "elephant", "bear", "zebra", "giraffe", "car",
    "bicycle", "train", "airplane", "boat", "cup", "glass", "bottle", "can", "bowl", "plate", "fork", "knife",
    "spoon", "pot", "vase", "box", "book", "ball", "block", "cone", "banana", "apple", "orange", "sandwich",
    "cake", "pizza", "donut", "carrot", "broccoli", "food", "chair", "sofa", "bed", "desk", "cabinet", "lamp",
    "door", "window", "mirror", "clock", "television", "laptop", "keyboard", "mouse", "remote", "phone", "camera",
    "pen", "scissors", "screwdriver", "tape", "cable", "bag", "umbrella", "hat", "shoe", "shirt", "towel", "toy",
    "plant", "flower", "tree", "sink", "toilet", "refrigerator", "oven", "microwave", "toothbrush", "paper",
    "sign", "skateboard", "kite", "racket")
"""Names of household and street scenes, by which right scores are estimated: among thousands of names, the best one of
a mask is too often a wrong one."""
MIN_COMMON = 20
"""With fewer of these among the names, as the user may replace them, right scores are estimated by all names."""
SIMULATED_PER_IMAGE = 24
CORRELATION = 0.2
"""Of the errors of the global and the local view of a mask."""


@dataclass(frozen=True)
class _RightScores:
    """Normal distribution of the standard scores of right texts."""

    mean: float
    deviation: float


@dataclass(frozen=True, eq=False)
class MaskViews:
    """The features of all masks of some images, in two views that make different errors.

    Attributes
    ----------
    first, second : float64 [M, D], unnormalised, such as the global and the local feature
    first_share : share of the first view in the fusion, 0..1
    fused : float64 [M, D], normalised
    counts : number of masks of each image, in their order

    """

    first: np.ndarray
    second: np.ndarray
    first_share: float
    fused: np.ndarray
    counts: list[int]


def calibrate_from_frames(views: MaskViews, bank: PromptBank, encode_text: Callable[[list[str]], Tensor],
                          fingerprint: str, visual_weight: float, *, source: str = FRAMES,
                          max_false_absence: float = 0.05, seed: int = 0) -> PromptBank:
    """Fit a bank's probabilities and threshold to the features of unlabelled images.

    Parameters
    ----------
    views : features of all masks of the images
    bank : the phrases to contrast with
    encode_text : M texts -> float32 [M, D]
    fingerprint : of the encoder's weights
    visual_weight : share of the global feature in the fusion
    source : of the images, FRAMES or STOCK_IMAGES
    max_false_absence : share of the present objects that may be called absent, 0..1
    seed : of the simulation

    Raises
    ------
    InputError
        When there are too few images or masks, or the features are constant or not finite.

    """
    if len(views.counts) < MIN_IMAGES or len(views.fused) < MIN_MASKS:
        raise InputError(f"a calibration needs at least {MIN_IMAGES} images with {MIN_MASKS} masks in all; there are "
                         f"{len(views.counts)} with {len(views.fused)}")
    bank = replace(bank.without_statistics(), typical_logit=0.0)
    statistics = FeatureStatistics.fit(views.fused)
    names = _names(bank, RivalNames(bank, encode_text), statistics, views)
    colours = _colours(bank, encode_text, statistics, views)
    rng = np.random.default_rng(seed)
    simulated = [_simulate(rows, names, colours, rng) for rows in np.split(np.arange(len(views.fused)), np.cumsum(
        views.counts)[:-1]) for _ in range(SIMULATED_PER_IMAGE)]
    name_slope, name_bias = _fit_logistic([one.names.max() for one in simulated],
                                          [one.absent_names.max() for one in simulated],
                                          [one.name_absence for one in simulated])
    colour_slope, colour_bias = _fit_logistic([one.colours[one.mask] for one in simulated],
                                              [one.absent_colours[one.mask] for one in simulated],
                                              [one.colour_absence for one in simulated])
    present, absent, absence = [], [], []
    for one in simulated:
        name, absent_name = (_sigmoid(name_slope * odds + name_bias) for odds in (one.names, one.absent_names))
        colour, absent_colour = (_sigmoid(colour_slope * odds + colour_bias)
                                 for odds in (one.colours, one.absent_colours))
        present += [name.max(), (name * colour).max()]
        absent += [absent_name.max(), (name * absent_colour).max()]
        absence += [one.name_absence, one.colour_absence]
    thresholds = np.quantile(present, SHARES).round(4).tolist()
    bank = replace(bank, false_absences=tuple(zip(thresholds, SHARES, strict=True)), calibrated_by=source,
                   fingerprint=fingerprint, visual_weight=visual_weight)
    best = _best_threshold(np.array(present), np.array(absent), np.array(absence))
    return replace(bank, name_temperature=1 / SHARPNESS, colour_temperature=1 / SHARPNESS, name_slope=name_slope,
                   name_bias=name_bias, colour_slope=colour_slope, colour_bias=colour_bias, statistics=statistics,
                   min_confidence=round(min(best, bank.threshold(max_false_absence)), 4))


@dataclass(frozen=True, eq=False)
class _Texts:
    """Texts of one kind, names or colours, with their scores.

    Attributes
    ----------
    scores : standard scores, float64 [M, T] of all masks
    log_priors : float64 [T]
    right : scores of right texts
    probability : float64 [T], with which a text is asked for
    is_rival : index of a text -> which ones it is contrasted with, bool [T]
    correlation : index of a text -> correlation of its scores with those of each text, float64 [T]

    """

    scores: np.ndarray
    log_priors: np.ndarray
    right: _RightScores
    probability: np.ndarray
    is_rival: Callable[[int], np.ndarray]
    correlation: Callable[[int], np.ndarray]


def _names(bank: PromptBank, rivals: RivalNames, statistics: FeatureStatistics, views: MaskViews) -> _Texts:
    texts = rivals.features.double().cpu().numpy()
    common = np.flatnonzero(np.isin(bank.names, COMMON_NAMES))
    if bank.nouns or len(common) < MIN_COMMON:
        common = np.arange(len(bank.names))
    # Names that the model cannot tell apart, such as those that it does not know, count as one.
    _, distinct = np.unique(rivals.same_feature[common], return_index=True)
    common = common[np.sort(distinct)]
    probability = np.zeros(len(texts))
    probability[common] = 1 / len(common)
    correlation = rivals.correlation(statistics)
    return _Texts(statistics.standardize(views.fused, texts), rivals.log_priors, _right_scores(views, texts[common]),
                  probability, lambda text: rivals.are_contrasted(bank.names[text], statistics),
                  lambda text: correlation.of(texts[text]))


def _colours(bank: PromptBank, encode_text: Callable[[list[str]], Tensor], statistics: FeatureStatistics,
             views: MaskViews) -> _Texts:
    count = len(bank.colours)
    encoded = F.normalize(encode_text([f"the {colour} object" for colour in bank.colours]), dim=1)
    texts = encoded.double().cpu().numpy()
    correlation = ScoreCorrelation(statistics, texts)
    return _Texts(statistics.standardize(views.fused, texts), np.zeros(count), _right_scores(views, texts),
                  np.full(count, 1 / count), lambda text: np.arange(count) != text,
                  lambda text: correlation.of(texts[text]))


def _right_scores(views: MaskViews, texts: np.ndarray) -> _RightScores:
    """Estimate the scores of right texts for the fused features by testing each view's best text on the other."""
    norms, spreads, scores = [], [], []
    for features in (views.first, views.second):
        norm = np.linalg.norm(features, axis=1, keepdims=True)
        unit = features / norm
        statistics = FeatureStatistics.fit(unit)
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
    share, mean, deviation = 0.5, max(float(scores.mean()), 1.0), max(0.3, float(scores.std()))
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
    absent_names, absent_colours : of a name that the image does not show, and of a colour that the mask does not have
    name_absence, colour_absence : probability that they are indeed absent

    """

    mask: int
    names: np.ndarray
    colours: np.ndarray
    absent_names: np.ndarray
    absent_colours: np.ndarray
    name_absence: float
    colour_absence: float


def _simulate(rows: np.ndarray, names: _Texts, colours: _Texts, rng: np.random.Generator) -> _Simulated:
    """Simulate a present and an absent object among the masks of one image, which are the given rows of the scores."""
    mask = int(rng.integers(len(rows)))
    name, colour = (int(rng.choice(len(texts.probability), p=texts.probability)) for texts in (names, colours))

    def simulate(texts: _Texts, text: int) -> tuple[np.ndarray, np.ndarray]:
        scores, shown = texts.scores[rows], _shown(texts, rows[mask], text, rng)
        rivals = _rivals(texts, text, scores)
        absent = _log_odds(scores[:, text], rivals)
        present = absent.copy()
        present[mask] = _log_odds(shown[:, text], _rivals(texts, text, shown), float(rivals.mean()))[0]
        return present, absent

    present_names, absent_names = simulate(names, name)
    present_colours, absent_colours = simulate(colours, colour)
    name_shown = _right_probability(names.scores[rows, name], names.right, names.probability[name])
    colour_shown = _right_probability(colours.scores[rows[mask], colour], colours.right, colours.probability[colour])
    return _Simulated(mask, present_names, present_colours, absent_names, absent_colours,
                      float(np.prod(1 - name_shown)), float(1 - colour_shown))


def _right_probability(scores: np.ndarray, right: _RightScores, prior: float) -> np.ndarray:
    """Return the probability that a text with these scores and this prior is the right one."""
    # A wide distribution: masks that show their object badly score less than the confident ones it was fitted to.
    odds = _normal(np.minimum(scores, right.mean), right.mean, 1.0) / _normal(scores, 0.0, 1.0) * prior
    probability: np.ndarray = odds / (1 + odds)
    return probability


def _shown(texts: _Texts, row: int, right: int, rng: np.random.Generator) -> np.ndarray:
    """Return scores, float64 [1, T], of a mask as if `right` were the right text.

    The best text so far may have been right, and is no longer. Texts with similar features follow, as far as their
    scores are correlated.
    """
    scores = texts.scores[row]
    best = int(scores.argmax())
    scores = scores + texts.correlation(best) * (np.partition(scores, -2)[-2] - scores[best])
    score = rng.normal(texts.right.mean, texts.right.deviation)
    moved = scores + texts.correlation(right) * (score - scores[right])
    moved[right] = score
    return moved[None]


def _rivals(texts: _Texts, text: int, scores: np.ndarray) -> np.ndarray:
    """Return the logits, float64 [N], of all rivals of a text together for scores [N, T]."""
    return log_sum_exp((SHARPNESS * scores + texts.log_priors)[:, texts.is_rival(text)])


def _log_odds(scores: np.ndarray, rivals: np.ndarray, mean_rivals: float | None = None) -> np.ndarray:
    """Return the log-odds, float64 [N], of a text with these scores, as if asked for; see `contrastive_log_odds`."""
    return contrastive_log_odds(SHARPNESS * scores, rivals, mean_rivals).clip(-20, 20)


def _fit_logistic(present: list[float], absent: list[float], absence: list[float]) -> tuple[float, float]:
    """Return the slope and bias of the logistic function that tells present from absent.

    Present ones weigh PRESENT_ODDS times as much as absent ones together; each of the latter counts with the
    probability that it is absent.
    """
    from scipy.optimize import minimize

    odds = np.array([*present, *absent])
    sign = np.array([1.0] * len(present) + [-1.0] * len(absent))
    weight = np.array([PRESENT_ODDS / len(present)] * len(present) + (np.array(absence) / sum(absence)).tolist())

    def loss(values: np.ndarray) -> float:
        surprise = np.logaddexp(0, -sign * (values[0] * odds / 10 + values[1]))
        return float((weight * surprise).sum() + BIAS_PENALTY * values[1]**2)

    slope, bias = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return max(float(slope) / 10, 1e-3), float(bias)


def _best_threshold(present: np.ndarray, absent: np.ndarray, absence: np.ndarray) -> float:
    """Return the threshold of the lowest cost: MISS_COST for present objects below it, 1 for absent ones above."""
    candidates = np.quantile(present, np.linspace(0, 0.5, 101))
    missed = (present[None] < candidates[:, None]).mean(axis=1)
    found = ((absent[None] >= candidates[:, None]) * absence).sum(axis=1) / absence.sum()
    return float(candidates[np.argmin(MISS_COST * missed + found)])


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def _normal(values: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    return np.exp(-((values - mean) / deviation)**2 / 2) / deviation
