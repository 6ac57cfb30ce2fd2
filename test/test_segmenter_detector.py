"""The method with a phrase detector, alone and beside the encoder, on a simulated scene whose truth it knows."""

import logging

import numpy as np
import pytest
import torch

from ris_ros import Config, Proposals, ReferringSegmenter
from ris_ros.errors import InputError, MissingError
from ris_ros.evaluation.truth_detector import TruthDetector
from ris_ros.sim.samples import samples

SETTINGS = {"device": "cpu", "proposals.max_prompts": 6}
ALONE = Config.from_dict({**SETTINGS, "matching.appearance": "detector"})
BOTH = Config.from_dict({**SETTINGS, "matching.appearance": "both"})


@pytest.fixture(scope="module")
def clip() -> ReferringSegmenter:
    return ReferringSegmenter.from_config(Config.from_dict(SETTINGS))


@pytest.fixture(scope="module")
def sample():
    return next(samples("validation", 1, 0, per_kind=2))


@pytest.fixture(scope="module")
def masks(sample):
    every = sample.rendering.instances == np.arange(1, len(sample.scene.objects) + 1)[:, None, None]
    assert every.any(axis=(1, 2)).all()
    return Proposals.from_masks(every)


@pytest.fixture
def detector(sample):
    one = TruthDetector("none")
    one.show(sample)
    one.asked, detect = [], one._detect
    one._detect = lambda phrase, size: one.asked.append(phrase) or detect(phrase, size)
    return one


@pytest.fixture
def alone(clip, detector):
    return ReferringSegmenter(ALONE, clip.proposer, None, clip.parser, detector=detector)


@pytest.fixture
def both(clip, detector):
    return ReferringSegmenter(BOTH, clip.proposer, clip.encoder, clip.parser, clip.bank, detector)


def out_of_memory(*arguments, **options):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def same(one, other):
    terms = [[candidate.terms for candidate in result.candidates] for result in (one, other)]
    return (np.array_equal(one.mask, other.mask) and one.confidence == other.confidence and one.note == other.note
            and terms[0] == terms[1])


@pytest.mark.parametrize("name", ["alone", "both"])
def test_all_that_is_said_of_the_objects_is_understood(name, request, sample, masks):
    segmenter = request.getfixturevalue(name)
    segmenter.set_image(sample.rendering.image, masks)
    answers = [segmenter.query(expression.text).mask for expression in sample.expressions
               if expression.kind in ("category", "attribute", "place", "plural", "negation", "absent category")]
    truth = [masks.masks[list(expression.targets)].any(axis=0) for expression in sample.expressions
             if expression.kind in ("category", "attribute", "place", "plural", "negation", "absent category")]
    assert len(truth) > 6 and all(map(np.array_equal, answers, truth))


def test_boxes_become_masks_and_the_detector_is_asked_once(alone, detector, sample, masks):
    first = sample.scene.objects[0]
    assert len(alone.set_image(sample.rendering.image)) == 0
    result = alone.query(f"the {first.category}")
    assert result.found and max((result.mask & one).sum() / (result.mask | one).sum() for one in masks.masks) > 0.7
    assert {"detection", "matching"} <= set(result.timings) and "visual" not in result.timings
    assert "detection" not in alone.query(f"the {first.category} on the left").timings
    alone.query(f"the {first.category} left of the book that is not next to the bowl")
    assert detector.asked == [first.category, "book", "bowl"]


def test_an_answer_does_not_depend_on_earlier_queries(alone, both, sample):
    for segmenter in (alone, both):
        segmenter.set_image(sample.rendering.image)
        before = [segmenter.query(text) for text in ("the banana", "the largest thing")]
        for text in ("the cup", "the block behind the ball", "the pen", "the red thing", "the unicorn"):
            segmenter.query(text)
        after = [segmenter.query(text) for text in ("the banana", "the largest thing")]
        assert all(map(same, before, after))


def test_nothing_of_an_encoder_is_there_where_the_detector_judges_alone(alone, sample):
    alone.set_image(sample.rendering.image)
    for use in (lambda: alone.encoder, lambda: alone.visual_features()):
        with pytest.raises(InputError, match=r"set it to clip or both"):
            use()
    assert alone.device == "cpu" and alone.arithmetic == "float32" and alone.notes == []


def test_an_unknown_word_is_a_guess_and_an_absent_thing_is_told(alone, sample):
    alone.set_image(sample.rendering.image)
    result = alone.query("the flurble")
    assert not result.found and "no noun that ris_ros knows" in result.note
    result = alone.query("the unicorn")
    assert not result.found and result.reason == (
        "nothing fits 'the unicorn': the detector found nothing that it names")


def test_the_encoder_alone_never_asks(clip, detector, sample, masks):
    segmenter = ReferringSegmenter(clip.config, clip.proposer, clip.encoder, clip.parser, clip.bank)
    for one in (segmenter, clip):
        one.set_image(sample.rendering.image, masks)
    assert same(segmenter.query("the banana"), clip.query("the banana")) and not detector.asked


def test_without_memory_the_encoder_answers_alone(clip, both, alone, sample, masks, monkeypatch, caplog):
    monkeypatch.setattr(TruthDetector, "__call__", out_of_memory)
    for segmenter in (clip, both, alone):
        segmenter.set_image(sample.rendering.image, masks)
    with caplog.at_level(logging.WARNING):
        assert same(both.query("the banana"), clip.query("the banana"))
    assert "the answers are the encoder's alone" in caplog.text and len(caplog.records) == 1
    assert any("the detector failed" in note and "out of memory" in note for note in both.notes)
    with pytest.raises(InputError, match=r"^the detector failed: .*choose a smaller detector\.model$"):
        alone.query("the banana")
    monkeypatch.undo()
    both.query("the banana")
    assert both.notes == clip.notes


def test_a_detector_that_cannot_be_loaded(tmp_path, caplog):
    missing = {"detector.model": f"local-dir:{tmp_path}", "offline": True}
    with pytest.raises(MissingError, match=r"cannot load detector\.model local-dir:"):
        ReferringSegmenter.from_config(ALONE.replace(missing))
    segmenter = ReferringSegmenter.from_config(BOTH.replace(missing))
    assert segmenter.detector is None and "cannot load detector.model" in caplog.text
    assert any(note.startswith("no detector: cannot load") for note in segmenter.sibling().notes)
    with pytest.raises(InputError, match=r"unknown detector\.model 'yolo'"):
        ReferringSegmenter.from_config(BOTH.replace({"detector.model": "yolo"}))


@pytest.mark.parametrize("setting", [{"method": "reference"}, {"follow": True}])
def test_what_needs_an_encoder_is_refused_without_one(alone, setting):
    config = ALONE.replace(setting)
    with pytest.raises(InputError, match=r"set matching\.appearance to clip or both"):
        alone.update(config)
    with pytest.raises(InputError, match=r"set matching\.appearance to clip or both"):
        ReferringSegmenter(config, alone.proposer, None, alone.parser, detector=alone.detector)


def test_the_settings_of_the_detector_change_while_it_runs(alone, sample, masks):
    alone.set_image(sample.rendering.image, masks)
    text = f"the {sample.scene.objects[0].category}"
    assert alone.query(text).found
    alone.update(ALONE.replace({"detector.max_detections": 1, "detector.threshold": 0.9}))
    alone.set_image(sample.rendering.image, masks)
    assert alone.detector.config.max_detections == 1 and alone.detector.threshold == 0.9
