"""Several bags, one after the other and on a cluster."""

import json
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from ris_ros.config import Config
from ris_ros.errors import InputError
from ris_ros.recordings.batch import BagPlan, plan_folders, segment_bags

FRAMES = 6


@pytest.mark.timeout(600)  # Ray's processes are slow to start on a busy machine
def test_on_a_cluster_an_unusable_bag_does_not_stop_the_others(recording, tmp_path):
    pytest.importorskip("ray")
    for name in ("kitchen", "hall"):
        shutil.copytree(recording, tmp_path / name)
    (tmp_path / "broken.mcap").write_bytes(b"no bag")
    run = subprocess.run(
        [str(Path(sys.executable).with_name("ris")), "bag", "kitchen", "broken.mcap", "hall", "--text", "the blue box",
         "--every", "6", "--json", "--output", "answers", "--ray", "local", "--workers", "1",
         "--set", "proposals.max_prompts=6", "--device", "cpu"],
        cwd=tmp_path, capture_output=True, text=True, timeout=580)
    assert run.returncode == 1
    assert "broken.mcap: " in run.stderr
    assert {json.loads(line)["bag"] for line in run.stdout.splitlines()} == {"kitchen", "hall"}
    assert {file.name for file in (tmp_path / "answers").iterdir()} >= {"kitchen_ris", "hall_ris"}
    results = [(tmp_path / "answers" / f"{name}_ris" / "results.jsonl").read_text() for name in ("kitchen", "hall")]
    assert [len(lines.splitlines()) for lines in results] == [1, 1]


def test_bags_are_segmented_one_after_the_other(oracle, recording, tmp_path, monkeypatch):
    monkeypatch.setattr(BagPlan, "build", lambda plan: partial(plan.segment, oracle))
    plan = BagPlan(Config(), ["the box"])
    part = tmp_path / "recording_ris.part"
    part.mkdir()
    (part / "left.over").write_text("of a run that was stopped")
    jobs = [(recording, tmp_path / "recording_ris"), (tmp_path / "none.mcap", tmp_path / "none_ris")]
    (_, good), (_, bad) = segment_bags(plan, jobs)
    assert good.frames == FRAMES and all(file.exists() for file in good.files) and not part.exists()
    assert "none.mcap" in bad


def test_folders_of_results_must_be_new_and_distinct(recording, tmp_path):
    other = tmp_path / "elsewhere" / f"{recording.name}.mcap"
    with pytest.raises(InputError, match="would both be in"):
        plan_folders([recording, other], tmp_path)
    (tmp_path / f"{recording.stem}_ris").mkdir()
    assert plan_folders([recording], tmp_path) == [(recording, tmp_path / f"{recording.stem}_ris")]
    (tmp_path / f"{recording.stem}_ris" / "mine.txt").write_text("precious")
    with pytest.raises(InputError, match="not empty"):
        plan_folders([recording], tmp_path)
