"""The benchmark of the large models, on small ones."""

import json

import pytest
import torch
from typer.testing import CliRunner

from ris_ros.cli import app
from ris_ros.errors import MissingError
from ris_ros.tools import bench
from ris_ros.tools.bench import models


@pytest.fixture(autouse=True)
def short(monkeypatch):
    for name, value in {"RUNS": 1, "PROMPTS": 6, "MASKS": 6, "FRAMES": 4}.items():
        monkeypatch.setattr(models, name, value)
    # Subprocesses only tell peaks of memory apart.
    monkeypatch.setattr(models, "run_in_subprocess", lambda work, *arguments: work(*arguments))


def test_each_model_and_each_pair_is_measured_and_compared_with_the_cpu(monkeypatch, sam2_folder, sam2_video_folder):
    # The video memory of a model for 1024 pixels takes too long on a CPU.
    track = models.measure_tracking
    monkeypatch.setattr(models, "measure_tracking", lambda _, device: track(str(sam2_video_folder), device))
    rows = {row["what"]: row for row in models.bench_models([str(sam2_folder)], ["bundled"], "cpu")}
    assert list(rows) == [
        f"SAM 2 {sam2_folder}: encode an image", f"SAM 2 {sam2_folder}: 6 prompts",
        f"SAM 2 {sam2_video_folder}: track a frame", "bundled: encode 6 masks of an image",
        "bundled: another command on the same image", f"{sam2_folder} + bundled: a new image, 6 prompts, 6 masks",
        f"{sam2_folder} + bundled: another command"]
    parts = list(rows.values())
    assert all(row["seconds"] > 0 and row["a second"] == pytest.approx(1 / row["seconds"]) for row in parts)
    assert [row[models.FAR] for row in parts if models.FAR in row] == [0.0, 0.0, 0.0]  # The CPU against itself.
    assert parts[2]["pixels as on the CPU"] == 1
    assert parts[5]["seconds"] == pytest.approx(sum(parts[index]["seconds"] for index in (0, 1, 3)))
    assert parts[5]["GB"] == max(parts[0]["GB"], parts[3]["GB"])


def run(monkeypatch, *words):
    asked = []
    monkeypatch.setattr(bench, "bench_models", lambda *arguments: asked.append(arguments) or [{"what": "x", "GB": 1.0}])
    done = CliRunner().invoke(app, ["bench", *words, "--json", "--device", "cpu"], catch_exceptions=False)
    assert json.loads(done.stdout)["parts"] == {"models of true size, random weights": [{"what": "x", "GB": 1.0}]}
    return asked


def test_all_measures_every_size(monkeypatch):
    sizes = ["tiny/random", "small/random", "base-plus/random", "large/random"]
    assert run(monkeypatch, "--all") == [(sizes, ["ViT-B-16", "ViT-L-14"], "cpu")]
    assert run(monkeypatch, "models") == [(sizes[:1], ["ViT-B-16"], "cpu")]
    assert run(monkeypatch, "models", "--sam2", "large/random", "--architecture", "ViT-H-14") == [
        (["large/random"], ["ViT-H-14"], "cpu")]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_cuda_device_it_says_so():
    with pytest.raises(MissingError, match=r"device cuda does not exist: .* sees 0 CUDA devices"):
        CliRunner().invoke(app, ["bench", "--all", "--device", "cuda"], catch_exceptions=False)
