"""The mask decoder, against the published one."""

import numpy as np
import pytest

from ris_ros.config import ProposalsConfig
from ris_ros.proposals import filters
from ris_ros.tools.bench.published import load_network
from ris_ros.utils.masks import mask_iou

data = pytest.importorskip("skimage.data")

POINTS = np.array([[200.0, 300.0], [600.0, 500.0], [10.0, 10.0], [545.3, 201.7]])


@pytest.fixture(scope="module")
def embedding(proposer):
    return proposer.embed(data.coffee()).features


@pytest.fixture(scope="module")
def published(embedding):
    """Logits [P, 3, 256, 256] and predicted IoU [P, 3] of the published decoder."""
    return load_network(ProposalsConfig(), "cpu").decode(embedding, POINTS)


def decode(proposer, embedding, points, *size):
    decoder = proposer.network.decoder
    prompts = np.stack([points, np.zeros_like(points)], axis=1)
    return decoder.decode(decoder.prepare(embedding), prompts, np.tile((1, -1), (len(points), 1)), *size)


def test_quality_and_sampled_logits_are_those_of_the_published_decoder(proposer, embedding, published):
    decoded = decode(proposer, embedding, POINTS)
    np.testing.assert_allclose(decoded.quality[:, 1:], published[1], atol=1e-4)
    np.testing.assert_allclose(decoded.coarse[:, 1:], published[0][:, :, 2::4, 2::4], atol=1e-3)


def test_masks_in_full_are_those_of_the_published_decoder_but_for_specks(proposer, embedding, published):
    prompts, masks = np.arange(len(POINTS)).repeat(3), np.tile((1, 2, 3), len(POINTS))
    logits = decode(proposer, embedding, POINTS).logits(prompts, masks)
    for ours, theirs in zip(logits, published[0].reshape(-1, 256, 256), strict=True):
        ours, theirs = (filters.remove_small_regions(one, 24) for one in (ours, theirs))
        assert mask_iou(ours > 0, theirs > 0) > 0.99
        # Exact where the border of the mask is.
        near_border = np.abs(theirs) < 0.5
        assert np.mean(np.abs(ours - theirs)[near_border] < 1e-2) > 0.9


def test_prompts_of_a_batch_do_not_influence_each_other(proposer, embedding):
    together = decode(proposer, embedding, POINTS)
    for i, point in enumerate(POINTS):
        alone = decode(proposer, embedding, point[None])
        np.testing.assert_allclose(together.coarse[i], alone.coarse[0], atol=1e-3)
        np.testing.assert_allclose(together.logits(np.array([i]), np.array([2])),
                                   alone.logits(np.array([0]), np.array([2])), atol=1e-3)


def test_masks_are_computed_on_the_cells_of_the_image_only(proposer, embedding):
    part = decode(proposer, embedding, POINTS, 43, 64)
    assert part.coarse.shape == (4, 4, 43, 64)
    assert part.logits(np.array([0, 3]), np.array([1, 0])).shape == (2, 172, 256)
    np.testing.assert_allclose(part.coarse, decode(proposer, embedding, POINTS).coarse[:, :, :43], atol=1e-4)
    assert part.logits(np.zeros(0, int), np.zeros(0, int)).shape == (0, 172, 256)
