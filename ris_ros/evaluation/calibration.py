"""Fit what turns a model's cosines into chances, and the least chance at which something is said to be there.

Temperatures (Guo et al., arXiv 1706.04599) are those under which the looks of masks, proposed and true, are likeliest
to be right for the expressions that say nothing but looks; the threshold is where few present things are missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
from torch import Tensor

from ris_ros.errors import InputError
from ris_ros.evaluation.folder import Sample
from ris_ros.grounding import AppearanceScorer, Grounder, PromptBank
from ris_ros.grounding.appearance import probability
from ris_ros.grounding.decision import choose
from ris_ros.grounding.layout import Layout, measure
from ris_ros.segmenter import ReferringSegmenter
from ris_ros.types import CameraModel, Depth, Description, Proposals, Query

# A mask that overlaps its target by this much shows it; one that overlaps it by less than the second does not.
SHOWN, NOT_SHOWN = 0.75, 0.45
# Share of present things that the threshold may miss. However few it misses, it does not rise beyond an even chance.
MISSED, EVEN = 0.035, 0.5
LEAST_EXPRESSIONS = 20


@dataclass(frozen=True, eq=False)
class _Picture:
    """One picture's proposals, first, and true masks: features [N, D]; and what is asked about it."""

    features: Tensor
    proposed: int
    layout: Layout
    queries: list[tuple[Query, bool]]
    looks: list[tuple[Description, np.ndarray]]  # float64 [N]: 1 shows it, 0 does not, NaN is hard to say


def calibrate(segmenter: ReferringSegmenter, samples: Iterable[Sample], bank: PromptBank) -> dict[str, Any]:
    """A calibration for ``ris.json``: the bank, with temperatures and threshold fitted to a data set.

    Parameters
    ----------
    segmenter : proposes, encodes and reads; its configuration is what the calibration will be right for
    samples : expressions about pictures, those about one picture together
    bank : its words

    Raises
    ------
    InputError
        When too few expressions say nothing but looks, or none asks for what is not there.

    """
    pictures = [_look(segmenter, list(group)) for _, group in groupby(samples, key=lambda sample: sample.image)]
    present = {here for picture in pictures for _, here in picture.queries}
    count = sum(len(picture.looks) for picture in pictures)
    if count < LEAST_EXPRESSIONS or present != {True, False}:
        raise InputError(f"a calibration needs at least {LEAST_EXPRESSIONS} expressions that say nothing but looks "
                         f"(there are {count}), some of them of things that are not there")
    bank = _fitted(bank, [(_judge(segmenter, picture.features, bank).contrastive_logits(description), shown)
                          for picture in pictures for description, shown in picture.looks])
    confidences = sorted(confidence for picture in pictures
                         for confidence, here in _confidences(segmenter, picture, bank) if here)
    bank = replace(bank, min_confidence=round(min(float(np.quantile(confidences, MISSED)), EVEN), 4))
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(bank).items()}


def _look(segmenter: ReferringSegmenter, samples: list[Sample]) -> _Picture:
    image, ids = samples[0].read_image(), samples[0].read_masks()
    proposed = segmenter.proposer(image)
    true = ids == np.unique(ids[ids > 0])[:, None, None]
    masks = np.concatenate([proposed.masks, true])
    segmenter.set_image(image, Proposals.from_masks(masks))
    features = segmenter.visual_features()
    depth = None
    if samples[0].depth is not None and samples[0].intrinsics is not None:
        depth = Depth(samples[0].read_depth(), CameraModel(samples[0].intrinsics))
    queries, looks = [], []
    for sample in samples:
        query = segmenter.parser.parse(sample.text)
        queries.append((query, bool(sample.targets)))
        if len(query.targets) == 1 and _says_only_looks(query.target):
            looks.append((query.target, _shown(masks, np.isin(ids, sample.targets))))
    return _Picture(features, len(proposed), measure(proposed, depth), queries, looks)


def _says_only_looks(description: Description) -> bool:
    return not (description.region or description.ranking or description.relations or description.excluded
                or description.count != 1)


def _shown(masks: np.ndarray, truth: np.ndarray) -> np.ndarray:
    union = (masks | truth).sum(axis=(1, 2))
    iou = (masks & truth).sum(axis=(1, 2)) / np.maximum(union, 1)
    return np.where(iou >= SHOWN, 1.0, np.where(iou < NOT_SHOWN, 0.0, np.nan))


def _judge(segmenter: ReferringSegmenter, features: Tensor, bank: PromptBank, layout: Layout | None = None) -> AppearanceScorer:
    encoder = segmenter.encoder
    return AppearanceScorer(features, encoder.encode_text, encoder.logit_scale, bank, layout)


def _fitted(bank: PromptBank, looks: list[tuple[dict[str, tuple[np.ndarray, int]], np.ndarray]]) -> PromptBank:
    """The bank with the temperatures of the greatest likelihood."""
    from scipy.optimize import minimize

    # Of each expression only the masks that clearly show its target or clearly do not.
    clear = [({kind: (logits[~np.isnan(shown)], meant) for kind, (logits, meant) in contrastive_logits.items()},
              shown[~np.isnan(shown)]) for contrastive_logits, shown in looks]
    shown = np.concatenate([of_one for _, of_one in clear]) > 0
    groups = _alike(clear)

    def settings(values: np.ndarray) -> dict[str, float]:
        return {"name_temperature": float(np.exp(values[0])), "colour_temperature": float(np.exp(values[1]))}

    def surprise(values: np.ndarray) -> float:
        now, fits = settings(values), np.ones(len(shown))
        for kind, meant, logits, rows in groups:
            fits[rows] *= probability(logits, meant, now[f"{kind}_temperature"])
        fits = fits.clip(1e-6, 1 - 1e-6)
        return -np.log(np.where(shown, fits, 1 - fits)).mean()

    # Scipy's own first steps from 0 are too small to see a difference.
    start = np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 0.5]])
    # Bounded, as few pictures would have it that a model is never wrong.
    found = minimize(surprise, start[0], method="Nelder-Mead", bounds=[(-0.7, 2.0)] * 2,
                     options={"initial_simplex": start, "xatol": 0.01, "fatol": 1e-6})
    return replace(bank, **{name: round(value, 3) for name, value in settings(found.x).items()})


def _alike(looks: list[tuple[dict[str, tuple[np.ndarray, int]], np.ndarray]]
           ) -> list[tuple[str, int, np.ndarray, np.ndarray]]:
    """Contrasts of one kind and shape together: kind, phrases meant, logits [R, K] and whose, int [R], they are."""
    groups: dict[tuple[str, int, int], list[tuple[np.ndarray, np.ndarray]]] = {}
    start = 0
    for contrastive_logits, shown in looks:
        rows = np.arange(start, start := start + len(shown))
        for kind, (logits, meant) in contrastive_logits.items():
            groups.setdefault((kind, meant, logits.shape[1]), []).append((logits, rows))
    return [(kind, meant, *map(np.concatenate, zip(*parts, strict=True))) for (kind, meant, _), parts in groups.items()]


def _confidences(segmenter: ReferringSegmenter, picture: _Picture, bank: PromptBank) -> Iterator[tuple[float, bool]]:
    features = picture.features[:picture.proposed]
    grounder = Grounder(picture.layout, _judge(segmenter, features, bank, picture.layout).looks())
    for query, here in picture.queries:
        yield min(choose(description, grounder).confidence for description in query.targets), here
