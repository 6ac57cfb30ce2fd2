"""Less work where answers take too long, and all of it again where they do not."""

from __future__ import annotations

import pytest

from ris_ros.config import Config
from ris_ros.node.latency_limit import FAST_ANSWERS, SLOW_ANSWERS, STEPS, LatencyLimit


def limited(seconds, max_latency=1.0):
    limit = LatencyLimit()
    for one in seconds:
        limit.add(one, max_latency)
    config = Config.from_dict({"max_latency": max_latency})
    return limit.apply(config), limit.note(config)


@pytest.mark.parametrize("step", range(len(STEPS)))
def test_slow_answers_take_one_step_after_the_other(step):
    config, note = limited([1.5] * SLOW_ANSWERS * step)
    assert {name: config.to_dict()[name] for name in STEPS[step]} == STEPS[step]
    assert all(f"{name} at most {bound}" in note for name, bound in STEPS[step].items())
    assert bool(note) == (step > 0)


def test_a_single_slow_answer_changes_nothing():
    assert limited([0.9, 1.5, 0.9, 1.5, 0.9]) == (Config.from_dict({"max_latency": 1.0}), "")


def test_work_comes_back_when_answers_are_fast():
    config, note = limited([1.5] * SLOW_ANSWERS + [0.1] * FAST_ANSWERS)
    assert config == Config.from_dict({"max_latency": 1.0})
    assert not note


def test_answers_just_within_the_limit_keep_the_step():
    assert limited([1.5] * SLOW_ANSWERS + [0.9] * 100)[1]


def test_the_least_work_is_kept_however_slow_it_is():
    config, _ = limited([9.0] * 100)
    assert config.proposals.max_prompts == STEPS[-1]["proposals.max_prompts"]


def test_a_smaller_setting_is_kept():
    limit = LatencyLimit()
    for _ in range(100):
        limit.add(9.0, 1.0)
    assert limit.apply(Config.from_dict({"max_latency": 1.0, "proposals.max_prompts": 4})).proposals.max_prompts == 4


def test_without_a_limit_nothing_is_left_out():
    config, note = limited([9.0] * 100, max_latency=0.0)
    assert config == Config()
    assert not note
