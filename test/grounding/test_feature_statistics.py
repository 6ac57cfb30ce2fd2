"""Standard scores by the mean and covariance of features."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.grounding.feature_statistics import FeatureStatistics, ScoreCorrelation

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(size=(500, 16)) @ RNG.normal(size=(16, 16)) + 3
TEXTS = RNG.normal(size=(5, 16))


def test_scores_of_the_same_features_are_standard():
    scores = FeatureStatistics.fit(FEATURES).standardize(FEATURES, TEXTS)
    np.testing.assert_allclose(scores.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(scores.std(axis=0), 1, rtol=0.01)


def test_a_bias_that_all_features_share_falls_out():
    bias = RNG.normal(size=16)
    plain = FeatureStatistics.fit(FEATURES).standardize(FEATURES[:3], TEXTS)
    biased = FeatureStatistics.fit(FEATURES + bias).standardize(FEATURES[:3] + bias, TEXTS)
    np.testing.assert_allclose(plain, biased, atol=1e-4)


def test_statistics_survive_json():
    statistics = FeatureStatistics.fit(FEATURES)
    again = FeatureStatistics.from_dict(json.loads(json.dumps(statistics.to_dict())))
    np.testing.assert_allclose(again.standardize(FEATURES, TEXTS), statistics.standardize(FEATURES, TEXTS))


@pytest.mark.parametrize("change", [{"dimension": 15}, {"mean": "AAAA"}, {"residual": float("nan")}, {"factors": "?"}])
def test_damaged_statistics_are_refused(change):
    values = FeatureStatistics.fit(FEATURES).to_dict()
    with pytest.raises(ValueError):
        FeatureStatistics.from_dict(values | change)


@pytest.mark.parametrize("features", [np.full((10, 4), np.nan), np.ones((10, 4)), np.ones((1, 4))])
def test_features_without_information_are_refused(features):
    with pytest.raises(InputError, match="the encoder's features"):
        FeatureStatistics.fit(features)


def test_the_correlation_of_scores_is_the_measured_one():
    statistics = FeatureStatistics.fit(FEATURES)
    measured = np.corrcoef(statistics.standardize(FEATURES, TEXTS).T)
    for text, row in zip(TEXTS, measured, strict=True):
        np.testing.assert_allclose(ScoreCorrelation(statistics, TEXTS).of(text), row, atol=1e-3)
