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
