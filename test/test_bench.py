"""The benchmark's figures are there and its answers agree; how large they are is for people to read."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Path:
    image = np.full((240, 320, 3), 180, np.uint8)
    cv2.circle(image, (90, 120), 50, (40, 40, 220), -1)
    cv2.rectangle(image, (190, 70), (290, 170), (200, 80, 20), -1)
    file = tmp_path_factory.mktemp("bench") / "shapes.png"
    cv2.imwrite(str(file), image)
    return file


def bench(*words: str) -> dict:
    done = subprocess.run([str(Path(sys.executable).with_name("ris")), "bench", *words, "--json", "--device", "cpu"],
                          capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_encoding_gives_the_reference_loops_answer(picture):
    report = bench("encoding", "--architecture", "ViT-B-32", "--masks", "4", "--image", str(picture))
    [row] = report["parts"]["encoding"]
    assert row["same answer"]
    assert row["ratio"] == pytest.approx(row["reference"] / row["seconds"])
    assert report["device"] == "cpu"


def test_an_unknown_part_is_refused():
    done = subprocess.run([str(Path(sys.executable).with_name("ris")), "bench", "everything"], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 2
    assert "start, proposals, encoding, command" in done.stderr
