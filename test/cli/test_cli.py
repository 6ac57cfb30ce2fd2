"""The command line as users run it: a process, its output and its exit status."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco
from skimage import data

# The bundled model knows nothing of photographs: it must answer all the same.
QUICK = ("--set", "proposals.max_prompts=4", "--set", "matching.min_confidence=0.0", "--device", "cpu")


def ris(*words: str, stdin: str = "") -> subprocess.CompletedProcess:
    return subprocess.run([str(Path(sys.executable).with_name("ris")), *words], input=stdin, capture_output=True,
                          text=True, timeout=280)


def refused(*words: str, stdin: str = "") -> str:
    """The one line with which bad input is refused, exit status 2."""
    done = ris(*words, stdin=stdin)
    assert done.returncode == 2, done
    [line] = done.stderr.strip().splitlines()
    assert line.startswith("ris: ")
    return line


@pytest.fixture(scope="module")
def photograph(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("pictures") / "coffee.png"
    cv2.imwrite(str(file), cv2.cvtColor(data.coffee()[::2, ::2], cv2.COLOR_RGB2BGR))
    return file


def test_segment_prints_one_json_object_and_writes_the_overlay(photograph, tmp_path):
    overlay = tmp_path / "overlay.png"
    done = ris("segment", str(photograph), "the red cup", "--json", "--output", str(overlay), *QUICK)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert {"found", "box", "score", "confidence", "mask", "candidates", "timings"} <= set(answer)
    mask = coco.decode(answer["mask"])
    assert mask.shape == (200, 300)
    x1, y1, x2, y2 = answer["box"]
    assert mask[y1:y2, x1:x2].sum() == mask.sum() > 0
    assert (cv2.imread(str(overlay)) != cv2.imread(str(photograph))).any()


def test_segment_prints_a_table_for_people(photograph):
    done = ris("segment", str(photograph), "the red cup", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "rank" in done.stdout
    assert "matching" in done.stdout


def test_segment_refuses_what_it_cannot_read(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    assert "missing.png" in refused("segment", str(tmp_path / "missing.png"), "x")
    assert "no picture" not in refused("segment", str(tmp_path / "text.png"), "x")


def test_segment_refuses_an_empty_text(photograph):
    assert "names nothing" in refused("segment", str(photograph), "", *QUICK)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (4000, 5000)])
def test_segment_answers_the_smallest_and_a_20_megapixel_image(tmp_path, height, width):
    image = np.full((height, width, 3), 200, np.uint8)
    cv2.circle(image, (width // 3, height // 2), height // 6, (0, 0, 255), -1)
    file = tmp_path / "image.png"
    cv2.imwrite(str(file), image)
    done = ris("segment", str(file), "the red ball", "--json", *QUICK)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert coco.decode(answer["mask"]).shape == (height, width)
    assert answer["found"] or answer["reason"]


@pytest.mark.parametrize(("words", "said"), [
    (("--set", "matching.text_weight=2"), "from 0.0 to 1.0"),
    (("--set", "no.such=1"), "unknown setting"),
    (("--set", "device"), "NAME=VALUE"),
    (("--model", "ViT-B-23/openai"), "close ones are"),
    (("--config", "nowhere.yaml"), "nowhere.yaml"),
    (("--device", "cuda:99"), "cuda:99 is not there"),
    (("--device", "toaster"), "auto, cpu, cuda"),
])
def test_wrong_settings_are_refused_in_one_line(photograph, words, said):
    assert said in refused("segment", str(photograph), "cup", *words)


def test_debug_shows_the_traceback(tmp_path):
    done = ris("--debug", "segment", str(tmp_path / "missing.png"), "x")
    assert done.returncode
    assert "Traceback" in done.stderr


def test_parse_reads_arguments_and_lines():
    done = ris("parse", "The red cup on the left", "two bottles")
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["text"] == "The red cup on the left"
    assert first["target_phrase"] == "the red cup"
    assert first["head"] == "cup"
    assert second["head"] == "bottle"
    done = ris("parse", "-", stdin="the blue box\nthe bowl\n")
    assert [json.loads(line)["head"] for line in done.stdout.splitlines()] == ["box", "bowl"]


def test_parse_goes_on_after_a_text_it_cannot_understand():
    done = ris("parse", "-", stdin="\nthe bowl\n")
    assert done.returncode == 2
    lines = list(map(json.loads, done.stdout.splitlines()))
    assert "names nothing" in lines[0]["error"]
    assert lines[1]["head"] == "bowl"


def test_proposals_are_printed_and_drawn(photograph, tmp_path):
    picture = tmp_path / "masks.jpg"
    done = ris("proposals", str(photograph), "--json", "--output", str(picture), *QUICK)
    answer = json.loads(done.stdout)
    assert len(answer["masks"]) == len(answer["boxes"]) == len(answer["quality"]) > 3
    assert coco.decode(answer["masks"][0]).shape == (200, 300)
    assert cv2.imread(str(picture)).shape == (200, 300, 3)


def test_config_prints_what_it_reads(tmp_path):
    file = tmp_path / "ris.yaml"
    file.write_text(ris("config", "--set", "proposals.max_prompts=7").stdout)
    assert "max_prompts: 7" in ris("config", "--config", str(file)).stdout


def test_weights_are_listed_verified_and_refused_by_name():
    rows = {row["name"]: row for row in json.loads(ris("weights", "list", "--json").stdout)}
    assert rows["mobilesam"]["state"] == "present"
    assert "mobilesam: intact" in ris("weights", "verify", "mobilesam").stdout
    assert "known are mobilesam" in refused("weights", "verify", "mobilesamm")


def test_doctor_names_parts_and_remedies():
    done = ris("doctor", "--json")
    findings = {finding["part"]: finding for finding in json.loads(done.stdout)}
    missing = {part: finding["found"] for part, finding in findings.items() if finding["needed"] and not finding["ok"]}
    assert not missing  # scripts/setup has been here
    assert "simulated tabletop only" in findings["bundled CLIP"]["found"]
    assert all(finding["remedy"] for finding in findings.values())
    assert done.returncode == 0
    assert "torch" in ris("doctor").stdout


def test_demo_refuses_a_folder_without_pictures(tmp_path):
    assert "no .png" in refused("demo", "--images", str(tmp_path), "--command", "the cup")
    assert "--command" in refused("demo", "--images", str(tmp_path))
