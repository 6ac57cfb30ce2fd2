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


def test_the_mean_and_the_covariance_are_those_of_the_features():
    statistics = FeatureStatistics.fit(FEATURES)
    np.testing.assert_allclose(statistics.mean, FEATURES.mean(axis=0), rtol=1e-5)
    covariance = statistics.factors.T @ statistics.factors + statistics.residual * np.eye(16)
    np.testing.assert_allclose(covariance, np.cov(FEATURES.T), rtol=1e-3, atol=1e-3)
    assert statistics.mean.dtype == statistics.factors.dtype == np.float32


def test_beyond_sixty_four_directions_the_variance_is_their_mean():
    # Variances of 4 along 64 axes, and of 1 and 0.25 along 6 more.
    rng = np.random.default_rng(1)
    features = rng.normal(size=(20000, 70)) * np.sqrt([4.0] * 64 + [1.0, 0.25] * 3)
    statistics = FeatureStatistics.fit(features)
    assert statistics.factors.shape == (64, 70)
    assert statistics.residual == pytest.approx(0.625, rel=0.05)
    scores = statistics.standardize(np.eye(70)[[0, 64]], np.eye(70)[[0, 64]])
    np.testing.assert_allclose(np.diag(scores), (1 / 2, 1 / 0.625 ** 0.5), rtol=0.1)


def test_fewer_masks_than_dimensions_have_statistics():
    statistics = FeatureStatistics.fit(np.array([[1.0, 0, 0], [-1.0, 0, 0]]))
    np.testing.assert_allclose(statistics.standardize(np.array([[2.0, 0, 0]]), np.array([[1.0, 0, 0]])), 2 / 2 ** 0.5,
                               rtol=1e-5)
    with pytest.raises(InputError, match="all alike"):
        FeatureStatistics.fit(np.array([[1.0, 0], [1 + 5e-7, 0]]))
    FeatureStatistics.fit(np.array([[1.0, 0], [1 + 5e-6, 0]]))


def test_statistics_as_json_values():
    # 1.0 and -2.0 as little-endian floats, in base 64.
    values = FeatureStatistics(np.array([1.0, -2.0]), np.zeros((0, 2)), 0.5).to_dict()
    assert values == {"dimension": 2, "mean": "AACAPwAAAMA=", "factors": "", "residual": 0.5}
    again = FeatureStatistics.from_dict(values)
    assert again.mean.tolist() == [1, -2]
    assert again.factors.shape == (0, 2)
    assert again.residual == 0.5
    with pytest.raises(ValueError, match="finite"):
        FeatureStatistics.from_dict(values | {"mean": "AADAfwAAAMA="})      # NaN
    with pytest.raises(ValueError, match="finite"):
        FeatureStatistics.from_dict(values | {"factors": "AADAfwAAAMA="})
    with pytest.raises(ValueError):
        FeatureStatistics.from_dict(values | {"mean": "AACAPwAAAMA=\n!"})


def test_texts_without_variance_have_no_correlation():
    statistics = FeatureStatistics(np.zeros(2, np.float32), np.zeros((0, 2), np.float32), 0.25)
    correlation = ScoreCorrelation(statistics, np.array([[1.0, 0], [0, 1], [3, 4]]))
    np.testing.assert_allclose(correlation.of(np.array([1.0, 0])), (1, 0, 0.6), atol=1e-6)
    nothing = FeatureStatistics(np.zeros(2, np.float32), np.zeros((0, 2), np.float32), 0.0)
    np.testing.assert_array_equal(ScoreCorrelation(nothing, np.eye(2)).of(np.array([1.0, 0])), 0)
