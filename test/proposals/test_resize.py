"""Coordinate transforms between an image, SAM's input and its logits."""

import numpy as np

from ris_ros.proposals.resize import ResizeTransform


def test_masks_have_the_position_of_their_logits():
    # A rectangle drawn at full size and sampled at the stride of the logits returns within half a stride.
    for height, width in ((480, 640), (640, 480), (100, 100), (3000, 2000)):
        transform = ResizeTransform(height, width)
        rows, columns = transform.logit_shape
        step = transform.scale / 4
        x1, y1, x2, y2 = (np.array([0.2, 0.3, 0.6, 0.9]) * [width, height, width, height]).round()
        across = np.minimum(np.arange(columns) + 0.5 - x1 * step[0], x2 * step[0] - np.arange(columns) - 0.5)
        down = np.minimum(np.arange(rows) + 0.5 - y1 * step[1], y2 * step[1] - np.arange(rows) - 0.5)
        [mask] = transform.resize_logits(np.minimum(across, down[:, None])[None].astype(np.float32))
        found = np.argwhere(mask)
        stride = np.ceil(0.5 / step.min())
        assert np.abs(found.min(axis=0) - [y1, x1]).max() <= stride
        assert np.abs(found.max(axis=0) + 1 - [y2, x2]).max() <= stride


def test_logits_cover_the_image_without_its_padding():
    transform = ResizeTransform(427, 640)
    assert transform.resize(np.zeros((427, 640, 3), np.uint8)).shape == (683, 1024, 3)
    assert transform.logit_shape == (171, 256)
    assert transform.resize_logits(np.ones((1, *transform.logit_shape), np.float32)).all()
