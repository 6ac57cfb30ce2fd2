"""The whole method on a photograph, with MobileSAM and the bundled CLIP model."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from ris_ros import Config, Proposals, ReferringSegmenter
from ris_ros.errors import InputError
from ris_ros.parsing import PublishedParser

pytestmark = pytest.mark.slow

# The bundled model was not trained on photographs, so the threshold is 0: an answer is needed in any case.
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


@pytest.mark.parametrize("text", ["asdf qwer", "12345", "eine rote Flasche", "红色的杯子", "the stapler",
                                  "the cup left of the flurble"])
def test_words_that_nothing_is_known_of_are_answered_with_a_guess(segmenter, text):
    segmenter.set_image(PHOTOGRAPH)
    result = segmenter.query(text)
    assert result.confidence <= 0.5
    assert "guess" in result.note


def test_many_words_without_effect_make_no_answer_sure(segmenter):
    segmenter.set_image(PHOTOGRAPH)
    result = segmenter.query(f"the {'very ' * 90}green thing")
    assert result.query.target_phrase == "green thing"
    assert result.confidence <= 0.5
    assert "candidates within" in result.note


def test_the_users_names_are_contrasted_and_a_wrong_file_is_refused(segmenter, tmp_path):
    file = tmp_path / "names.txt"

    def with_names() -> ReferringSegmenter:
        config = Config.from_dict({**SETTINGS, "matching.names": str(file)})
        return ReferringSegmenter(config, segmenter.proposer, segmenter.encoder, segmenter.parser)

    with pytest.raises(InputError, match=r"matching\.names"):
        with_names()
    file.write_text("flurble\n")
    named = with_names()
    assert "flurble" in named.bank.names
    named.set_image(PHOTOGRAPH)
    assert "ris_ros knows" not in named.query("the flurble").note


def test_timings_of_nested_stages_do_not_overlap(segmenter):
    segmenter.set_image(PHOTOGRAPH)
    segmenter.query("the cup")
    start = time.perf_counter()
    timings = segmenter.query("the spoon left of a yellow umbrella", min_confidence=1.0).timings  # includes a search
    assert {"text", "matching", "search"} <= set(timings)
    assert min(timings.values()) >= 0
    assert sum(timings.values()) <= time.perf_counter() - start


def test_features_of_recent_images_are_cached(segmenter):
    first = segmenter.set_image(PHOTOGRAPH)
    segmenter.query("cup")
    noise = np.random.default_rng(0).normal(0, 3, PHOTOGRAPH.shape)
    still = np.clip(PHOTOGRAPH + noise.round(), 0, 255).astype(np.uint8)
    assert segmenter.set_image(still) is first
    assert "proposals" not in segmenter.query("cup").timings
    moved = np.roll(PHOTOGRAPH, 3, axis=1)
    second = segmenter.set_image(moved)
    assert second is not first
    assert segmenter.set_image(PHOTOGRAPH) is first  # an earlier image
    assert "proposals" not in segmenter.query("cup").timings
    np.testing.assert_array_equal(segmenter.query("cup").candidates[0].mask, segmenter.query("cup").mask)
    segmenter.update(Config.from_dict({**SETTINGS, "frame_tolerance": 0.0}))
    assert segmenter.set_image(moved) is second
    assert segmenter.set_image(still) is not first
    segmenter.update(Config.from_dict(SETTINGS))


def test_the_caller_may_write_into_the_image_afterwards(segmenter):
    image = PHOTOGRAPH.copy()
    first = segmenter.set_image(image)
    image[:] = 0
    assert segmenter.set_image(image) is not first
    assert segmenter.set_image(PHOTOGRAPH) is first


def test_given_masks_are_not_cached_as_proposals(segmenter):
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
                                   PublishedParser(config.language))
    segmenter.set_image(PHOTOGRAPH, Proposals.from_masks(masks))
    result = segmenter.query("The cup on the left")
    features = segmenter.encoder.encode_masks(PHOTOGRAPH, masks)
    sentence, phrase = segmenter.encoder.encode_text(["the cup on the left", "the cup"])
    visual = (0.7 * features.global_features + 0.3 * features.local_features).numpy()
    text = (0.4 * sentence + 0.6 * phrase).numpy()
    cosine = visual @ text / np.linalg.norm(visual, axis=1) / np.linalg.norm(text)
    logits = segmenter.encoder.logit_scale * cosine
    score = np.exp(logits) / np.exp(logits).sum()
    assert [candidate.index for candidate in result.candidates] == list(np.argsort(-cosine))
    assert result.score == pytest.approx(score.max(), abs=1e-4)
    assert result.candidates[0].terms["cosine"] == pytest.approx(cosine.max(), abs=1e-5)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_weight_of_0_or_1_computes_only_the_features_that_it_uses(segmenter, weight, monkeypatch):
    config = Config.from_dict({**SETTINGS, "method": "reference", "matching.visual_weight": weight,
                               "matching.text_weight": weight})
    alone = ReferringSegmenter(config, segmenter.proposer, segmenter.encoder,
                               PublishedParser(config.language))
    masks = np.zeros((3, *PHOTOGRAPH.shape[:2]), bool)
    masks[0, 10:60, 20:90], masks[1, 100:150, 100:200], masks[2] = True, True, True
    global_features, local_features = segmenter.encoder.encode_masks(PHOTOGRAPH, masks).for_fusion(0.5)
    sentence, phrase = segmenter.encoder.encode_text(["the cup on the left", "the cup"])
    unused = "encode_local" if weight else "encode_global"
    monkeypatch.setattr(segmenter.encoder, unused, lambda *_: pytest.fail(f"{unused} has no share"))
    alone.set_image(PHOTOGRAPH, Proposals.from_masks(masks))
    asked = []
    monkeypatch.setattr(segmenter.encoder, "encode_text", lambda texts, encode=segmenter.encoder.encode_text: (
        asked.extend(texts), encode(texts))[1])
    result = alone.query("The cup on the left")
    assert asked == ["the cup on the left" if weight else "the cup"]
    visual, text = ((global_features, sentence) if weight else (local_features, phrase))
    cosine = (visual @ text / visual.norm(dim=1) / text.norm()).numpy()
    assert [candidate.index for candidate in result.candidates] == list(np.argsort(-cosine))
    assert result.candidates[0].terms["cosine"] == pytest.approx(cosine.max(), abs=1e-5)


def test_a_changed_weight_computes_the_missing_features(segmenter):
    segmenter.update(Config.from_dict({**SETTINGS, "matching.visual_weight": 1.0}))
    segmenter.set_image(PHOTOGRAPH[::2, ::2])
    segmenter.update(Config.from_dict({**SETTINGS, "matching.visual_weight": 0.5}))
    features = segmenter.visual_features()
    segmenter.update(Config.from_dict(SETTINGS))
    expected = segmenter.encoder.encode_masks(PHOTOGRAPH[::2, ::2], segmenter.proposals.masks)
    np.testing.assert_allclose(features, (expected.global_features + expected.local_features) / 2, rtol=1e-3, atol=1e-4)


def test_a_score_is_the_product_of_its_terms(segmenter):
    segmenter.set_image(PHOTOGRAPH)
    for text in ("the leftmost cup", "the red thing to the left of the cup", "the spoon that is not on the right"):
        for candidate in segmenter.query(text).candidates:
            assert candidate.score == pytest.approx(np.prod(list(candidate.terms.values())), abs=1e-6)


def test_a_target_below_the_confidence_threshold_is_not_found(segmenter):
    segmenter.set_image(PHOTOGRAPH)
    best = segmenter.query("the purple banana").score
    more = min(1.0, best + 0.01)
    assert not segmenter.query("the purple banana", min_confidence=more).found
    assert segmenter.query("the purple banana").found
    segmenter.update(Config.from_dict({**SETTINGS, "matching.min_confidence": more}))
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


# A search for "a yellow umbrella" adds masks; the other texts are found, or absent, without new masks.
TEXTS = ("the cup", "the spoon", "a yellow umbrella", "the spoon left of a yellow umbrella", "the leftmost object",
         "the can", "the plate under the cup", "both spoons")


@pytest.fixture(scope="module")
def fresh_answers(segmenter):
    """The answer to each text as the first query on the photograph."""
    answers = {}
    for text in TEXTS:
        alone = segmenter.sibling()
        alone.set_image(PHOTOGRAPH)
        answers[text] = alone.query(text, min_confidence=0.6)
    return answers


@settings(max_examples=12, deadline=None, derandomize=True)
@given(order=st.lists(st.sampled_from(TEXTS), min_size=2, max_size=6), back=st.booleans())
def test_an_answer_does_not_depend_on_earlier_queries(segmenter, fresh_answers, order, back):
    shared = segmenter.sibling()
    proposals = shared.set_image(PHOTOGRAPH)
    count = len(proposals)
    for number, text in enumerate(order):
        if back and number == 1:  # set another image and then this one again
            shared.set_image(PHOTOGRAPH[:, ::-1].copy(), Proposals.from_masks(proposals.masks[:1, :, ::-1].copy()))
            assert shared.set_image(PHOTOGRAPH) is proposals
        result, fresh = shared.query(text, min_confidence=0.6), fresh_answers[text]
        assert (result.found, result.reason, result.note) == (fresh.found, fresh.reason, fresh.note)
        assert result.confidence == pytest.approx(fresh.confidence, rel=1e-4, abs=1e-6)
        np.testing.assert_array_equal(result.mask, fresh.mask)
        assert [candidate.index for candidate in result.candidates] == [c.index for c in fresh.candidates]
    assert shared.proposals is proposals
    assert len(proposals) == count


def test_masks_of_a_search_are_candidates_of_its_own_query_only(segmenter):
    shared = segmenter.sibling()
    count = len(shared.set_image(PHOTOGRAPH))
    searched = {text: max(candidate.index for candidate in shared.query(text, min_confidence=1.0).candidates)
                for text in TEXTS}
    assert max(searched.values()) >= count, "no text of TEXTS makes a search that finds new masks"
    assert len(shared.proposals) == count
