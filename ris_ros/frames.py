"""An image with all that is known of it: its masks, their features, and what a detector finds for noun phrases.

Each phrase is asked once, boxes are segmented, and the masks of detector and proposer become one set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ris_ros.detection import PhraseDetector
from ris_ros.encoding import MaskFeatures
from ris_ros.grounding import Grounder
from ris_ros.grounding import thresholds as t
from ris_ros.proposals import ImageEmbedding, PromptableProposer
from ris_ros.types import Detections, Proposals
from ris_ros.utils.cancellation import check_cancelled
from ris_ros.utils.masks import box_iou, mask_ious


class FrameDetections:
    """What a phrase detector finds in one image.

    A phrase that was asked before costs nothing, and several new ones cost one pass of the detector.

    Parameters
    ----------
    detector : is asked
    image : uint8 RGB [H, W, 3]; must not change
    proposer, embedding : segment what boxes hold; None where boxes stay boxes

    """

    def __init__(self, detector: PhraseDetector, image: np.ndarray, proposer: PromptableProposer | None = None,
                 embedding: ImageEmbedding | None = None):
        self._detector = detector
        self._image = image
        self._proposer = proposer
        self._image_embedding = embedding
        self._found: dict[str, Detections] = {}

    def ask(self, phrases: Sequence[str]) -> dict[str, Detections]:
        """Return the detections of each phrase, with masks wherever there is a way to have them."""
        if new := [phrase for phrase in dict.fromkeys(phrases) if phrase not in self._found]:
            found = self._detector(self._image, new, embedding=self._embedding)
            # Nothing is kept of a job that is cancelled in between.
            self._found |= dict(zip(new, [self._segmented(one) for one in found], strict=True))
        return {phrase: self._found[phrase] for phrase in phrases}

    @cached_property
    def _embedding(self) -> Any:
        return self._detector.embed(self._image)

    def _segmented(self, found: Detections) -> Detections:
        if found.masks is not None or self._proposer is None or self._image_embedding is None:
            return found
        kept, masks = [], []
        for i, box in enumerate(found.boxes.astype(np.float64)):
            check_cancelled()
            answers = self._proposer.object_in(self._image_embedding, box, np.zeros((0, 2)), np.zeros(0))
            if len(answers):
                fit = [quality * box_iou(own, box) for own, quality in zip(answers.boxes, answers.quality, strict=True)]
                kept.append(i)
                masks.append(answers.masks[int(np.argmax(fit))])
        nothing = np.zeros((0, *self._image.shape[:2]), bool)
        return Detections(found.boxes[kept], found.scores[kept], np.stack(masks) if masks else nothing)


@dataclass(frozen=True, eq=False)
class EncodedFrame:
    """An image, its proposals and their features; immutable.

    Attributes
    ----------
    image : uint8 RGB [H, W, 3]
    proposals : of the image
    features : of the proposals; None without an encoder
    embedding : for further prompts; None where no more masks can be asked for
    detections : answers to the phrases that are asked; None without a detector
    is_given : whether the proposals were given, so that no detection may be added to them

    """

    image: np.ndarray
    proposals: Proposals
    features: MaskFeatures | None
    embedding: ImageEmbedding | None
    detections: FrameDetections | None = None
    is_given: bool = False


@dataclass(frozen=True, eq=False)
class GroundedFrame:
    """A frame with the masks that a detector found for some phrases, ready for queries of these phrases.

    Attributes
    ----------
    frame : extended by the masks
    detected : phrase -> score of the detector for each proposal, float32 [N]; None where none was asked
    grounder : of the proposals; None where there are none

    """

    frame: EncodedFrame
    detected: dict[str, np.ndarray] | None
    grounder: Grounder | None


def merged(proposals: Proposals, found: Mapping[str, Detections], max_iou: float
           ) -> tuple[Proposals, dict[str, np.ndarray]]:
    """Return one set of masks without duplicates, and the scores of each phrase for them.

    Parameters
    ----------
    proposals : come first
    found : detections by phrase; those without masks are assigned to proposals
    max_iou : overlap above which a detection is one of the masks so far

    Returns
    -------
    proposals : those given, followed by the masks that only the detector found
    scores : phrase -> float32 [N]; 0 where nothing was detected

    """
    rows: dict[str, dict[int, float]] = {phrase: {} for phrase in found}
    for phrase, detections in found.items():
        if detections.masks is None:
            _assign(rows[phrase], proposals, detections)
            continue
        for mask, score in zip(detections.masks, detections.scores.tolist(), strict=True):
            overlap = mask_ious(proposals.masks, mask)
            if not len(overlap) or overlap.max() <= max_iou:
                proposals = proposals.extended(Proposals.from_masks(mask[None], np.array([score])))
                overlap = np.append(overlap, 1.0)
            _put(rows[phrase], int(overlap.argmax()), score)
    return proposals, _columns(rows, len(proposals))


def assigned(proposals: Proposals, found: Mapping[str, Detections]) -> dict[str, np.ndarray]:
    """Return the scores of each phrase for given masks, to which nothing may be added; as of :func:`merged`."""
    rows: dict[str, dict[int, float]] = {phrase: {} for phrase in found}
    for phrase, detections in found.items():
        _assign(rows[phrase], proposals, detections)
    return _columns(rows, len(proposals))


def padded(scores: Mapping[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Return the scores for `count` masks, at the last of which nothing was detected."""
    return {phrase: np.pad(values, (0, count - len(values))) for phrase, values in scores.items()}


def _assign(rows: dict[int, float], proposals: Proposals, found: Detections) -> None:
    """Give each detection to the proposal that it overlaps most, by its mask or else by its box, if by enough."""
    for i, score in enumerate(found.scores.tolist()):
        overlap = (np.array([box_iou(box, found.boxes[i]) for box in proposals.boxes]) if found.masks is None
                   else mask_ious(proposals.masks, found.masks[i]))
        if len(overlap) and overlap.max() >= t.ASSIGNED_IOU:
            _put(rows, int(overlap.argmax()), score)


def _put(rows: dict[int, float], row: int, score: float) -> None:
    rows[row] = max(rows.get(row, 0.0), score)


def _columns(rows: Mapping[str, Mapping[int, float]], count: int) -> dict[str, np.ndarray]:
    columns = {phrase: np.zeros(count, np.float32) for phrase in rows}
    for phrase, scores in rows.items():
        columns[phrase][list(scores)] = list(scores.values())
    return columns
