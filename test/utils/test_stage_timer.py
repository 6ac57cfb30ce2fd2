"""Stages within stages: no second counts twice."""

import time

import pytest

from ris_ros.utils.stage_timer import StageTimer


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves when it is told to."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


def test_an_inner_stage_is_taken_off_the_outer_one(clock):
    timer = StageTimer()
    with timer.stage("matching"):
        clock[0] += 2
        with timer.stage("text"):
            clock[0] += 3
        clock[0] += 1
    assert timer.take() == {"matching": 3, "text": 3}


def test_a_stage_that_comes_again_adds_up_and_taking_starts_anew(clock):
    timer = StageTimer()
    for _ in range(2):
        with timer.stage("text"):
            clock[0] += 1
    assert timer.take() == {"text": 2}
    assert timer.take() == {}


def test_a_stage_that_fails_still_counts(clock):
    timer = StageTimer()
    with pytest.raises(ValueError, match="failed"), timer.stage("matching"):
        clock[0] += 1
        raise ValueError("failed")
    with timer.stage("text"):
        clock[0] += 1
    assert timer.take() == {"matching": 1, "text": 1}
