"""Mask proposals for a whole image from a few well-placed prompt points, with any SAM."""

from __future__ import annotations

from typing import ClassVar, NamedTuple, Protocol

import numpy as np

from ris_ros.config import ProposalsConfig
from ris_ros.proposals import filters
from ris_ros.proposals.points import spread_points, unexplained_points
from ris_ros.proposals.proposer import ImageEmbedding
from ris_ros.proposals.resize import CELL_STRIDE, ResizeTransform
from ris_ros.types import Proposals, check_image
from ris_ros.utils.device import AdaptiveBatcher

FIRST_ROUND_SHARE = 2 / 3
"""Share of the prompts that are spread over the embedding; the rest goes to regions that their masks do not explain."""


class Network(Protocol):
    """A SAM that can be prompted.

    Attributes
    ----------
    batch_size : prompts decoded at a time
    notes : what does not run as requested, for diagnostics

    """

    batch_size: int
    notes: list[str]

    def encode(self, image: np.ndarray) -> np.ndarray:
        """Return the embedding, float32 [1, D, 64, 64], of uint8 RGB [h, w, 3] whose longer side is 1024."""

    def decode(self, embedding: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return three masks for each of several points, as logits and predicted IoU.

        Parameters
        ----------
        embedding : float32 [1, D, 64, 64]
        points : [P, 2], xy input pixels

        Returns
        -------
        logits : float32 [P, 3, 256, 256]
        quality : float32 [P, 3]

        """

    def decode_object(self, embedding: np.ndarray, points: np.ndarray, labels: np.ndarray, box: np.ndarray
                      ) -> tuple[np.ndarray, np.ndarray]:
        """Return four masks of the object in a box, as logits and predicted IoU.

        The first mask is the one meant for several prompts at once, the others are those of `decode`.

        Parameters
        ----------
        embedding : float32 [1, D, 64, 64]
        points : [P, 2], xy input pixels
        labels : [P], 1 for a point on the object, 0 for one that is not
        box : [4], xyxy input pixels

        Returns
        -------
        logits : float32 [4, 256, 256]
        quality : float32 [4]

        """


class PromptedMask(NamedTuple):
    """A mask from a prompt point.

    Attributes
    ----------
    logits : float32 [rows, columns]
    quality : predicted IoU
    stability : see `filters.stability_score`

    """

    logits: np.ndarray
    quality: float
    stability: float


class PromptedProposer:
    """Proposals, best first, from a SAM that is prompted in two rounds; see `PromptableProposer`."""

    is_promptable: ClassVar[bool] = True

    def __init__(self, network: Network, config: ProposalsConfig):
        self.network = network
        self.config = config
        self._batcher = AdaptiveBatcher(network.batch_size, "prompts")

    @property
    def notes(self) -> list[str]:
        """Return what does not run as requested, for diagnostics."""
        return self.network.notes + [self._batcher.note] * bool(self._batcher.note)

    def embed(self, image: np.ndarray) -> ImageEmbedding:
        """Encode an image; see `PromptableProposer.embed`."""
        check_image(image)
        transform = ResizeTransform(*image.shape[:2])
        return ImageEmbedding(self.network.encode(transform.resize(image)), transform)

    def object_in(self, embedding: ImageEmbedding, box: np.ndarray, points: np.ndarray, labels: np.ndarray
                  ) -> Proposals:
        """Return the masks of the object in a box; see `PromptableProposer.object_in`."""
        transform = embedding.transform
        logits, quality = self.network.decode_object(
            embedding.features, points * transform.scale, labels, box * np.tile(transform.scale, 2))
        rows, columns = transform.logit_shape
        masks = transform.resize_logits(logits[:, :rows, :columns])
        is_visible = masks.any(axis=(1, 2))
        return Proposals.from_masks(masks[is_visible], np.minimum(quality[is_visible], 1))

    def __call__(self, image: np.ndarray, points: np.ndarray | None = None, *,
                 embedding: ImageEmbedding | None = None) -> Proposals:
        """Return proposals for a whole image, or for the objects at points; see `PromptableProposer.__call__`.

        Raises
        ------
        InputError
            If the image is not uint8 [H, W, 3].

        """
        embedding = embedding or self.embed(image)
        transform = embedding.transform
        if points is None:
            candidates = self._prompt_everywhere(image, embedding)
        else:
            candidates = self._prompt(points * transform.scale, embedding)
        logits, quality = self._with_remainders(*self._suppress_duplicates(candidates, transform), transform)
        # A thin mask may cover a smaller share of the image than its low-resolution logits.
        min_area = self.config.min_area * transform.height * transform.width
        masks = transform.resize_logits(logits, min_area)
        is_large = masks.any(axis=(1, 2))
        return Proposals.from_masks(masks if is_large.all() else masks[is_large], quality[is_large])

    def _prompt_everywhere(self, image: np.ndarray, embedding: ImageEmbedding) -> list[PromptedMask]:
        transform, max_prompts = embedding.transform, self.config.max_prompts
        width, height = transform.input_size
        cells = embedding.features[0, :, :-(-height // CELL_STRIDE), :-(-width // CELL_STRIDE)]
        first_points = spread_points(cells, round(FIRST_ROUND_SHARE * max_prompts))
        candidates = self._prompt(CELL_STRIDE * first_points, embedding)
        first_masks = self._suppress_duplicates(candidates, transform)[0] > 0
        second_points = unexplained_points(image, cells, first_masks, first_points, max_prompts - len(first_points))
        return candidates + self._prompt(CELL_STRIDE * second_points, embedding)

    def _prompt(self, points: np.ndarray, embedding: ImageEmbedding) -> list[PromptedMask]:
        """Return the masks at points [P, 2], xy input pixels, that are good, stable and large enough."""
        transform = embedding.transform
        rows, columns = transform.logit_shape
        min_area = self._min_logit_area(transform)
        # The last cell may reach into the padding.
        points = np.minimum(points, np.array(transform.input_size) - 0.5)

        def decode_batch(batch: np.ndarray) -> list[PromptedMask]:
            logits, quality = self.network.decode(embedding.features, batch)
            logits, quality = logits[..., :rows, :columns].reshape(-1, rows, columns), quality.ravel()
            stability = filters.stability_score(logits)
            area = np.count_nonzero(logits > 0, axis=(1, 2))
            is_good = (quality >= self.config.min_quality) & (stability >= self.config.min_stability)
            is_good &= area >= max(min_area, 1)
            return [PromptedMask(filters.remove_small_regions(logits[i], min_area), quality[i], stability[i])
                    for i in np.flatnonzero(is_good)]

        return [mask for masks in self._batcher.map(decode_batch, points) for mask in masks]

    def _suppress_duplicates(self, candidates: list[PromptedMask], transform: ResizeTransform
                             ) -> tuple[np.ndarray, np.ndarray]:
        """Return logits float32 [N, rows, columns] and predicted IoU float32 [N] without duplicates, best first."""
        if not candidates:
            return np.zeros((0, *transform.logit_shape), np.float32), np.zeros(0, np.float32)
        logits, quality, stability = (np.stack(values) for values in zip(*candidates, strict=True))
        kept = filters.mask_nms(logits > 0, quality * stability, self.config.duplicate_iou)
        return logits[kept], np.minimum(quality[kept], 1)

    def _with_remainders(self, logits: np.ndarray, quality: np.ndarray, transform: ResizeTransform
                         ) -> tuple[np.ndarray, np.ndarray]:
        """Return these masks, followed by their remainders (see `filters.remainders`) that no mask matches yet."""
        rest, wholes = filters.remainders(logits, max(self._min_logit_area(transform), 1))
        logits, quality = np.concatenate([logits, rest]), np.concatenate([quality, quality[wholes]])
        kept = filters.mask_nms(logits > 0, -np.arange(len(logits)), self.config.duplicate_iou)
        return logits[kept], quality[kept]

    def _min_logit_area(self, transform: ResizeTransform) -> float:
        rows, columns = transform.logit_shape
        return self.config.min_area * rows * columns
