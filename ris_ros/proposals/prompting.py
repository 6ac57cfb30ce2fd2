"""Masks for everything in an image by asking SAM at a few well-chosen points, whatever the flavour of SAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ris_ros.config import ProposalsConfig
from ris_ros.proposals import filters
from ris_ros.proposals.points import spread_points, unexplained_points
from ris_ros.proposals.resize import CELL, ResizeTransform
from ris_ros.types import Proposals, check_image
from ris_ros.utils.device import Batches

FIRST_SHARE = 2 / 3
"""Share of the prompts that are spread by look; the rest goes to what their masks do not explain."""


class Network(Protocol):
    """What a SAM must offer to be prompted."""

    batch_size: int
    notes: list[str]
    """What does not run as it was asked for."""

    def encode(self, image: np.ndarray) -> np.ndarray:
        """The embedding float32 [1, D, 64, 64] of uint8 RGB [h, w, 3] whose longer side is 1024."""

    def decode(self, embedding: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits float32 [P, 3, 256, 256] and predicted IoU float32 [P, 3] for points [P, 2], xy input pixels."""

    def decode_object(self, embedding: np.ndarray, points: np.ndarray, labels: np.ndarray, box: np.ndarray
                      ) -> tuple[np.ndarray, np.ndarray]:
        """Logits float32 [4, 256, 256] and predicted IoU float32 [4] of what lies in a box, xyxy input pixels.

        The first mask is the one meant for several prompts at once, the others are those of `decode`. Points [P, 2]
        lie on the object where their label is 1, beside it where it is 0.
        """


@dataclass(frozen=True, eq=False)
class ImageEmbedding:
    """An image as the network's decoder sees it: one encoding for any number of questions."""

    embedding: np.ndarray
    frame: ResizeTransform


class PromptedProposer:
    """Image uint8 RGB [H, W, 3] -> Proposals, best first; `config` may be replaced between calls."""

    def __init__(self, network: Network, config: ProposalsConfig):
        self.network = network
        self.config = config
        self._batches = Batches(network.batch_size, "prompts")

    @property
    def notes(self) -> list[str]:
        """What does not run as it was asked for, for diagnostics."""
        return self.network.notes + [self._batches.note] * bool(self._batches.note)

    def embed(self, image: np.ndarray) -> ImageEmbedding:
        """Encode an image, uint8 RGB [H, W, 3], which is what takes a network most of its time."""
        check_image(image)
        frame = ResizeTransform(*image.shape[:2])
        return ImageEmbedding(self.network.encode(frame.resize(image)), frame)

    def object_in(self, embedded: ImageEmbedding, box: np.ndarray, points: np.ndarray, labels: np.ndarray) -> Proposals:
        """The answers, at most four and none empty, to one question: what is in a box, xyxy image pixels.

        Points [P, 2], xy image pixels, lie on it where their label is 1 and beside it where it is 0.
        """
        frame = embedded.frame
        logits, quality = self.network.decode_object(
            embedded.embedding, points * frame.scale, labels, box * np.tile(frame.scale, 2))
        rows, columns = frame.logit_shape
        masks = frame.masks(logits[:, :rows, :columns])
        seen = masks.any(axis=(1, 2))
        return Proposals.from_masks(masks[seen], np.minimum(quality[seen], 1))

    def __call__(self, image: np.ndarray, points: np.ndarray | None = None, *, embedded: ImageEmbedding | None = None
                 ) -> Proposals:
        """Masks of everything in the image, or of what lies at given points [P, 2], xy image pixels.

        An image that was embedded before is not encoded again.

        Raises
        ------
        InputError
            When the image is not uint8 [H, W, 3].

        """
        embedded = embedded or self.embed(image)
        embedding, frame = embedded.embedding, embedded.frame
        if points is not None:
            kept = self._ask(points * frame.scale, embedding, frame)
        else:
            cells = embedding[0, :, :-(-frame.size[1] // CELL), :-(-frame.size[0] // CELL)]
            points = spread_points(cells, round(FIRST_SHARE * self.config.max_prompts))
            kept = self._ask(CELL * points, embedding, frame)
            more = unexplained_points(image, cells, self._distinct(kept, frame)[0] > 0, points,
                                      self.config.max_prompts - len(points))
            kept += self._ask(CELL * more, embedding, frame)
        logits, quality = self._with_remainders(*self._distinct(kept, frame), frame)
        # What is thin may be smaller at full size than it was for its logits.
        masks = frame.masks(logits, least=self.config.min_area * frame.height * frame.width)
        large = masks.any(axis=(1, 2))
        return Proposals.from_masks(masks if large.all() else masks[large], quality[large])

    def _ask(self, points: np.ndarray, embedding: np.ndarray, frame: ResizeTransform) -> list[tuple[np.ndarray, float, float]]:
        """Logits float32 [rows, columns], predicted IoU and stability of the masks worth keeping at input points."""
        rows, columns = frame.logit_shape
        smallest = self._smallest(frame)
        # The last cell may reach into the padding.
        points = np.minimum(points, np.array(frame.size) - 0.5)

        def ask(batch: np.ndarray) -> list[tuple[np.ndarray, float, float]]:
            logits, quality = self.network.decode(embedding, batch)
            logits, quality = logits[..., :rows, :columns].reshape(-1, rows, columns), quality.ravel()
            stability = filters.stability(logits)
            area = np.count_nonzero(logits > 0, axis=(1, 2))
            good = (quality >= self.config.min_quality) & (stability >= self.config.min_stability)
            good &= area >= max(smallest, 1)
            return [(filters.tidy(logits[i], smallest), quality[i], stability[i]) for i in np.flatnonzero(good)]

        return [mask for masks in self._batches.map(ask, points) for mask in masks]

    def _distinct(self, kept: list[tuple[np.ndarray, float, float]], frame: ResizeTransform) -> tuple[np.ndarray, np.ndarray]:
        """Logits float32 [N, rows, columns] and predicted IoU float32 [N] without duplicates, best first."""
        if not kept:
            return np.zeros((0, *frame.logit_shape), np.float32), np.zeros(0, np.float32)
        logits, quality, stability = (np.stack(values) for values in zip(*kept, strict=True))
        best = filters.distinct(logits > 0, quality * stability, self.config.duplicate_iou)
        return logits[best], np.minimum(quality[best], 1)

    def _with_remainders(self, logits: np.ndarray, quality: np.ndarray, frame: ResizeTransform) -> tuple[np.ndarray, np.ndarray]:
        """These masks and, after them, what is left of some without others, where no mask shows that yet."""
        rest, whole = filters.remainders(logits, max(self._smallest(frame), 1))
        logits, quality = np.concatenate([logits, rest]), np.concatenate([quality, quality[whole]])
        kept = filters.distinct(logits > 0, -np.arange(len(logits)), self.config.duplicate_iou)
        return logits[kept], quality[kept]

    def _smallest(self, frame: ResizeTransform) -> float:
        rows, columns = frame.logit_shape
        return self.config.min_area * rows * columns
