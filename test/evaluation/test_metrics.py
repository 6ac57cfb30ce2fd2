from __future__ import annotations

import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.evaluation.metrics import (
    Bootstrap,
    auroc,
    calibration_error,
    generalized_iou,
    intersection_and_union,
    mean_iou,
    mean_over_frames,
    nan_to_none,
    overall_iou,
    precision_at,
    proportion,
)

# IoUs 0.5, 0.9, 0.2 and 0 (an empty answer for a present target).
INTERSECTIONS, UNIONS = [50, 90, 40, 0], [100, 100, 200, 100]


def test_overlap_of_two_squares():
    predicted, truth = np.zeros((2, 10, 10), bool)
    predicted[0:4, 0:4] = True
    truth[2:6, 2:6] = True
    assert intersection_and_union(predicted, truth) == (4, 28)


def test_masks_of_different_sizes_are_refused():
    with pytest.raises(InputError, match=r"\(4, 4\)"):
        intersection_and_union(np.zeros((4, 4), bool), np.zeros((4, 5), bool))


def test_overall_iou_gives_large_objects_more_weight():
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


@pytest.mark.parametrize(("threshold", "value"), [(0.1, 0.75), (0.4, 0.5), (0.5, 0.5), (0.51, 0.25), (0.91, 0.0)])
def test_precision_includes_the_threshold(threshold, value):
    assert precision_at(threshold, INTERSECTIONS, UNIONS).value == value


def test_proportion_has_the_binomial_error():
    estimate = proportion([True, True, True, False])
    assert estimate.value == 0.75
    assert estimate.error == pytest.approx(np.sqrt(0.75 * 0.25 / 4))


def test_estimates_without_expressions_are_nan():
    for estimate in (overall_iou([], []), mean_iou([], []), precision_at(0.5, [], []), proportion([])):
        assert np.isnan(estimate.value)
        assert np.isnan(estimate.error)
        assert estimate.count == 0


def test_a_single_expression_has_no_standard_error():
    assert np.isnan(mean_iou([1], [2]).error)
    assert np.isnan(overall_iou([1], [2]).error)


def test_generalized_iou_counts_absent_targets():
    # A present target at IoU 0.5, a present one with an empty answer, an absent one with an empty answer, and an absent
    # one answered with 40 pixels: (0.5 + 0 + 1 + 0) / 4.
    estimate = generalized_iou([50, 0, 0, 0], [100, 80, 0, 40], [True, True, False, False])
    assert estimate.value == pytest.approx(0.375)
    assert estimate.count == 4


def test_expressions_have_equal_weight_regardless_of_their_frames():
    # Means 0.3, 0.9 and 0: deviations -0.1, 0.5, -0.4.
    estimate = mean_over_frames([0.1, 0.9, 0.5, 0.0], ["a", "b", "a", "c"])
    assert estimate.value == pytest.approx(0.4)
    assert estimate.error == pytest.approx(np.sqrt((0.01 + 0.25 + 0.16) / 2 / 3))
    assert estimate.count == 3


def test_overlap_agrees_with_pycocotools():
    from pycocotools import mask as coco

    rng = np.random.default_rng(1)
    masks = rng.random((12, 30, 40)) < rng.random((12, 1, 1))
    runs = [coco.encode(np.asfortranarray(mask, np.uint8)) for mask in masks]
    theirs = coco.iou(runs[:6], runs[6:], [0] * 6)
    ours = [[np.divide(*intersection_and_union(first, second)) for second in masks[6:]] for first in masks[:6]]
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_an_interval_of_two_pictures_by_hand():
    # Drawn with replacement, two pictures of means 0 and 1 give 0, 1/2, 1 with probabilities 1/4, 1/2, 1/4.
    bootstrap = Bootstrap(["a", "a", "b"], resamples=2000)
    assert bootstrap.interval([0, 0, 1], [1, 1, 1]) == (0.0, 1.0)
    narrow = Bootstrap(["a", "a", "b", "b"], confidence=0.4, resamples=2000)
    assert narrow.interval([0, 0, 1, 1], [1, 1, 1, 1]) == (0.5, 0.5)


def test_intervals_agree_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(2)
    unions = rng.integers(50, 500, 200)
    intersections = (unions * rng.random(200)).astype(int)
    ours = Bootstrap(np.arange(200), resamples=2000).interval(intersections, unions)
    theirs = stats.bootstrap((intersections, unions), lambda i, u, axis=-1: i.sum(axis=axis) / u.sum(axis=axis),
                             paired=True, vectorized=True, n_resamples=2000, method="percentile", rng=3)
    np.testing.assert_allclose(ours, theirs.confidence_interval, atol=0.006)


def test_intervals_of_a_selection_and_of_too_few():
    bootstrap = Bootstrap(["a", "b", "c", "d"])
    everything = bootstrap.interval([1, 0, 1, 0], [1, 1, 1, 1])
    assert everything[0] < 0.5 < everything[1]
    assert bootstrap.interval([1, 0, 1, 0], [1, 1, 1, 1], [True, False, True, False]) == (1.0, 1.0)
    assert np.isnan(bootstrap.interval([1, 0, 1, 0], [1, 1, 1, 1], [True, False, False, False])).all()
    assert np.isnan(Bootstrap([]).interval([], [])).all()


def test_expressions_about_one_picture_are_resampled_together():
    values = np.repeat([0.0, 1.0], 50)
    apart = Bootstrap(np.arange(100)).interval(values, np.ones(100))
    together = Bootstrap(np.repeat(np.arange(10), 10)).interval(values, np.ones(100))
    assert together[1] - together[0] > 2 * (apart[1] - apart[0])


