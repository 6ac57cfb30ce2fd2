"""Which depth belongs to which image."""

from __future__ import annotations

import pytest

from ris_ros.node.time_sync import KEPT, PATIENCE, ApproximateTimeSync, Sample

MS = 10**6


def sample(milliseconds, arrived=0.0):
    return Sample(stamp=milliseconds * MS, arrived=arrived, number=0, data=milliseconds)


def taken(pairing, now=0.0, *, depth_expected=True, tolerance=0.02):
    return [(image.data, depth and depth.data)
            for image, depth in pairing.take(now, depth_expected=depth_expected, tolerance=tolerance)]


@pytest.fixture
def pairing():
    return ApproximateTimeSync()


def test_without_depth_every_image_can_be_used_newest_first(pairing):
    for stamp in (0, 33, 66):
        pairing.add_image(sample(stamp))
    assert taken(pairing, depth_expected=False) == [(66, None), (33, None), (0, None)]
    assert taken(pairing, depth_expected=False) == []


def test_an_image_gets_the_depth_closest_in_time_and_waits_until_that_is_certain(pairing):
    pairing.add_image(sample(100))
    pairing.add_depth(sample(90))
    assert taken(pairing) == []
    assert pairing.is_waiting
    pairing.add_depth(sample(102))
    pairing.add_depth(sample(130))
    assert taken(pairing) == [(100, 102)]
    assert not pairing.is_waiting


def test_an_older_complete_pair_is_used_while_the_newest_image_waits(pairing):
    for stamp in (0, 33):
        pairing.add_image(sample(stamp))
    pairing.add_depth(sample(0))
    assert taken(pairing) == [(0, 0)]
    assert pairing.is_waiting
    pairing.add_depth(sample(33))
    assert taken(pairing) == [(33, 33)]


def test_depth_that_is_too_far_in_time_is_left_out(pairing):
    pairing.add_image(sample(100))
    pairing.add_depth(sample(79))
    pairing.add_depth(sample(121))
    assert taken(pairing) == [(100, None)]


@pytest.mark.parametrize(("depth", "paired"), [(95, 95), (50, None)])
def test_patience_ends(pairing, depth, paired):
    pairing.add_image(sample(100, arrived=7.0))
    pairing.add_depth(sample(depth, arrived=7.0))
    assert taken(pairing, 7.0 + PATIENCE / 2) == []
    assert taken(pairing, 7.0 + 2 * PATIENCE) == [(100, paired)]


def test_stamps_that_go_back_clear_what_came_before(pairing):
    pairing.add_image(sample(5000))
    pairing.add_depth(sample(5000))
    pairing.add_depth(sample(0))
    pairing.add_image(sample(0))
    assert taken(pairing) == [(0, 0)]


def test_little_is_kept(pairing):
    for stamp in range(100):
        pairing.add_image(sample(stamp))
        pairing.add_depth(sample(stamp))
    assert [image for image, _ in taken(pairing)] == list(range(99, 99 - KEPT, -1))


def test_nothing_is_left_after_clearing(pairing):
    pairing.add_image(sample(1))
    pairing.clear()
    assert not pairing.is_waiting
    assert taken(pairing, depth_expected=False) == []
