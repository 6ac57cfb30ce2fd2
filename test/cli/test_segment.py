"""Commands for one image or text."""

import json

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco

# The bundled model was not trained on photographs, so its confidence is low.
FAST = ("--set", "proposals.max_prompts=4", "--set", "matching.min_confidence=0.0", "--device", "cpu")


def test_segment_prints_one_json_object_and_writes_the_overlay(ris, photograph, tmp_path):
    overlay = tmp_path / "overlay.png"
    process = ris("segment", str(photograph), "the red cup", "--json", "--output", str(overlay), *FAST)
    assert process.returncode == 0, process.stderr
    answer = json.loads(process.stdout)
    assert {"found", "box", "score", "confidence", "mask", "candidates", "timings"} <= set(answer)
    mask = coco.decode(answer["mask"])
    assert mask.shape == (200, 300)
    x1, y1, x2, y2 = answer["box"]
    assert mask[y1:y2, x1:x2].sum() == mask.sum() > 0
    assert (cv2.imread(str(overlay)) != cv2.imread(str(photograph))).any()


def test_segment_prints_a_readable_table(ris, photograph):
    process = ris("segment", str(photograph), "the red cup", "--explain", *FAST)
    assert process.returncode == 0, process.stderr
    assert all(title in process.stdout for title in ("#", "box", "score", "looks", "why not"))
    assert "matching" in process.stdout


def test_segment_refuses_a_file_that_is_not_an_image(refusal, tmp_path):
    (tmp_path / "text.png").write_text("plain text")
    assert "missing.png" in refusal("segment", str(tmp_path / "missing.png"), "x")
    assert "plain text" not in refusal("segment", str(tmp_path / "text.png"), "x")


def test_segment_refuses_an_empty_text(refusal, photograph):
    assert "names nothing" in refusal("segment", str(photograph), "", *FAST)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (4000, 5000)])
def test_segment_accepts_the_smallest_and_a_20_megapixel_image(ris, tmp_path, height, width):
    image = np.full((height, width, 3), 200, np.uint8)
    cv2.circle(image, (width // 3, height // 2), height // 6, (0, 0, 255), -1)
    file = tmp_path / "image.png"
    cv2.imwrite(str(file), image)
    process = ris("segment", str(file), "the red ball", "--json", *FAST)
    assert process.returncode == 0, process.stderr
    answer = json.loads(process.stdout)
    assert coco.decode(answer["mask"]).shape == (height, width)
    assert answer["found"] or answer["reason"]


def test_parse_reads_arguments_and_lines(ris):
    process = ris("parse", "The red cup on the left", "two bottles")
    first, second = map(json.loads, process.stdout.splitlines())
    assert first["text"] == "The red cup on the left"
    assert first["target_phrase"] == "the red cup"
    assert first["head"] == "cup"
    assert second["head"] == "bottle"
    process = ris("parse", "-", stdin="the blue box\nthe bowl\n")
    assert [json.loads(line)["head"] for line in process.stdout.splitlines()] == ["box", "bowl"]


def test_parse_explains_and_draws_how_a_text_is_read(ris, tmp_path):
    process = ris("parse", "the red cup on the left", "--explain", "--output", tmp_path / "tree.svg")
    answer, table = process.stdout.split("\n", 1)
    assert json.loads(answer)["head"] == "cup"
    assert all(text in table for text in ("region", "100%", "(request)"))
    assert "attribute" in (tmp_path / "tree.svg").read_text()


@pytest.mark.parametrize("arguments", [
    ("the cup", "the bowl", "--output", "tree.svg"), ("the cup", "--output", "tree.png"),
    ("the cup", "--explain", "--set", "method=reference")])
def test_parse_refuses_what_it_cannot_draw(ris, tmp_path, arguments):
    process = ris("parse", *arguments)
    assert process.returncode
    assert "--output" in process.stderr


def test_parse_continues_after_a_text_it_cannot_parse(ris):
    process = ris("parse", "-", stdin="\nthe bowl\n")
    assert process.returncode == 2
    lines = list(map(json.loads, process.stdout.splitlines()))
    assert "names nothing" in lines[0]["error"]
    assert lines[1]["head"] == "bowl"


def test_proposals_are_printed_and_drawn(ris, photograph, tmp_path):
    drawing = tmp_path / "masks.jpg"
    process = ris("proposals", str(photograph), "--json", "--output", str(drawing), *FAST)
    answer = json.loads(process.stdout)
    assert len(answer["masks"]) == len(answer["boxes"]) == len(answer["quality"]) > 3
    assert coco.decode(answer["masks"][0]).shape == (200, 300)
    assert cv2.imread(str(drawing)).shape == (200, 300, 3)
