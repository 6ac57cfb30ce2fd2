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


@pytest.mark.parametrize("values", [
    {"nouns": "cup"}, {"nouns": [1]}, {"colours": ["red", None]}, {"nothings": [["table"]]},
    {"name_temperature": "2"}, {"name_slope": True}, {"colour_bias": float("inf")}, {"min_confidence": float("nan")},
    {"typical_logit": float("inf")}, {"fingerprint": 3}, {"calibrated_by": ["labels"]},
    {"false_absences": [[0.1, float("nan")]]},
    {"false_absences": [[0.1]]}, {"statistics": 3}, {"statistics": {"dimension": 2}}, {"vocabulary": 1, "nose": 2}])
def test_a_calibration_with_a_value_of_another_kind_is_refused(values):
    whole = {"nouns": ["cup"], "colours": ["red"], "nothings": ["table"], "name_temperature": 2.0}
    assert PromptBank.from_dict(whole).name_temperature == 2
    with pytest.raises((ValueError, TypeError, KeyError)):
        PromptBank.from_dict(whole | values)


def test_all_of_a_calibration_is_written_and_read():
    statistics = FeatureStatistics.fit(np.random.default_rng(0).normal(size=(20, 4)))
    bank = PromptBank(("cup|mug", "plate"), ("red",), ("table",), 2.0, 3.0, 0.4, 0.5, -1.0, 0.7, 0.1, statistics,
                      "frames", "print", 0.6, ((0.1, 0.0), (0.2, 0.5)), 19.5)
    values = json.loads(json.dumps(bank.to_dict()))
    assert values.keys() == {
        "nouns", "colours", "nothings", "name_temperature", "colour_temperature", "min_confidence", "name_slope",
        "name_bias", "colour_slope", "colour_bias", "statistics", "calibrated_by", "fingerprint", "visual_weight",
        "false_absences", "typical_logit"}
    read = PromptBank.from_dict(values)
    np.testing.assert_array_equal(read.statistics.factors, statistics.factors)
    assert replace(read, statistics=None) == replace(bank, statistics=None)


def test_names_of_one_group_are_no_rivals_and_of_two_are():
    bank = PromptBank(("cup|mug", "plate", "vehicle", "car"), ("red",), ("table",))
    assert bank.names == ("cup", "plate", "vehicle", "car")
    assert bank.rivals("mug").tolist() == [False, True, True, True]
    # Groups are told apart whatever the vocabulary says, which decides on other names.
    assert bank.rivals("car").tolist() == [True, True, True, False]
    assert bank.rivals("bicycle").tolist() == [True, True, False, True]
    assert (bank.has_name("mug"), bank.has_name("bicycle")) == (True, False)


def test_only_calibrations_by_images_of_ones_own_count():
    by = {kind: replace(PHOTOGRAPHS, calibrated_by=kind).is_calibrated
          for kind in ("labels", "frames", "stock images", "nothing")}
    assert by == {"labels": True, "frames": True, "stock images": False, "nothing": False}


def test_a_users_names_are_added_to_a_calibration(tmp_path):
    names = tmp_path / "names.tsv"
    names.write_text("flurble\nmug\n")
    bank = PromptBank.load("", {"nouns": ["cup|mug"], "colours": [], "nothings": []}, str(names))
    assert bank.names == ("cup", "flurble")
    assert bank.calibrated_by == "labels"
    kept = PromptBank.load("", {"nouns": ["cup"], "colours": [], "nothings": [], "calibrated_by": "frames"})
    assert kept.calibrated_by == "frames"


def test_a_calibration_with_labels_is_for_features_of_any_kind():
    bank = replace(PHOTOGRAPHS, name_temperature=2.0, calibrated_by="labels")
    assert bank.without_statistics() is bank
