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
    """Proposals, best first, from a SAM that is prompted in rounds; see `PromptableProposer`.

    Attributes
    ----------
    batcher : decides how many prompts are decoded at a time

    """

    is_promptable: ClassVar[bool] = True

    def __init__(self, network: Network, config: ProposalsConfig):
        self.network = network
        self.config = config
        self.batcher = AdaptiveBatcher(network.batch_size, "prompts")

    @property
    def notes(self) -> list[str]:
        """Return what does not run as requested, for diagnostics."""
        return self.network.notes + [self.batcher.note] * bool(self.batcher.note)

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

    def rounds(self, image: np.ndarray, embedding: ImageEmbedding) -> PromptRounds:
        """Return the prompts of a whole image, to be run in stages."""
        return PromptRounds(self, image, embedding)

    def collect(self, image: np.ndarray, embedding: ImageEmbedding) -> MaskPool:
        """Return the masks of a whole image, before duplicates are removed and remainders are added."""
        rounds = self.rounds(image, embedding)
        rounds.run()
        return rounds.pool

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

        self.batcher.map(decode_batch, prompts)


class PromptRounds:
    """The prompts of a whole image, best first.

    The image decides on their number: after a first round that is spread over it, each further round goes where prompts
    are likely to find something new, until no place is (see `points.PointChooser`).

    Parameters
    ----------
    proposer : prompts the network
    image : uint8 RGB [H, W, 3]
    embedding : of the image

    Attributes
    ----------
    pool : the masks so far

    """

    def __init__(self, proposer: PromptedProposer, image: np.ndarray, embedding: ImageEmbedding):
        self._proposer = proposer
        self.pool = MaskPool(proposer.config, embedding.transform)
        self._prepared = proposer.prepare(embedding)
        self._chooser = PointChooser(image, embedding.cells)
        self._points = spread_points(embedding.cells, min(FIRST_ROUND, proposer.config.max_prompts))
        self._chooser.add(self._points)

    def run(self, max_prompts: int | None = None) -> None:
        """Make the prompts, or only the first `max_prompts` of them; another call goes on, also after `Cancelled`."""
        limit = self._proposer.config.max_prompts
        while (left := min(limit, max_prompts or limit) - self.pool.prompts) > 0:
            if not len(self._points):
                count = min(ROUND, limit - self.pool.prompts)
                self._points = self._chooser.choose(self.pool.shown(), self.pool.coarse, count)
                if not len(self._points):
                    break
            batch = self._points[:min(self._proposer.batcher.size, left)]
            self._proposer.prompt(CELL_STRIDE * batch, self._prepared, self.pool)
            self._points = self._points[len(batch):]

    def proposals(self, max_prompts: int | None = None) -> Proposals:
        """Return the proposals after all prompts, or after the first `max_prompts` of them."""
        self.run(max_prompts)
        return self._proposer.finish(self.pool)
