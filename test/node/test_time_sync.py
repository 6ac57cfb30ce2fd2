"""Which depth image belongs to which colour image."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ris_ros.node.time_sync import (
    MAX_DEPTH_WAIT_SECONDS,
    MAX_PAIR_AGE_SECONDS,
    MAX_SAMPLES,
    ApproximateTimeSync,
    Sample,
)

MS = 10**6


def sample(milliseconds, arrived=0.0):
    return Sample(stamp=milliseconds * MS, arrived=arrived, number=0, data=milliseconds)


def taken(sync, now=0.0, *, depth_expected=True, tolerance=0.02):
    return [(image.data, depth and depth.data)
            for image, depth in sync.take(now, depth_expected=depth_expected, tolerance=tolerance)]


@pytest.fixture
def sync():
    return ApproximateTimeSync()


def test_without_depth_every_image_can_be_used_newest_first(sync):
    for stamp in (0, 33, 66):
        sync.add_image(sample(stamp))
    assert taken(sync, depth_expected=False) == [(66, None), (33, None), (0, None)]
    assert taken(sync, depth_expected=False) == []


def test_an_image_waits_until_the_depth_closest_in_time_is_certain(sync):
    sync.add_image(sample(100))
    sync.add_depth(sample(90))
    assert taken(sync) == []
    assert sync.is_waiting
    sync.add_depth(sample(102))
    sync.add_depth(sample(130))
    assert taken(sync) == [(100, 102)]
    assert not sync.is_waiting


def test_an_older_complete_pair_is_used_while_the_newest_image_waits(sync):
    for stamp in (0, 33):
        sync.add_image(sample(stamp))
    sync.add_depth(sample(0))
    assert taken(sync) == [(0, 0)]
    assert sync.is_waiting
    sync.add_depth(sample(33))
    assert taken(sync) == [(33, 33)]


def test_depth_outside_the_tolerance_is_not_used(sync):
    sync.add_image(sample(100))
    sync.add_depth(sample(79))
    sync.add_depth(sample(121))
    assert taken(sync) == [(100, None)]


@pytest.mark.parametrize(("depth", "paired"), [(95, 95), (50, None)])
def test_an_image_waits_for_depth_only_for_a_while(sync, depth, paired):
    sync.add_image(sample(100, arrived=7.0))
    sync.add_depth(sample(depth, arrived=7.0))
    assert taken(sync, 7.0 + MAX_DEPTH_WAIT_SECONDS / 2) == []
    assert taken(sync, 7.0 + 2 * MAX_DEPTH_WAIT_SECONDS) == [(100, paired)]


def test_stamps_that_go_back_clear_what_came_before(sync):
    sync.add_image(sample(5000))
    sync.add_depth(sample(5000))
    sync.add_depth(sample(0))
    sync.add_image(sample(0))
    assert taken(sync) == [(0, 0)]


def test_only_the_newest_samples_are_kept(sync):
    for stamp in range(100):
        sync.add_image(sample(stamp))
        sync.add_depth(sample(stamp))
    assert [image for image, _ in taken(sync)] == list(range(99, 99 - MAX_SAMPLES, -1))


def test_nothing_is_left_after_clearing(sync):
    sync.add_image(sample(1))
    sync.clear()
    assert not sync.is_waiting
    assert taken(sync, depth_expected=False) == []


@settings(max_examples=100, deadline=None, derandomize=True)
@given(period=st.sampled_from([0.01, 0.033, 0.1, 0.5, 2.0]), depth_delay=st.sampled_from([None, 0.0, 0.05, 0.25, 5.0]),
       pauses=st.lists(st.floats(0, 20), min_size=1, max_size=8), queue=st.integers(1, 5))
def test_after_a_job_of_any_length_the_image_is_as_new_as_the_camera_allows(period, depth_delay, pauses, queue):
    """Between jobs, the newest image is taken as the worker does: every 5 ms until one comes."""
    sync, now, sent, depths_sent = ApproximateTimeSync(), 0.0, 0, 0

    def receive():
        """Add what the middleware has kept of what was sent by now."""
        nonlocal sent, depths_sent
        last = int(now / period)
        for number in range(max(sent, last - queue), last):
            sync.add_image(Sample(int(number * period * 1e9), number * period, number, b""))
        sent = max(sent, last)
        if depth_delay is not None and now > depth_delay:
            last = int((now - depth_delay) / period)
            for number in range(max(depths_sent, last - queue), last):
                sync.add_depth(Sample(int(number * period * 1e9), number * period + depth_delay, number, b""))
            depths_sent = max(depths_sent, last)

    for pause in pauses:
        now += pause
        started = now
        while not (receive() or (pairs := sync.take(now, depth_expected=True, tolerance=0.02))):
            now += 0.005
            assert now - started < 2 * period + MAX_DEPTH_WAIT_SECONDS + 0.05, "no image comes"
        assert now - pairs[0][0].arrived <= max(MAX_PAIR_AGE_SECONDS, 2 * period + MAX_DEPTH_WAIT_SECONDS) + 0.01
