"""Timing of nested stages."""

import time

import pytest

from ris_ros.utils.stage_timer import StageTimer


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test advances."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


def test_the_time_of_an_inner_stage_is_not_counted_for_the_outer_one(clock):
    timer = StageTimer()
    with timer.stage("matching"):
        clock[0] += 2
        with timer.stage("text"):
            clock[0] += 3
        clock[0] += 1
    assert timer.take() == {"matching": 3, "text": 3}


def test_repeated_stages_add_up_until_they_are_taken(clock):
    timer = StageTimer()
    for _ in range(2):
        with timer.stage("text"):
            clock[0] += 1
    assert timer.take() == {"text": 2}
    assert timer.take() == {}


def test_a_stage_that_raises_is_counted(clock):
    timer = StageTimer()
    with pytest.raises(ValueError, match="failed"), timer.stage("matching"):
        clock[0] += 1
        raise ValueError("failed")
    with timer.stage("text"):
        clock[0] += 1
    assert timer.take() == {"matching": 1, "text": 1}
