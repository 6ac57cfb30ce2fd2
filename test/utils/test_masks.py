"""Overlaps of masks and boxes."""

from __future__ import annotations

import numpy as np
import pytest

from ris_ros.utils.masks import box_iou, mask_ious


@pytest.mark.parametrize(("first", "second", "iou"), [
    ((0, 0, 10, 10), (0, 0, 10, 10), 1.0), ((0, 0, 10, 10), (5, 0, 15, 10), 1 / 3), ((0, 0, 4, 4), (4, 0, 8, 4), 0.0),
    ((0, 0, 0, 0), (0, 0, 4, 4), 0.0), ((0, 0, 0, 0), (0, 0, 0, 0), 0.0), ((2, 2, 4, 4), (0, 0, 8, 8), 4 / 64),
])
def test_box_iou(first, second, iou):
    assert box_iou(first, second) == pytest.approx(iou)
    assert box_iou(second, first) == pytest.approx(iou)


def test_box_iou_agrees_with_pycocotools():
    from pycocotools import mask as coco

    rng = np.random.default_rng(0)
    boxes = np.sort(rng.integers(0, 50, (40, 2, 2)), axis=1).reshape(40, 4).astype(float)
    boxes[:, 2:] += 1
    ours = [[box_iou(first, second) for second in boxes[20:]] for first in boxes[:20]]
    xywh = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    np.testing.assert_allclose(ours, coco.iou(xywh[:20], xywh[20:], [0] * 20), atol=1e-9)


def test_mask_ious():
    mask = np.zeros((8, 10), bool)
    mask[2:6, 2:8] = True
    half = mask & (np.arange(10) < 5)
    ious = mask_ious(np.stack([mask, half, ~mask, np.zeros_like(mask)]), mask)
    assert ious.dtype == np.float64
    np.testing.assert_allclose(ious, [1, 0.5, 0, 0])
    assert mask_ious(np.zeros((0, 8, 10), bool), mask).shape == (0,)
