"""Positions, sizes and overlaps of rectangles, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from ris_ros.grounding import Layout
from ris_ros.types import CameraModel, Depth, Proposals

HEIGHT, WIDTH = 120, 160


def measure(*boxes, depth=None, shape=(HEIGHT, WIDTH)):
    masks = np.zeros((len(boxes), *shape), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    return Layout.measure(Proposals.from_masks(masks), depth)


def test_centre_extent_and_area_are_shares_of_the_image():
    layout = measure((40, 30, 80, 60), (0, 0, 160, 120))
    np.testing.assert_allclose(layout.centre, [(60 / 160, 45 / 120), (0.5, 0.5)])
    np.testing.assert_allclose(layout.extent, [(0.25, 0.25), (1, 1)])
    np.testing.assert_allclose(layout.area, [1 / 16, 1])
    assert len(layout) == 2
    assert not layout.metric


def test_the_centre_is_that_of_the_mask_and_not_of_its_box():
    masks = np.zeros((1, HEIGHT, WIDTH), bool)
    masks[0, 30:60, 40:80] = masks[0, 60:100, 40:50] = True       # 1,200 pixels, and 400 below their left.
    layout = Layout.measure(Proposals.from_masks(masks))
    x, y = (1200 * 60 + 400 * 45) / 1600, (1200 * 45 + 400 * 80) / 1600
    np.testing.assert_allclose(layout.centre, [(x / 160, y / 120)])
    np.testing.assert_allclose(layout.extent, [(40 / 160, 70 / 120)])


def test_a_large_image_is_compared_in_small_but_measured_the_same():
    large = measure((160, 120, 320, 240), (160, 120, 240, 240), shape=(480, 640))
    small = measure((40, 30, 80, 60), (40, 30, 60, 60))
    for name in ("centre", "extent", "area", "inside"):
        np.testing.assert_allclose(getattr(large, name), getattr(small, name), atol=0.01)


@pytest.mark.parametrize("box", [(5, 5, 5, 5), (5, 5, 6, 6)])
def test_an_empty_mask_and_a_tiny_one_have_a_layout(box):
    layout = measure(box)
    for name in ("centre", "extent", "area", "inside", "contact", "surround", "low", "high"):
        assert np.isfinite(getattr(layout, name)).all()


def test_overlaps_are_shares_of_either_mask():
    # A mask of 40 x 30, its left half, and one that shares a quarter of it.
    layout = measure((40, 30, 80, 60), (40, 30, 60, 60), (70, 30, 110, 60))
    np.testing.assert_allclose(layout.inside, [(1, 0.5, 0.25), (1, 1, 0), (0.25, 0, 1)])
    np.testing.assert_allclose(layout.nested, [(1, 1, 0.25), (1, 1, 0), (0.25, 0, 1)])
    np.testing.assert_allclose(layout.coincident, [(1, 0.5, 0.25), (0.5, 1, 0), (0.25, 0, 1)])


def test_contact_is_the_share_of_the_lower_edge_that_rests_on_another():
    # A can on a book: half of the can's lower edge borders the book.
    can, book = (40, 30, 60, 60), (50, 60, 90, 80)
    layout = measure(can, book)
    np.testing.assert_allclose(layout.contact, [(0, 0.5), (0, 0)])
    # Of the edge all around, two pixels wide: 2 * (2 * 20 + 2 * 30), of which 2 * 10 are the book's.
    np.testing.assert_allclose(layout.surround, [(0, 20 / 200), (20 / 240, 0)])


def test_what_is_beside_touches_without_being_rested_on():
    layout = measure((40, 30, 60, 60), (60, 30, 80, 60), (20, 30, 40, 60), (40, 10, 60, 30))
    np.testing.assert_allclose(layout.contact[0], 0)
    np.testing.assert_allclose(layout.surround[0], (0, 60 / 200, 60 / 200, 40 / 200))
    # The gap that still counts as none is a pixel.
    assert measure((40, 30, 60, 60), (61, 30, 80, 60)).surround[0, 1] == pytest.approx(30 / 200)
    assert measure((40, 30, 60, 60), (62, 30, 80, 60)).surround[0, 1] == 0


def test_at_the_images_border_there_is_no_edge():
    layout = measure((0, 0, 20, 120), (140, 0, 160, 120))
    np.testing.assert_allclose(layout.surround, 0)


def test_without_depth_objects_are_taken_to_stand_on_the_ground():
    # A camera 1 high, 35 degrees down; 80 pixels are 30 degrees: a focal length of 138.56 pixels.
    layout = measure((60, 40, 100, 60), (70, 10, 90, 60))
    # The base is on the optical axis: 1 / tan(35 degrees) forward, 1 / sin(35 degrees) away.
    forward, away = 1.428148, 1.743447
    half = 20 / 138.5641 * away
    np.testing.assert_allclose(layout.low, [(-half, forward, 0), (-half / 2, forward, 0)], atol=1e-5)
    # As deep as wide. What is seen of a low object is its top alone: it gets a fifth of its width as height.
    low = 0.2 * 2 * half / np.cos(np.radians(35))
    tall = (50 / 138.5641 * away - half * np.sin(np.radians(35))) / np.cos(np.radians(35))
    np.testing.assert_allclose(layout.high, [(half, forward + 2 * half, low), (half / 2, forward + half, tall)],
                               atol=1e-5)
    np.testing.assert_allclose(layout.size, layout.high - layout.low)
    np.testing.assert_allclose(layout.middle[0], (0, forward + half, low / 2), atol=1e-5)


def test_without_depth_what_is_higher_in_the_image_is_farther():
    # At the lower border atan(60 / 138.56) more than 35 degrees down, at the upper third less.
    layout = measure((70, 100, 90, 120), (70, 10, 90, 30))
    angles = np.radians(35) + np.arctan(np.array([60, -30]) / 138.5641)
    np.testing.assert_allclose(layout.low[:, 1], 1 / np.tan(angles), rtol=1e-6)
    # The distance along the optical axis gives the width.
    away = np.cos(angles - np.radians(35)) / np.sin(angles)
    np.testing.assert_allclose(layout.size[:, 0], 20 / 138.5641 * away, rtol=1e-6)
    # In a portrait image the longer side has the same field of view.
    portrait = measure((50, 140, 70, 160), shape=(160, 120))
    np.testing.assert_allclose(portrait.low[0, 1], 1 / np.tan(np.radians(35) + np.arctan(80 / 138.5641)), rtol=1e-6)


CAMERA = CameraModel(np.array([[100.0, 0, 80], [0, 100, 60], [0, 0, 1]]))


def test_with_depth_the_ends_are_in_metres_without_stray_points():
    # A wall 1 m away, and no ground: right, forward and up are x, z and -y. Of 40 columns and 30 rows, 4 % of the
    # points at each end are left out: one column, and one row.
    metres = np.ones((HEIGHT, WIDTH), np.float32)
    layout = measure((40, 30, 80, 60), depth=Depth(metres, CAMERA))
    assert layout.metric
    np.testing.assert_allclose(layout.low, [(-0.39, 1, 0.02)], atol=1e-6)
    np.testing.assert_allclose(layout.high, [(-0.02, 1, 0.29)], atol=1e-6)


@pytest.mark.parametrize("unknown", [0, -1, np.nan, np.inf])
def test_unknown_depth_is_left_out(unknown):
    metres = np.ones((HEIGHT, WIDTH), np.float32)
    metres[:, 60:] = unknown
    layout = measure((40, 30, 80, 60), (70, 30, 80, 60), depth=Depth(metres, CAMERA))
    # The left half is measured, from -0.4 to -0.21, of which 4 % of the points at each end are no whole column.
    assert layout.low[0, 0] == pytest.approx(-0.4, abs=1e-6)
    assert layout.high[0, 0] == pytest.approx(-0.21, abs=1e-6)
    # Of the second one nothing is known.
    assert np.isnan(layout.low[1]).all()
    assert np.isnan(layout.high[1]).all()
