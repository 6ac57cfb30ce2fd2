"""Early answers on a simulated tabletop, with MobileSAM and the bundled CLIP model."""

from dataclasses import replace

import numpy as np
import pytest

from ris_ros import Config, ReferringSegmenter
from ris_ros.tools.bench import simulated_example
from ris_ros.utils.cancellation import Cancelled, cancellable
from ris_ros.utils.masks import mask_iou

pytestmark = pytest.mark.slow

RANKED = ("the leftmost object", "the second largest object", "both cups", "all the objects", "the cup that is not red")


@pytest.fixture(scope="module")
def example():
    return simulated_example()


@pytest.fixture(scope="module")
def loaded():
    return ReferringSegmenter.from_config(Config.from_dict({"device": "cpu", "proposals.max_prompts": 60}))


@pytest.fixture
def segmenter(loaded):
    """A segmenter that has not seen any image."""
    return loaded.sibling()


@pytest.fixture(scope="module")
def sure_text(loaded, example):
    """A text that is answered early."""
    segmenter = loaded.sibling()
    segmenter.start_image(example.image)
    return next(text for text in example.texts if segmenter.early_answer(text))


def test_a_sure_answer_is_that_among_all_masks_and_the_next_query_sees_them(segmenter, example):
    segmenter.start_image(example.image)
    early = {text: one for text in (*example.texts[:8], *RANKED) if (one := segmenter.early_answer(text))}
    assert early
    assert not early.keys() & set(RANKED)
    assert all(one.early and one.found for one in early.values())
    segmenter.complete_image()
    for text, one in early.items():
        assert segmenter.early_answer(text) is None
        whole = segmenter.query(text)
        assert not whole.early
        assert "proposals" not in whole.timings
        assert mask_iou(one.mask, whole.mask) > 0.8
    at_once = ReferringSegmenter(segmenter.config.replace({"proposals.early_prompts": 0}), segmenter.proposer,
                                 segmenter.encoder, segmenter.parser, segmenter.bank)
    np.testing.assert_array_equal(at_once.set_image(example.image).masks, segmenter.proposals.masks)
    assert at_once.early_answer(RANKED[0], on_early=pytest.fail) is None


def test_an_encoder_whose_confidence_is_not_fitted_never_answers_early(segmenter, example, sure_text):
    other = ReferringSegmenter(segmenter.config, segmenter.proposer, segmenter.encoder, segmenter.parser,
                               replace(segmenter.bank, calibrated_by="stock images"))
    other.start_image(example.image)
    assert other.early_answer(sure_text) is None


def test_a_first_command_is_answered_early_and_a_later_one_among_all_masks(segmenter, example, sure_text):
    seen = []
    first = segmenter(example.image, sure_text, on_early=seen.append)
    assert first.early
    assert seen == [first]
    assert {"proposals", "visual", "matching"} <= set(first.timings)
    segmenter.complete_image()
    assert not segmenter(example.image, sure_text, on_early=seen.append).early
    assert len(seen) == 1


def test_an_answer_that_is_not_sure_is_told_and_then_given_among_all_masks(segmenter, example):
    seen = []
    result = segmenter(example.image, "the leftmost object", on_early=seen.append)
    assert [one.early for one in seen] == [True]
    assert not result.early
    segmenter.set_image(example.image)
    np.testing.assert_array_equal(result.mask, segmenter.query("the leftmost object").mask)


def test_a_cancelled_completion_goes_on_later(segmenter, example, sure_text):
    segmenter(example.image, sure_text)
    with pytest.raises(Cancelled), cancellable(lambda: True):
        segmenter.complete_image()
    assert segmenter.early_answer(sure_text).early
    whole = segmenter.query(sure_text)
    assert not whole.early
    np.testing.assert_array_equal(segmenter.proposals.masks, segmenter.proposer(example.image).masks)
