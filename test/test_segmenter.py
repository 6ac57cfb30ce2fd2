"""The method as a whole: real photograph, real masks, a true-size CLIP without training."""

import numpy as np
import pytest
from skimage import data

from ris_ros import Config, Proposals, ReferringSegmenter
from ris_ros.errors import InputError
from ris_ros.language import ExpressionParser

# The bundled model knows nothing of photographs: it must answer all the same.
SETTINGS = {"device": "cpu", "proposals.max_prompts": 6, "matching.min_confidence": 0.0}
PHOTOGRAPH = data.coffee()[::2, ::2].copy()


@pytest.fixture(scope="module")
def segmenter() -> ReferringSegmenter:
    return ReferringSegmenter.from_config(Config.from_dict(SETTINGS))


def test_an_image_and_a_text_give_a_mask(segmenter):
    result = segmenter(PHOTOGRAPH, "The cup")
    assert result.found
    assert result.mask.shape == PHOTOGRAPH.shape[:2]
    assert result.mask.dtype == np.bool_
    x1, y1, x2, y2 = result.box.astype(int)
    assert result.mask[y1:y2, x1:x2].sum() == result.mask.sum() > 0
    assert result.query.target_phrase == "the cup"
    assert set(result.timings) == {"proposals", "visual", "language", "text", "matching"}
    scores = [candidate.score for candidate in result.candidates]
    assert scores == sorted(scores, reverse=True)
    assert 0 < result.score == scores[0] <= 1


def test_one_image_serves_many_queries(segmenter):
    segmenter.set_image(PHOTOGRAPH)
    for text in ("the cup", "the spoon"):
        assert segmenter.query(text).query.text == text
    assert "visual" not in segmenter.query("the cup").timings


def test_the_same_image_again_costs_nothing_and_another_one_does(segmenter):
    first = segmenter.set_image(PHOTOGRAPH)
    segmenter.query("cup")
    assert segmenter.set_image(PHOTOGRAPH.copy()) is first
    assert "proposals" not in segmenter.query("cup").timings
    changed = PHOTOGRAPH.copy()
    changed[0, 0] += 1
    assert segmenter.set_image(changed) is not first


def test_given_masks_are_not_taken_for_proposed_ones(segmenter):
    given = Proposals.from_masks(np.ones((1, *PHOTOGRAPH.shape[:2]), bool))
    segmenter.set_image(PHOTOGRAPH)
    assert segmenter.set_image(PHOTOGRAPH, given) is given
    assert len(segmenter.set_image(PHOTOGRAPH)) > 1


def test_the_published_score_follows_the_papers_formula(segmenter):
    masks = np.zeros((3, *PHOTOGRAPH.shape[:2]), bool)
    masks[0, 10:60, 20:90], masks[1, 100:150, 100:200], masks[2] = True, True, True
    config = Config.from_dict({**SETTINGS, "method": "reference", "matching.visual_weight": 0.7,
                               "matching.text_weight": 0.4})
    segmenter = ReferringSegmenter(config, segmenter.proposer, segmenter.encoder,
                                   ExpressionParser(config.language, config.method))
    segmenter.set_image(PHOTOGRAPH, Proposals.from_masks(masks))
    result = segmenter.query("The cup on the left")
    local_global = segmenter.encoder.encode_masks(PHOTOGRAPH, masks)
    sentence, phrase = segmenter.encoder.encode_text(["the cup on the left", "the cup"])
    visual = (0.7 * local_global[0] + 0.3 * local_global[1]).numpy()
    text = (0.4 * sentence + 0.6 * phrase).numpy()
    cosine = visual @ text / np.linalg.norm(visual, axis=1) / np.linalg.norm(text)
    logits = segmenter.encoder.logit_scale * cosine
    score = np.exp(logits) / np.exp(logits).sum()
    assert [candidate.index for candidate in result.candidates] == list(np.argsort(-cosine))
    assert result.score == pytest.approx(score.max(), abs=1e-4)
    assert result.candidates[0].terms["cosine"] == pytest.approx(cosine.max(), abs=1e-5)


def test_a_score_is_the_product_of_its_terms(segmenter):
    segmenter.set_image(PHOTOGRAPH)
    for text in ("the leftmost cup", "the red thing to the left of the cup", "the spoon that is not on the right"):
        for candidate in segmenter.query(text).candidates:
            assert candidate.score == pytest.approx(np.prod(list(candidate.terms.values())), abs=1e-6)


def test_what_fits_too_little_is_not_there(segmenter):
    segmenter.set_image(PHOTOGRAPH)
    best = segmenter.query("the purple banana").score
    segmenter.update(Config.from_dict({**SETTINGS, "matching.min_confidence": min(1.0, best + 0.01)}))
    result = segmenter.query("the purple banana")
    segmenter.update(Config.from_dict(SETTINGS))
    assert not result.found
    assert "purple banana" in result.reason
    assert not result.mask.any()
    assert result.confidence == pytest.approx(best)
    assert result.candidates


def test_an_image_without_objects_is_answered_with_a_reason(segmenter):
    segmenter.set_image(PHOTOGRAPH, Proposals.from_masks(np.zeros((0, *PHOTOGRAPH.shape[:2]), bool)))
    result = segmenter.query("the cup")
    assert not result.found
    assert result.reason
    assert not result.mask.any()
    assert result.mask.shape == PHOTOGRAPH.shape[:2]


def test_bad_input_is_refused_and_the_last_image_is_kept(segmenter):
    segmenter.set_image(PHOTOGRAPH)
    for image in (PHOTOGRAPH[..., 0], PHOTOGRAPH / 255, PHOTOGRAPH[:0]):
        with pytest.raises(InputError):
            segmenter.set_image(image)
    with pytest.raises(InputError, match="names nothing"):
        segmenter(PHOTOGRAPH[:50], " ")
    assert segmenter.query("the cup").mask.shape == PHOTOGRAPH.shape[:2]


def test_a_query_needs_an_image(segmenter):
    fresh = ReferringSegmenter(segmenter.config, segmenter.proposer, segmenter.encoder, segmenter.parser)
    with pytest.raises(InputError, match="set_image first"):
        fresh.query("the cup")


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (7, 1000)])
def test_tiny_and_narrow_images_are_answered(segmenter, shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    result = segmenter(image, "the cup")
    assert result.mask.shape == shape
