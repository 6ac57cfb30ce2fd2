"""What `ris doctor` says of parts that are missing or of another version."""

from __future__ import annotations

import sys
from functools import partial

import pytest

from ris_ros.config import Config
from ris_ros.tools import doctor
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


def test_the_proposers_model_is_named_or_what_it_lacks(sam2_folder, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    settings = {"proposals.method": "sam2", "offline": True, "device": "cpu"}

    def check(checkpoint):
        config = Config.from_dict({**settings, "proposals.checkpoint": checkpoint})
        return doctor._check("proposals.method", partial(doctor._proposals, config), "see docs/proposals.md")

    assert check(str(sam2_folder)).found == f"sam2 {sam2_folder} on cpu"
    result = check("tiny")
    assert not result.ok and "run `ris weights fetch facebook/sam2.1-hiera-tiny`" in result.found