@pytest.mark.parametrize(("scores", "expected"), [([0.1, 0.2, 0.8, 0.9], 1.0), ([0.9, 0.8, 0.2, 0.1], 0.0),
                                                  ([0.5, 0.5, 0.5, 0.5], 0.5), ([0.1, 0.6, 0.4, 0.9], 0.75)])
def test_auroc_is_the_share_of_pairs_in_the_right_order(scores, expected):
    assert auroc(np.array(scores), np.array([False, False, True, True])) == pytest.approx(expected)


def test_the_calibration_error_weights_present_and_absent_alike():
    positive = np.array([True] * 8 + [False] * 2)
    # Right in half of the cases, as both are weighted alike, at a confidence of 0.5 and of 0.9.
    assert calibration_error(np.full(10, 0.5), positive) == pytest.approx(0.0)
    assert calibration_error(np.full(10, 0.9), positive) == pytest.approx(0.4)
    assert calibration_error(positive.astype(float), positive) == 0


def test_values_that_json_does_not_have_are_none():
    assert nan_to_none({"a": float("nan"), "b": 1.5, "c": "nan", "d": 3, "e": np.float64("nan")}) == {
        "a": None, "b": 1.5, "c": "nan", "d": 3, "e": None}


def test_estimates_count_their_expressions():
    assert mean_iou(INTERSECTIONS, UNIONS).count == 4
    assert precision_at(0.5, INTERSECTIONS, UNIONS).count == 4
    assert (mean_iou([1], [2]).value, mean_iou([1], [2]).count) == (0.5, 1)
    assert (overall_iou([1], [2]).value, overall_iou([1], [2]).count) == (0.5, 1)
    assert overall_iou([0, 0], [0, 0]).count == 2
    assert np.isnan(overall_iou([0, 0], [0, 0]).value)


def test_two_expressions_have_a_standard_error():
    # IoUs 0.5 and 1: a deviation of sqrt(2 * 0.25^2 / 1), by sqrt(2).
    assert mean_iou([1, 2], [2, 2]).error == pytest.approx(0.25)
    # 3 of 4, residuals 1 - 1.5 and 2 - 1.5.
    assert overall_iou([1, 2], [2, 2]).error == pytest.approx(np.sqrt(2 * (0.25 + 0.25)) / 4)


def test_an_interval_is_that_of_drawing_pictures_with_replacement():
    # Of two pictures with values 0 and 1: none, one or both are the second with 1/4, 1/2 and 1/4.
    two = Bootstrap(["a", "b"], resamples=4000)
    assert two.interval([0, 1], [1, 1]) == (0.0, 1.0)
    assert Bootstrap(["a", "b"], resamples=4000, confidence=0.4).interval([0, 1], [1, 1]) == (0.5, 0.5)
    # A ratio of sums: (0 + 3) / (1 + 2) where each is drawn once.
    assert Bootstrap(["a", "b"], resamples=4000, confidence=0.4).interval([0, 3], [1, 2]) == (1.0, 1.0)
    # 100 values of which half are 1: a standard deviation of 0.05, and 1.96 of it to each side.
    low, high = Bootstrap(np.arange(100)).interval(np.arange(100) % 2, np.ones(100))
    assert (low, high) == pytest.approx((0.402, 0.598), abs=0.015)


def test_an_interval_is_repeatable_and_its_seed_matters():
    values = np.random.default_rng(0).random(50)
    one, same, other = (Bootstrap(np.arange(50), seed=seed).interval(values, np.ones(50)) for seed in (0, 0, 1))
    assert one == same != other
    assert Bootstrap(np.arange(50)).interval(values, np.ones(50)) == one


def test_draws_without_any_denominator_are_left_out():
    # Only the first two of three pictures have the kind that is asked for: some draws have neither.
    low, high = Bootstrap(["a", "b", "c"], resamples=500).interval([0, 1, 1], [1, 1, 1], [True, True, False])
    assert (low, high) == (0.0, 1.0)


def test_the_calibration_error_weights_bins_by_what_is_in_them():
    # Present at 0.95 and 0.05, absent at 0.05 and 0.15: bins 9, 0 and 1 are off by 0.05, by 0.45 and by 0.15, with
    # weights of 1/4, 1/2 and 1/4.
    confidence, positive = np.array([0.95, 0.05, 0.05, 0.15]), np.array([True, True, False, False])
    assert calibration_error(confidence, positive) == pytest.approx(0.25 * 0.05 + 0.5 * 0.45 + 0.25 * 0.15)
    # In one bin what is too high and too low cancels: a mean confidence of 0.3 for a half.
    assert calibration_error(confidence, positive, bins=1) == pytest.approx(0.2)
    # A confidence of 1 is in the last bin, and only positives, or only negatives, have weights of a half.
    assert calibration_error(np.array([1.0, 0.91]), np.array([True, True])) == pytest.approx(0.5 * 0.045)
    assert calibration_error(np.array([0.2]), np.array([False])) == pytest.approx(0.5 * 0.2)


def test_auroc_with_unequal_numbers():
    # Of six pairs of a positive and a negative, five are in the right order, and one is a tie.
    positive = np.array([True, True, False, False, False])
    assert auroc(np.array([0.9, 0.3, 0.3, 0.2, 0.1]), positive) == pytest.approx(5.5 / 6)


def test_a_mean_over_frames_takes_any_names_of_expressions():
    assert mean_over_frames([1.0, 0.0, 0.5], [7, 3, 7]).value == pytest.approx(0.375)


def test_generalized_iou_of_one_that_is_absent_and_answered_is_zero():
    assert generalized_iou([0], [40], [False]).value == 0
    assert generalized_iou([0], [0], [False]).value == 1
    assert generalized_iou([0], [0], [True]).value == 0
    assert np.isnan(generalized_iou([], [], []).value)
