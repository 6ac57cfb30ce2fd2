from __future__ import annotations

import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.evaluation.metrics import mean_iou, overall_iou, overlap, precision_at, proportion

# IoUs 0.5, 0.9, 0.2 and 0 (a present target answered with nothing).
INTERSECTIONS, UNIONS = [50, 90, 40, 0], [100, 100, 200, 100]


def test_overlap_of_two_squares():
    predicted, truth = np.zeros((2, 10, 10), bool)
    predicted[0:4, 0:4] = True
    truth[2:6, 2:6] = True
    assert overlap(predicted, truth) == (4, 28)


def test_masks_of_different_sizes_are_refused():
    with pytest.raises(InputError, match=r"\(4, 4\)"):
        overlap(np.zeros((4, 4), bool), np.zeros((4, 5), bool))


def test_overall_iou_weighs_large_objects_more():
    estimate = overall_iou(INTERSECTIONS, UNIONS)
    assert estimate.value == pytest.approx(180 / 500)
    # Residuals I - 0.36 U: 14, 54, -32, -36.
    expected = np.sqrt(4 / 3 * (14**2 + 54**2 + 32**2 + 36**2)) / 500
    assert estimate.error == pytest.approx(expected)
    assert estimate.count == 4


def test_mean_iou_and_its_standard_error():
    estimate = mean_iou(INTERSECTIONS, UNIONS)
    assert estimate.value == pytest.approx(0.4)
    # Deviations 0.1, 0.5, -0.2, -0.4: variance 0.46 / 3.
    assert estimate.error == pytest.approx(np.sqrt(0.46 / 3 / 4))


@pytest.mark.parametrize(("threshold", "value"), [(0.1, 0.75), (0.4, 0.5), (0.5, 0.25), (0.9, 0.0)])
def test_precision_counts_ious_above_the_threshold(threshold, value):
    assert precision_at(threshold, INTERSECTIONS, UNIONS).value == value


def test_proportion_has_the_binomial_error():
    estimate = proportion([True, True, True, False])
    assert estimate.value == 0.75
    assert estimate.error == pytest.approx(np.sqrt(0.75 * 0.25 / 4))


def test_nothing_to_measure_is_not_a_number():
    for estimate in (overall_iou([], []), mean_iou([], []), precision_at(0.5, [], []), proportion([])):
        assert np.isnan(estimate.value)
        assert np.isnan(estimate.error)
        assert estimate.count == 0


def test_one_expression_has_no_spread():
    assert np.isnan(mean_iou([1], [2]).error)
    assert np.isnan(overall_iou([1], [2]).error)
