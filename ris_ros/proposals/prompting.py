"""Mask proposals for a whole image from as many well-placed prompt points as it needs, with any SAM."""

from __future__ import annotations

from typing import ClassVar, Protocol

import numpy as np

from ris_ros.config import ProposalsConfig
from ris_ros.proposals import filters
from ris_ros.proposals.decoder import MaskDecoder, PreparedImage
from ris_ros.proposals.points import PointChooser, spread_points
from ris_ros.proposals.pool import MaskPool
from ris_ros.proposals.proposer import ImageEmbedding
from ris_ros.proposals.resize import CELL_STRIDE
from ris_ros.types import Proposals, check_image
from ris_ros.utils.device import AdaptiveBatcher

FIRST_ROUND, ROUND = 24, 16
"""Prompts of the first round, which are spread over the embedding, and of each further one."""


class Network(Protocol):
    """A SAM that can be prompted.

    Attributes
    ----------
    decoder : turns prompts into masks
    batch_size : prompts decoded at a time
    notes : what does not run as requested, for diagnostics
    backend : what computes the image encoder, and why, for logs

    """

    decoder: MaskDecoder
    batch_size: int
    notes: list[str]
    backend: str

    def embed(self, image: np.ndarray) -> ImageEmbedding:
        """Encode an image, uint8 RGB [H, W, 3]."""


class PromptedProposer:
    """Proposals, best first, from a SAM that is prompted in rounds; see `PromptableProposer`."""

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
        return self.network.embed(image)

    def object_in(self, embedding: ImageEmbedding, box: np.ndarray, points: np.ndarray, labels: np.ndarray
                  ) -> Proposals:
        """Return the masks of the object in a box; see `PromptableProposer.object_in`."""
        transform, decoder = embedding.transform, self.network.decoder
        # The decoder takes a box as two points, labelled 2 (upper left corner) and 3 (lower right corner).
        prompt = np.concatenate([points * transform.scale, (box * np.tile(transform.scale, 2)).reshape(2, 2)])
        labels = np.concatenate([labels, (2, 3)])
        if decoder.always_pads:
            prompt, labels = np.concatenate([prompt, np.zeros((1, 2))]), np.append(labels, -1)
        decoded = decoder.decode(self.prepare(embedding), prompt[None], labels[None], *transform.cell_shape)
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
        if points is None:
            return self.finish(self.collect(image, embedding))
        pool = MaskPool(self.config, embedding.transform)
        self.prompt(points * embedding.transform.scale, self.prepare(embedding), pool)
        return self.finish(pool)

    def collect(self, image: np.ndarray, embedding: ImageEmbedding) -> MaskPool:
        """Return the masks of a whole image, before duplicates are removed and remainders are added.

        The image decides on the number of prompts: after a first round that is spread over it, each further round goes
        where prompts are likely to find something new, until no place is (see `points.PointChooser`).
        """
        pool = MaskPool(self.config, embedding.transform)
        prepared = self.prepare(embedding)
        cells = embedding.cells
        chooser = PointChooser(image, cells)
        points = spread_points(cells, min(FIRST_ROUND, self.config.max_prompts))
        chooser.add(points)
        while len(points):
            self.prompt(CELL_STRIDE * points, prepared, pool)
            if pool.prompts >= self.config.max_prompts:
                break
            points = chooser.choose(pool.shown(), pool.coarse, min(ROUND, self.config.max_prompts - pool.prompts))
        return pool

    def finish(self, pool: MaskPool) -> Proposals:
        """Return the masks of a pool without duplicates, with remainders, at the size of the image."""
        transform = pool.transform
        logits, quality = filters.with_remainders(*pool.best(), pool.min_area, max_iou=self.config.duplicate_iou,
                                                  max_count=self.config.max_remainders)
        # A thin mask may cover a smaller share of the image than its low-resolution logits.
        min_area = self.config.min_area * transform.height * transform.width
        masks = transform.resize_logits(logits, min_area)
        is_large = masks.any(axis=(1, 2))
        return Proposals.from_masks(masks if is_large.all() else masks[is_large], quality[is_large])

    def prepare(self, embedding: ImageEmbedding) -> PreparedImage:
        """Return what all prompts of an image share."""
        return self.network.decoder.prepare(embedding.features, embedding.fine)

    def prompt(self, points: np.ndarray, prepared: PreparedImage, pool: MaskPool) -> None:
        """Add the masks at points [P, 2], xy input pixels, to a pool."""
        transform, decoder = pool.transform, self.network.decoder
        # The last cell may reach into the padding.
        points = np.minimum(points, np.array(transform.input_size) - 0.5)
        # The decoder was trained with a padding point, labelled -1, at the end of a prompt without a box.
        prompts = np.stack([points, np.zeros_like(points)], axis=1)

        def decode_batch(batch: np.ndarray) -> None:
            labels = np.tile((1, -1), (len(batch), 1))
            pool.add(decoder.decode(prepared, batch, labels, *transform.cell_shape))

        self._batcher.map(decode_batch, prompts)
