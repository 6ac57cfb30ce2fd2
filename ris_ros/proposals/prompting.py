"""Mask proposals for a whole image from a few well-placed prompt points, with any SAM."""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np

from ris_ros.config import ProposalsConfig
from ris_ros.proposals import filters
from ris_ros.proposals.decoder import MaskDecoder, PreparedImage
from ris_ros.proposals.points import spread_points, unexplained_points
from ris_ros.proposals.pool import MaskPool
from ris_ros.proposals.proposer import ImageEmbedding
from ris_ros.proposals.resize import CELL_STRIDE, ResizeTransform
from ris_ros.types import Proposals, check_image
from ris_ros.utils.device import AdaptiveBatcher

import os
FIRST_ROUND = int(os.environ.get("FIRST", 38))
ROUND = int(os.environ.get("ROUND", 18))


class Network(Protocol):
    """A SAM that can be prompted.

    Attributes
    ----------
    decoder : turns prompts into masks
    batch_size : prompts decoded at a time
    notes : what does not run as requested, for diagnostics

    """

    decoder: MaskDecoder
    batch_size: int
    notes: list[str]

    def encode(self, image: np.ndarray) -> np.ndarray:
        """Return the embedding, float32 [1, C, 64, 64], of uint8 RGB [h, w, 3] whose longer side is 1024."""


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
        transform, decoder = embedding.transform, self.network.decoder
        # The decoder takes a box as two points, labelled 2 (upper left corner) and 3 (lower right corner).
        prompt = np.concatenate([points * transform.scale, (box * np.tile(transform.scale, 2)).reshape(2, 2)])
        decoded = decoder.decode(decoder.prepare(embedding.features), prompt[None],
                                 np.concatenate([labels, (2, 3)])[None], *transform.cell_shape)
        rows, columns = transform.logit_shape
        masks = transform.resize_logits(decoded.logits(np.zeros(4, int), np.arange(4))[:, :rows, :columns])
        is_visible = masks.any(axis=(1, 2))
        return Proposals.from_masks(masks[is_visible], np.minimum(decoded.quality[0, is_visible], 1))

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
        pool = MaskPool(self.config, transform)
        prepared = self.network.decoder.prepare(embedding.features)
        if points is None:
            self._prompt_everywhere(image, embedding, prepared, pool)
        else:
            self._prompt(points * transform.scale, prepared, pool)
        logits, quality = self._with_remainders(*pool.best(), pool.min_area)
        # A thin mask may cover a smaller share of the image than its low-resolution logits.
        min_area = self.config.min_area * transform.height * transform.width
        masks = transform.resize_logits(logits, min_area)
        is_large = masks.any(axis=(1, 2))
        return Proposals.from_masks(masks if is_large.all() else masks[is_large], quality[is_large])

    def _prompt_everywhere(self, image: np.ndarray, embedding: ImageEmbedding, prepared: PreparedImage, pool: MaskPool
                           ) -> None:
        rows, columns = embedding.transform.cell_shape
        cells = embedding.features[0, :, :rows, :columns]
        max_prompts = self.config.max_prompts
        points = spread_points(cells, min(FIRST_ROUND, max_prompts))
        new=self._prompt(CELL_STRIDE * points, prepared, pool)
        import os
        if os.environ.get("DBG"): print("round",len(points),new)
        while len(points) < max_prompts:
            masks = np.array([mask.logits > 0 for mask in pool.masks]).reshape(-1, *embedding.transform.logit_shape)
            more = unexplained_points(image, cells, masks, points, min(ROUND, max_prompts - len(points)))
            if not len(more): break
            new=self._prompt(CELL_STRIDE * more, prepared, pool)
            points = np.concatenate([points, more])
            if os.environ.get("DBG"): print("round",len(points),new)

    def _prompt(self, points: np.ndarray, prepared: PreparedImage, pool: MaskPool) -> int:
        """Add the masks at points [P, 2], xy input pixels, to a pool, and return how many of them are new."""
        transform, decoder = pool.transform, self.network.decoder
        # The last cell may reach into the padding.
        points = np.minimum(points, np.array(transform.input_size) - 0.5)
        # The decoder was trained with a padding point, labelled -1, at the end of a prompt without a box.
        prompts = np.stack([points, np.zeros_like(points)], axis=1)

        def decode_batch(batch: np.ndarray) -> int:
            labels = np.tile((1, -1), (len(batch), 1))
            return pool.add(decoder.decode(prepared, batch, labels, *transform.cell_shape))

        return [int(x) for v in self._batcher.map(decode_batch, prompts) for x in v]

    def _with_remainders(self, logits: np.ndarray, quality: np.ndarray, min_area: float
                         ) -> tuple[np.ndarray, np.ndarray]:
        """Return these masks, followed by their remainders (see `filters.remainders`) that no mask matches yet."""
        rest, wholes = filters.remainders(logits, min_area)
        logits, quality = np.concatenate([logits, rest]), np.concatenate([quality, quality[wholes]])
        kept = filters.mask_nms(logits > 0, -np.arange(len(logits)), self.config.duplicate_iou)
        return logits[kept], quality[kept]
