"""The fit of where prompts find something new."""

import numpy as np
import pytest

from training.novelty import fit, ranking


@pytest.fixture
def data():
    """Factors of prompts, and successes that depend on the first two of them."""
    rng = np.random.default_rng(0)
    factors = rng.normal([3, -1, 0, 5, 2], [2, 0.5, 1, 1, 3], (4000, 5))
    logit = 0.8 * factors[:, 0] - 3 * factors[:, 1] - 6
    return factors, rng.random(4000) < 1 / (1 + np.exp(-logit))


def test_the_weights_of_a_logistic_model_are_recovered(data):
    weights = fit(*data)
    np.testing.assert_allclose(weights, [0.8, -3, 0, 0, 0, -6], atol=0.5)


def test_the_ranking_is_good_with_the_weights_and_chance_without(data):
    factors, is_new = data
    assert ranking(factors, is_new, fit(factors, is_new)) > 0.8
    assert ranking(factors, is_new, np.array([0, 0, 1.0, 0, 0, 0])) == pytest.approx(0.5, abs=0.05)
    assert np.isnan(ranking(factors, np.zeros(len(factors), bool), np.ones(6)))
