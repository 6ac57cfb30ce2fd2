"""`ris bench node`: its measurements are there; people judge the values."""

from __future__ import annotations

import os

import pytest

pytest.importorskip("rclpy")

from ris_ros.config import Config
from ris_ros.tools.bench import node
from ris_ros.tools.node_client import THIS_MACHINE_ONLY


def test_everything_is_measured(monkeypatch):
    for name in ("ROS_DOMAIN_ID", *THIS_MACHINE_ONLY):
        monkeypatch.setenv(name, os.environ[name])  # Undoes what the benchmark sets.
    monkeypatch.setattr(node, "WARM_UP_ANSWERS", 1)
    config = Config.from_dict({"device": "cpu", "proposals.max_prompts": 2, "proposals.search_prompts": 0})
    rows = {row["what"]: row["value"] for row in node.bench_node(config, seconds=1.0, frames=15)}

    def value(words):
        [found] = [value for what, value in rows.items() if words in what]
        return found

    assert 0 < value("a parameter call while the worker is busy") <= rows["the same: longest"]
    assert value("answered before an older one") == 0
    assert value("idle with images and depth") >= 0
    assert 100 < value("least in the first fifth") <= rows["the same: most"]
