"""Two real Ray workers on this machine."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from ris_ros.config import Config
from ris_ros.errors import MissingError
from ris_ros.evaluation.cluster import examined_on
from ris_ros.evaluation.datasets import load
from ris_ros.evaluation.examiner import Plan
from ris_ros.evaluation.run import evaluate
from ris_ros.evaluation.summary import Figures
from ris_ros.utils.ray_pool import ATTEMPTS


def comparable(outcomes):
    """Without what differs from run to run: time, and the last digits of the confidence."""
    return [replace(outcome, seconds=0.0, confidence=round(outcome.confidence, 4)) for outcome in outcomes]


@pytest.mark.timeout(900)  # Ray's processes are slow to start on a busy machine
def test_workers_give_the_numbers_of_one_process_even_when_one_is_lost(davis_root, tmp_path):
    pytest.importorskip("ray")
    data = load("davis", davis_root)
    plan = Plan("score-map", Config.from_dict({"device": "cpu"}), "truth")
    first_death = tmp_path / "died"

    class Mortal:  # local, so that it travels by value
        def build(self):
            def examine(picture, built=[]):  # noqa: B006
                if picture.id == "poison" or not first_death.exists():
                    first_death.touch()
                    os._exit(1)
                built[:] = built or [plan.build()]
                return built[0](picture)
            return examine

    alone = evaluate(data, plan, tmp_path / "alone")
    with examined_on(Mortal(), workers=2) as stream:
        together = evaluate(data, plan, tmp_path / "together", stream=stream)
        (poisoned,) = stream([replace(data.pictures[0], id="poison")])
    assert first_death.exists()
    assert comparable(together.outcomes) == comparable(alone.outcomes)
    figures = [Figures(report.outcomes).overall() for report in (alone, together)]
    assert repr(figures[0]) == repr(figures[1])
    assert {"J&F", "J", "F"} <= set(figures[0])
    assert together.problems == alone.problems == []
    assert poisoned.outcomes == []
    assert f"picture poison: {ATTEMPTS} workers were lost over it" in poisoned.problems[0]
    assert "2 expressions are left out" in poisoned.problems[0]


def test_an_address_without_a_cluster_is_refused_at_once():
    pytest.importorskip("ray")
    with pytest.raises(MissingError, match="no Ray cluster at 127"), examined_on(Plan(), "127.0.0.1:1"):
        pass
