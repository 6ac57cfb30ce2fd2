from __future__ import annotations

import numpy as np
import pytest

from ris_ros.evaluation.metrics import contour_accuracy, mask_contour

HEIGHT, WIDTH = 300, 400  # a diagonal of 500, a tolerance of 4


def box(top, left, height, width):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top:top + height, left:left + width] = True
    return mask


SQUARE = box(100, 120, 100, 100)


def test_the_contour_is_half_a_pixel_towards_the_origin():
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[99:200, 119:220] = True
    expected[100:199, 120:219] = False
    np.testing.assert_array_equal(mask_contour(SQUARE), expected)


@pytest.mark.parametrize(("mask", "length"), [
    (box(0, 0, 10, 10), 19), (box(290, 390, 10, 10), 21), (box(0, 50, HEIGHT, 50), 2 * HEIGHT),
    (box(0, 0, HEIGHT, WIDTH), 0), (box(0, 0, 0, 0), 0)])
def test_the_border_of_the_image_has_no_contour(mask, length):
    assert mask_contour(mask).sum() == length


@pytest.mark.parametrize(("predicted", "truth", "accuracy"), [
    (SQUARE, SQUARE, 1), (box(100, 124, 100, 100), SQUARE, 1), (box(98, 121, 100, 100), SQUARE, 1),
    # Moved by 5: of a ring of 400 pixels, the far side (101) is lost, and of the other all but its ends (101 - 10).
    (box(100, 125, 100, 100), SQUARE, 1 - 192 / 400),
    (box(0, 0, 50, 50), SQUARE, 0),
    # One of two equal squares is found: a precision of 1, a recall of 1/2.
    (box(10, 10, 50, 50), box(10, 10, 50, 50) | box(10, 200, 50, 50), 2 / 3),
    (box(0, 0, 0, 0), box(0, 0, 0, 0), 1), (box(0, 0, 0, 0), SQUARE, 0), (SQUARE, box(0, 0, 0, 0), 0),
    (box(0, 0, HEIGHT, 54), box(0, 0, HEIGHT, 50), 1), (box(0, 0, HEIGHT, 55), box(0, 0, HEIGHT, 50), 0),
    # A peculiarity of the benchmark: neither a mask that fills the image nor an empty one has a contour.
    (box(0, 0, HEIGHT, WIDTH), box(0, 0, 0, 0), 1), (box(0, 0, HEIGHT, WIDTH), SQUARE, 0),
])
def test_contour_accuracy_by_hand(predicted, truth, accuracy):
    assert contour_accuracy(predicted, truth) == pytest.approx(accuracy)
    assert contour_accuracy(truth, predicted) == pytest.approx(accuracy)


def by_definition(predicted, truth):
    """Return F from contour pixels by comparing neighbours, and exact distances to the other contour."""
    from scipy.ndimage import distance_transform_edt

    def points(mask):
        found = np.zeros(mask.shape, bool)
        for down, right in ((0, 1), (1, 0), (1, 1)):
            height, width = mask.shape[0] - down, mask.shape[1] - right
            found[:height, :width] |= mask[:height, :width] != mask[down:, right:]
        return found

    tolerance = np.ceil(0.008 * np.sqrt(truth.shape[0]**2 + truth.shape[1]**2))
    ours, theirs = points(predicted), points(truth)
    precision = (distance_transform_edt(~theirs)[ours] <= tolerance).mean()
    recall = (distance_transform_edt(~ours)[theirs] <= tolerance).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0


@pytest.mark.parametrize("size", [(120, 160), (97, 301), (480, 854)])
def test_contour_accuracy_agrees_with_its_definition(size):
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    accuracies = []
    for _ in range(12):
        ground = gaussian_filter(rng.random(size), size[0] / 20)
        other = ground + rng.uniform(0, 1) * gaussian_filter(rng.random(size), size[0] / 20)
        share, off = rng.uniform(0.3, 0.9), rng.uniform(-0.1, 0.1)
        truth, predicted = ground > np.quantile(ground, share), other > np.quantile(other, share + off)
        accuracies.append(contour_accuracy(predicted, truth))
        assert accuracies[-1] == pytest.approx(by_definition(predicted, truth), abs=1e-12)
    assert min(accuracies) < 0.7 < max(accuracies)
