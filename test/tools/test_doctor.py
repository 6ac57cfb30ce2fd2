"""What `ris doctor` says of parts that are missing or of another version."""

from __future__ import annotations

import sys

import pytest

from ris_ros.tools.doctor import run_checks


def finding(part):
    return next(result for result in run_checks() if result.part.startswith(part))


def test_interfaces_of_another_version_are_found_with_the_remedy(monkeypatch):
    msg = pytest.importorskip("ris_interfaces.msg", reason="ris_interfaces is not built")
    assert finding("ris_interfaces").ok
    monkeypatch.delattr(msg, "Grasp")
    result = finding("ris_interfaces")
    assert not result.ok and not result.needed
    assert "lacks Grasp" in result.found
    assert "scripts/setup" in result.remedy and "colcon build --base-paths" in result.remedy


def test_missing_interfaces_are_found(monkeypatch):
    monkeypatch.setitem(sys.modules, "ris_interfaces", None)
    assert not finding("ris_interfaces").ok
