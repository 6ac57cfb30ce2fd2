"""A run on two real Ray workers on this machine."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace

import pytest

from ris_ros.config import Config
from ris_ros.errors import MissingError
from ris_ros.evaluation.datasets import load_dataset
from ris_ros.evaluation.evaluator import Plan
from ris_ros.evaluation.run import cluster_runner, evaluate
from ris_ros.evaluation.summary import Summary
from ris_ros.utils.ray_pool import MAX_ATTEMPTS

pytestmark = pytest.mark.slow


def comparable(records):
    """Drop the values that vary between runs: times, and the last digits of the confidence."""
    return [replace(record, seconds=0.0, confidence=round(record.confidence, 4)) for record in records]


@pytest.mark.timeout(900)  # Ray's processes start slowly on a busy machine
def test_a_cluster_gives_the_results_of_one_process_even_if_a_worker_is_lost(davis_root, tmp_path):
    pytest.importorskip("ray")
    data = load_dataset("davis", davis_root)
    plan = Plan("score-map", Config.from_dict({"device": "cpu"}), "truth")
    first_death = tmp_path / "died"
    pickled_plan = pickle.dumps(plan)  # so that a worker that dies does not import the models first

    class DyingOnce:  # a local class, which is sent to the workers by value
        def build(self):
            def evaluate_picture(picture, built=[]):  # noqa: B006
                if picture.id == "poison" or not first_death.exists():
                    first_death.touch()
                    os._exit(1)
                built[:] = built or [pickle.loads(pickled_plan).build()]
                return built[0](picture)
            return evaluate_picture

    alone = evaluate(data, plan, tmp_path / "alone")
    with cluster_runner(DyingOnce(), workers=2) as runner:
        together = evaluate(data, plan, tmp_path / "together", runner=runner)
        (poisoned,) = runner([replace(data.pictures[0], id="poison")])
    assert first_death.exists()
    assert comparable(together.records) == comparable(alone.records)
    metrics = [Summary(report.records).overall() for report in (alone, together)]
    assert repr(metrics[0]) == repr(metrics[1])
    assert {"J&F", "J", "F"} <= set(metrics[0])
    assert together.problems == alone.problems == []
    assert poisoned.records == []
    assert f"picture poison: {MAX_ATTEMPTS} workers were lost over it" in poisoned.problems[0]
    assert "2 expressions are left out" in poisoned.problems[0]


def test_an_address_without_a_cluster_is_refused_at_once():
    pytest.importorskip("ray")
    with pytest.raises(MissingError, match="no Ray cluster at 127"), cluster_runner(Plan(), "127.0.0.1:1"):
        pass
