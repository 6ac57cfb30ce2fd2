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
    assert PromptBank.load(str(file), None) == PromptBank(("cup",), ("red",), ("table",), name_temperature=2.0)
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
    statistics = FeatureStatistics.fit(features, features[0])
    fitted = replace(PHOTOGRAPHS, name_temperature=0.2, name_slope=0.5, colour_bias=1.0, statistics=statistics)
    assert (fitted.calibrated_by, PHOTOGRAPHS.calibrated_by) == ("frames", "nothing")
    assert fitted.without_statistics() == PHOTOGRAPHS
    assert PromptBank.from_dict(json.loads(json.dumps(fitted.to_dict()))).name_slope == 0.5
