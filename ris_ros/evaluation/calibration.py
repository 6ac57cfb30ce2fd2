"""Calibration: fit the temperatures and the confidence threshold of a model to labelled images.

Temperatures (Guo et al., arXiv 1706.04599) maximise the likelihood of masks, proposed and true, for the expressions
that only describe appearance. The threshold is a low quantile of the confidences of present objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
from torch import Tensor

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets.folder import Sample
from ris_ros.grounding import AppearanceScorer, Grounder, Layout, PromptBank
from ris_ros.grounding.appearance import Contrast, positive_probability
from ris_ros.grounding.decision import choose
from ris_ros.grounding.prompt_bank import LABELS, SHARES
from ris_ros.segmenter import ReferringSegmenter
from ris_ros.types import CameraModel, Depth, Description, Proposals, Query
from ris_ros.utils.masks import mask_ious

MIN_SHOWN_IOU, MAX_NOT_SHOWN_IOU = 0.75, 0.45
"""A mask shows its target from the first IoU on, and does not below the second; masks in between are left out."""
MAX_FALSE_ABSENCES = 0.035
"""Share of the present objects that the threshold may miss."""
FAMILIAR_SHARE = 0.75
"""Share of the images whose objects look less familiar than what later images are compared with: a calibration may be
fitted to images of several worlds, of which the model knows some better."""
MAX_THRESHOLD = 0.5
"""Upper bound of the fitted confidence threshold."""
MIN_EXPRESSIONS = 20
"""Expressions about appearance alone that a calibration needs."""


@dataclass(frozen=True, eq=False)
class _LabelledImage:
    """One image's masks and the expressions about it.

    Attributes
    ----------
    features : float32 [N, D], of the proposals first, then of the true masks
    proposed : number of proposals
    layout : of the proposals
    queries : each with whether its target is in the image
    labels : descriptions of appearance alone, each with float64 [N]: 1 where a mask shows it, 0 where it does not, NaN
        where that is not clear

    """

    features: Tensor
    proposed: int
    layout: Layout
    queries: list[tuple[Query, bool]]
    labels: list[tuple[Description, np.ndarray]]


MAX_PHRASES = 200
"""Phrases of one description that the temperatures are fitted with: those that come closest to some mask."""


def calibrate(segmenter: ReferringSegmenter, samples: Iterable[Sample], bank: PromptBank, *,
              max_false_absence: float = MAX_FALSE_ABSENCES) -> PromptBank:
    """Fit a bank's temperatures and threshold to a data set.

    Parameters
    ----------
    segmenter : proposes, encodes and parses; the calibration holds for its configuration
    samples : expressions about images, those about one image together
    bank : the phrases to contrast with
    max_false_absence : share of the present objects that may be called absent, 0..1

    Raises
    ------
    InputError
        When too few expressions describe appearance alone, or none names an absent object.

    """
    # Labels fit temperatures of logits, not of the standard scores of frames.
    bank = replace(bank.without_statistics(), typical_logit=0.0)
    images = [_label(segmenter, list(group)) for _, group in groupby(samples, key=lambda sample: sample.image)]
    present = {is_present for image in images for _, is_present in image.queries}
    count = sum(len(image.labels) for image in images)
    if count < MIN_EXPRESSIONS or present != {True, False}:
        raise InputError(f"a calibration needs at least {MIN_EXPRESSIONS} expressions that describe appearance "
                         f"alone (there are {count}), some of them of absent objects")
    labels = [({kind: _closest_phrases(contrast) for kind, contrast in scorer.contrastive_logits(description).items()},
               shown) for image in images for scorer in [_scorer(segmenter, image.features, bank)]
              for description, shown in image.labels]
    bank = _fit_temperatures(bank, labels)
    levels = [_proposal_scorer(segmenter, image, bank).best_logit for image in images if image.proposed]
    if levels:
        bank = replace(bank, typical_logit=round(float(np.quantile(levels, FAMILIAR_SHARE)), 2))
    confidences = sorted(confidence for image in images
                         for confidence, is_present in _confidences(segmenter, image, bank) if is_present)
    thresholds = np.quantile(confidences, SHARES).clip(0, MAX_THRESHOLD).round(4).tolist()
    bank = replace(bank, false_absences=tuple(zip(thresholds, SHARES, strict=True)), calibrated_by=LABELS,
                   fingerprint=segmenter.encoder.fingerprint, visual_weight=segmenter.visual_weight)
    return replace(bank, min_confidence=round(bank.threshold(max_false_absence), 4))


def _label(segmenter: ReferringSegmenter, samples: list[Sample]) -> _LabelledImage:
    image, ids = samples[0].read_image(), samples[0].read_masks()
    proposed = segmenter.proposer(image)
    true = ids == np.unique(ids[ids > 0])[:, None, None]
    masks = np.concatenate([proposed.masks, true])
    segmenter.set_image(image, Proposals.from_masks(masks))
    features = segmenter.visual_features()
    depth = None
    if samples[0].depth is not None and samples[0].intrinsics is not None:
        depth = Depth(samples[0].read_depth(), CameraModel(samples[0].intrinsics))
    queries: list[tuple[Query, bool]] = []
    labels: list[tuple[Description, np.ndarray]] = []
    for sample in samples:
        query = segmenter.parser.parse(sample.text)
        queries.append((query, bool(sample.targets)))
        if len(query.targets) == 1 and _describes_appearance_alone(query.target):
            labels.append((query.target, _shown(masks, np.isin(ids, sample.targets))))
    return _LabelledImage(features, len(proposed), Layout.measure(proposed, depth), queries, labels)


def _describes_appearance_alone(description: Description) -> bool:
    return not (description.region or description.ranking or description.relations or description.excluded
                or description.count != 1)


def _shown(masks: np.ndarray, truth: np.ndarray) -> np.ndarray:
    iou = mask_ious(masks, truth)
    return np.where(iou >= MIN_SHOWN_IOU, 1.0, np.where(iou < MAX_NOT_SHOWN_IOU, 0.0, np.nan))


def _scorer(segmenter: ReferringSegmenter, features: Tensor, bank: PromptBank, layout: Layout | None = None
            ) -> AppearanceScorer:
    encoder = segmenter.encoder
    return AppearanceScorer(features, encoder.encode_text, encoder.logit_scale, bank, layout)


def _proposal_scorer(segmenter: ReferringSegmenter, image: _LabelledImage, bank: PromptBank) -> AppearanceScorer:
    return _scorer(segmenter, image.features[:image.proposed], bank, image.layout)


def _closest_phrases(contrast: Contrast) -> Contrast:
    """Return a contrast with no more than MAX_PHRASES, which saves memory: a vocabulary has thousands."""
    if contrast.logits.shape[1] <= max(MAX_PHRASES, contrast.meant):
        return contrast
    highest = (contrast.logits + contrast.log_priors).max(axis=0)
    highest[:contrast.meant] = np.inf
    kept = np.sort(np.argsort(-highest, kind="stable")[:max(MAX_PHRASES, contrast.meant + 1)])
    return Contrast(contrast.logits[:, kept], contrast.meant, contrast.log_priors[kept])


def _fit_temperatures(bank: PromptBank, labels: list[tuple[dict[str, Contrast], np.ndarray]]) -> PromptBank:
    """Return the bank with the temperatures of maximum likelihood."""
    from scipy.optimize import minimize

    # For each expression only the masks that clearly show its target or clearly do not.
    clear = [({kind: replace(contrast, logits=contrast.logits[~np.isnan(shown)])
               for kind, contrast in contrasts.items()}, shown[~np.isnan(shown)]) for contrasts, shown in labels]
    shown = np.concatenate([of_one for _, of_one in clear]) > 0
    groups = _stacked(clear)

    def settings(values: np.ndarray) -> dict[str, float]:
        return {"name_temperature": float(np.exp(values[0])), "colour_temperature": float(np.exp(values[1]))}

    def negative_log_likelihood(values: np.ndarray) -> float:
        temperatures, fit = settings(values), np.ones(len(shown))
        for kind, contrast, rows in groups:
            fit[rows] *= positive_probability(contrast.logits, contrast.meant, temperatures[f"{kind}_temperature"],
                                              contrast.log_priors)
        fit = fit.clip(1e-6, 1 - 1e-6)
        return -np.log(np.where(shown, fit, 1 - fit)).mean()

    # Scipy's default initial simplex at 0 is too small to measure a difference.
    start = np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]])
    # Bounded, because on few images a model may make no errors.
    found = minimize(negative_log_likelihood, start[0], method="Nelder-Mead", bounds=[(-0.7, 2.0)] * 2,
                     options={"initial_simplex": start, "xatol": 0.01, "fatol": 1e-6})
    temperatures: dict[str, Any] = {name: round(value, 3) for name, value in settings(found.x).items()}
    return replace(bank, **temperatures)


def _stacked(labels: list[tuple[dict[str, Contrast], np.ndarray]]) -> list[tuple[str, Contrast, np.ndarray]]:
    """Stack contrasts of one kind and shape: kind, contrast of R masks, log_priors [R, K], and their rows, int [R]."""
    groups: dict[tuple[str, int, int], list[tuple[Contrast, np.ndarray]]] = {}
    start = 0
    for contrasts, shown in labels:
        rows = np.arange(start, start := start + len(shown))
        for kind, contrast in contrasts.items():
            groups.setdefault((kind, contrast.meant, contrast.logits.shape[1]), []).append((contrast, rows))
    return [(kind, Contrast(np.concatenate([one.logits for one, _ in parts]), meant,
                            np.concatenate([np.tile(one.log_priors, (len(rows), 1)) for one, rows in parts])),
             np.concatenate([rows for _, rows in parts])) for (kind, meant, _), parts in groups.items()]


def _confidences(segmenter: ReferringSegmenter, image: _LabelledImage, bank: PromptBank
                 ) -> Iterator[tuple[float, bool]]:
    grounder = Grounder(image.layout, _proposal_scorer(segmenter, image, bank))
    for query, is_present in image.queries:
        yield min(choose(description, grounder).confidence for description in query.targets), is_present
