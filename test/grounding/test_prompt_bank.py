"""Calibration files: accepted and refused content, and their keys."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.grounding.feature_statistics import FeatureStatistics
from ris_ros.grounding.prompt_bank import PHOTOGRAPHS, PromptBank


def test_a_calibration_is_read_or_refused(tmp_path):
    assert PromptBank.load("", None) is PHOTOGRAPHS
    file = tmp_path / "calibration.json"
    file.write_text(json.dumps({"nouns": ["cup"], "colours": ["red"], "nothings": ["table"], "name_temperature": 2.0}))
    assert PromptBank.load(str(file), None) == PromptBank(
        ("cup",), ("red",), ("table",), name_temperature=2.0, calibrated_by="labels")
    for content in ("{", "[]", '{"nouns": ["cup"]}', '{"nose": 1}'):
        file.write_text(content)
        with pytest.raises(InputError, match="ris calibrate"):
            PromptBank.load(str(file), None)
    with pytest.raises(InputError, match=r"missing\.json"):
        PromptBank.load(str(tmp_path / "missing.json"), None)


def test_a_calibration_file_keeps_its_keys():
    values = PHOTOGRAPHS.to_dict()
    assert values.keys() == {"nouns", "colours", "nothings", "name_temperature", "colour_temperature", "min_confidence"}
    assert PromptBank.from_dict(json.loads(json.dumps(values))) == PHOTOGRAPHS


def test_a_calibration_from_frames_keeps_nothing_but_its_phrases_without_its_statistics():
    features = np.random.default_rng(0).normal(size=(20, 4))
    fitted = replace(PHOTOGRAPHS, name_temperature=0.2, name_slope=0.5, colour_bias=1.0, calibrated_by="frames",
                     statistics=FeatureStatistics.fit(features))
    assert fitted.without_statistics() == PHOTOGRAPHS
    read = PromptBank.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert (read.name_slope, read.calibrated_by, read.is_calibrated) == (0.5, "frames", True)


def test_the_threshold_follows_from_the_share_of_false_absences():
    bank = replace(PHOTOGRAPHS, min_confidence=0.2, false_absences=((0.0, 0.0), (0.1, 0.02), (0.3, 0.1)))
    assert bank.threshold(-1) == 0.2
    thresholds = [bank.threshold(share) for share in (0.0, 0.01, 0.02, 0.06, 0.1, 0.5)]
    assert thresholds == pytest.approx([0, 0.05, 0.1, 0.2, 0.3, 0.3])
    assert PHOTOGRAPHS.threshold(0.05) == PHOTOGRAPHS.min_confidence
    assert PromptBank.from_dict(json.loads(json.dumps(bank.to_dict()))) == bank
