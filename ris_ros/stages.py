"""The masks of an image as they come: those of the first prompts, all, and those that a search adds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from ris_ros.config import ProposalsConfig
from ris_ros.frames import EncodedFrame, GroundedFrame, padded
from ris_ros.grounding import Grounder, PatchSearch, still_missing
from ris_ros.grounding import thresholds as t
from ris_ros.grounding.search import MatchingRegion
from ris_ros.proposals import ImageEmbedding, PromptableProposer
from ris_ros.types import Proposals
from ris_ros.utils.cancellation import check_cancelled


class StagedFrame:
    """An image whose masks come in stages: those of the first prompts, of some more, then all.

    Parameters
    ----------
    image : uint8 RGB [H, W, 3]
    first : each returns the frame with the masks of more prompts
    all_masks : returns the frame with all masks; is called again where it was cancelled

    """

    def __init__(self, image: np.ndarray, first: Sequence[Callable[[], EncodedFrame]],
                 all_masks: Callable[[], EncodedFrame]):
        self.image = image
        self._first, self._all_masks = list(first), all_masks
        self._stages: list[EncodedFrame] = []
        self._whole: EncodedFrame | None = None

    def stages(self) -> Iterator[EncodedFrame]:
        """Yield the frame with the masks of the first prompts, then of more; nothing once all masks are there."""
        for number, propose in enumerate(list(self._first)):
            if number == len(self._stages):
                self._stages.append(propose())
            yield self._stages[number]

    @property
    def is_whole(self) -> bool:
        """Whether all masks are there."""
        return self._whole is not None

    def whole(self) -> EncodedFrame:
        """Return the frame with all masks."""
        if self._whole is None:
            self._whole = self._all_masks()
            # They hold prompts and masks that nobody needs any more.
            self._first, self._stages = [], []
            del self._all_masks
        return self._whole


def search(grounded: GroundedFrame, searches: list[PatchSearch], proposer: PromptableProposer,
           settings: ProposalsConfig, make_grounder: Callable[[EncodedFrame, dict[str, np.ndarray] | None], Grounder]
           ) -> GroundedFrame | None:
    """Return a frame extended by masks prompted where patches match, until all is found; None without any.

    A search ends without success where no further patch matches, or after ``proposals.search_prompts``.

    Parameters
    ----------
    grounded : the frame, with an embedding and features
    searches : for what no mask matches
    proposer, settings : make the masks
    make_grounder : makes the grounder of a frame and the detector's scores

    """
    frame, detected, grounder = grounded.frame, grounded.detected, None
    embedding, features = frame.embedding, frame.features
    assert embedding is not None and features is not None
    missing, is_first, budget = [one.description for one in searches], True, settings.search_prompts
    while searches and budget > 0:
        check_cancelled()
        count = min(budget, t.SEARCH_ROUND)
        regions = [region for one in searches for region in one.regions()] if is_first else []
        points = np.concatenate([one.next_points(count) for one in searches])
        if not len(points):
            break
        found = _prompted(proposer, frame.image, embedding, points, regions, settings)
        found = found.new_to(frame.proposals, settings.duplicate_iou)
        if len(found):
            features = features.extended(found.masks)
            frame = replace(frame, proposals=frame.proposals.extended(found), features=features)
            detected = None if detected is None else padded(detected, len(frame.proposals))
            grounder = make_grounder(frame, detected)
            missing = still_missing(missing, grounder)
            searches = [one for one in searches if one.description in missing]
        is_first, budget = False, budget - count
    return None if grounder is None else GroundedFrame(frame, detected, grounder)


def _prompted(proposer: PromptableProposer, image: np.ndarray, embedding: ImageEmbedding, points: np.ndarray,
              regions: Sequence[MatchingRegion], settings: ProposalsConfig) -> Proposals:
    """Return the masks at points and in regions, both in shares of the image's width and height."""
    size = np.array(image.shape[1::-1])
    found = proposer(image, points * size, embedding=embedding)
    for region in regions:
        masks = proposer.object_in(embedding, region.box * np.tile(size, 2), region.point[None] * size, np.ones(1))
        for index in np.flatnonzero(masks.quality >= settings.min_quality).tolist():
            found = found.extended(masks.take([index]).new_to(found, settings.duplicate_iou))
    return found
