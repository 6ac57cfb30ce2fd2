"""The benchmark: its measurements are there and its answers agree; people judge the values."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from ris_ros.cli import app
from ris_ros.config import Config
from ris_ros.errors import InputError
from ris_ros.tools import bench
from ris_ros.tools.bench.encoding import repeat_masks
from ris_ros.tools.bench.proposals import recall
from ris_ros.utils import backends


def test_encoding_agrees_with_the_reference_and_its_times_are_plotted(tmp_path, monkeypatch):
    image = np.full((240, 320, 3), 180, np.uint8)
    cv2.circle(image, (90, 120), 50, (40, 40, 220), -1)
    cv2.rectangle(image, (190, 70), (290, 170), (200, 80, 20), -1)
    cv2.imwrite(str(tmp_path / "shapes.png"), image)
    # Subprocesses only tell peaks of memory apart, and each would load everything again.
    for module in (bench, bench.encoding):
        monkeypatch.setattr(module, "run_in_subprocess", lambda work, *arguments: work(*arguments))
    done = CliRunner().invoke(app, [
        "bench", "encoding", "--architecture", "ViT-S-32-alt", "--masks", "2", "--masks", "4", "--json", "--image",
        str(tmp_path / "shapes.png"), "--plot", str(tmp_path / "bench.png"), "--device", "cpu",
        "--set", "proposals.max_prompts=4"], catch_exceptions=False)
    report = json.loads(done.stdout)
    exact = [row for row in report["parts"]["encoding"] if "float32" in row["what"]]
    assert [row["what"] for row in exact] == [f"ViT-S-32-alt, float32, {count} masks" for count in (2, 4)]
    for row in exact:
        assert row["same answers"] == "20 of 20"
        assert row["furthest feature"] < 1e-4
        assert row["ratio"] == pytest.approx(row["reference"] / row["seconds"])
        assert 0 < row["arithmetic"] < 1
        assert row["GB"] > 0
    assert 0 < report["parts"]["global features alone"][1]["the same, by arithmetic"] < 0.25
    assert report["device"] == "cpu"
    assert cv2.imread(str(tmp_path / "bench.png")).std() > 1


def test_a_side_is_measured_in_a_subprocess():
    assert bench.run_in_subprocess(os.getppid) == os.getpid()


def test_repeated_masks_differ():
    masks = np.zeros((2, 10, 40), bool)
    masks[0, :3, :5], masks[1, 4:, 30:] = True, True
    assert len(np.unique(repeat_masks(masks, 7).reshape(7, -1), axis=0)) == 7


def test_recall_counts_masks_that_overlap_enough():
    masks = np.zeros((3, 10, 10), bool)
    masks[0, :5], masks[1, 5:], masks[2, :4] = True, True, True
    assert recall(masks[:2], masks[2:]) == 0.5
    assert recall(masks[2:], masks[:2]) == 1.0
    assert recall(masks, masks[:0]) == 0.0


def test_an_unknown_part_is_refused():
    done = subprocess.run([str(Path(sys.executable).with_name("ris")), "bench", "everything"], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 2
    assert "start, backends, proposals, encoding, command" in done.stderr


def test_the_backends_are_measured_and_remembered(monkeypatch, tmp_path):
    monkeypatch.setenv("RIS_CACHE", str(tmp_path))
    file = tmp_path / "encoder.onnx"
    file.write_bytes(b"network")
    versions, outputs = {"onnxruntime": "1.0", "openvino": "2.0"}, {"onnxruntime": 0.0, "openvino": 0.25}
    monkeypatch.setattr(bench.backends, "find_files", lambda checkpoint: (file, file))
    monkeypatch.setattr(backends, "installed", lambda: versions)
    monkeypatch.setattr(backends, "load", lambda file, backend: lambda values: np.float32([outputs[backend]]))
    monkeypatch.setattr(backends, "time_backends", lambda networks, shape: {"onnxruntime": 3.0, "openvino": 2.0})
    monkeypatch.setattr(bench.backends, "run_in_subprocess", lambda work, *arguments: work(*arguments))
    first, second = bench.bench_backends(Config())
    assert (first["what"], second["what"]) == ("onnxruntime 1.0", "openvino 2.0 (auto)")
    assert (first["time, auto = 1"], second["time, auto = 1"]) == (1.5, 1.0)
    assert (first["largest difference"], second["largest difference"]) == (0.0, 0.25)
    assert backends.remembered(file).backend == "openvino"
    with pytest.raises(InputError, match="the proposer sam has one backend, torch"):
        bench.bench_backends(Config.from_dict({"proposals.method": "sam"}))


def test_early_answers_are_measured_beside_those_among_all_masks(monkeypatch):
    monkeypatch.setattr(bench.early, "run_in_subprocess", lambda work, *arguments: work(*arguments))
    monkeypatch.setattr(bench.early, "RUNS", 2)
    config = Config.from_dict({"proposals.max_prompts": 40})
    rows = bench.bench_early([bench.simulated_example()], config, "cpu")
    commands, medians = rows[:2], rows[2:]
    assert medians[-1]["what"] == "all"
    for row in commands:
        assert row["ratio"] == pytest.approx(row["whole: seconds"] / row["seconds"])
        assert row["ratio of processor times"] > 0
    assert medians[-1]["ratio"] == pytest.approx(np.mean([row["ratio"] for row in commands]))
    assert len(medians) == 1 + any(row["early"] for row in commands)
    with pytest.raises(InputError, match="early_prompts"):
        bench.bench_early([], config.replace({"proposals.early_prompts": 0}), "cpu")


def test_growth_is_measured_with_its_exponent(monkeypatch):
    few = {"MASKS": (2, 4), "SIZES": ((160, 120), (320, 240)), "CAMERAS": (1, 2), "WORDS": (4, 9)}
    for name, values in few.items():
        monkeypatch.setattr(bench.scale, name, values)
    monkeypatch.setattr(bench.scale, "run_in_subprocess", lambda work, *arguments: work(*arguments))
    load, loaded = bench.scale._warm_segmenter, []

    def load_once(*about):
        loaded[:] = loaded or [load(*about)]
        return loaded[0]

    monkeypatch.setattr(bench.scale, "_warm_segmenter", load_once)
    done = CliRunner().invoke(app, ["bench", "scale", "--json", "--device", "cpu", "--set", "proposals.max_prompts=4"],
                              catch_exceptions=False)
    tables = json.loads(done.stdout)["parts"]
    assert list(tables) == [f"time and memory by {what}" for what in ("masks", "pixels", "cameras", "words")]
    for table in tables.values():
        *rows, exponent = table
        assert all(row["seconds"] > 0 and row["GB"] > 0 for row in rows)
        assert np.isfinite(exponent["seconds"])


@pytest.mark.parametrize("power", [0, 1, 1.5])
def test_the_exponent_is_that_of_the_growth(power):
    rows = [{"masks": count, "seconds": 0.3 * count**power} for count in (16, 64, 512)]
    assert bench.scale.with_exponent("masks", rows)[-1]["seconds"] == pytest.approx(power)


@pytest.mark.parametrize("words", bench.scale.WORDS)
def test_a_long_expression_has_the_length_asked_for(words):
    assert len(bench.scale.long_expression(words, ["red cup", "blue bowl"]).split()) == words
