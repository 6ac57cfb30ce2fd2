from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets.folder import read_folder

LINE = {"image": "a.png", "masks": "a-masks.png", "text": "the red cup", "targets": [2]}


@pytest.fixture
def folder(tmp_path):
    """A folder with one image and masks of ids 1 and 2, as a function that writes the lines."""
    Image.fromarray(np.full((6, 8, 3), (200, 100, 50), np.uint8)).save(tmp_path / "a.png")
    ids = np.zeros((6, 8), np.uint8)
    ids[1:3, 1:3] = 1
    ids[3:6, 4:8] = 2
    Image.fromarray(ids).save(tmp_path / "a-masks.png")

    def write(*lines):
        (tmp_path / "expressions.jsonl").write_text(
            "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
        return tmp_path
    return write


def test_four_fields_are_enough(folder):
    (sample,) = read_folder(folder(LINE)).samples
    assert sample.text == "the red cup"
    assert sample.targets == (2,)
    assert sample.read_image()[0, 0].tolist() == [200, 100, 50]
    assert sample.read_truth().sum() == 12
    assert sample.depth is None
    with pytest.raises(InputError, match="no depth"):
        sample.read_depth()


def test_every_optional_field_is_read(folder):
    depth = np.full((6, 8), 1234, np.uint16)
    depth[0, 0] = 0
    directory = folder({**LINE, "depth": "depth.png", "kind": "attribute", "phrase": "the red cup",
                        "intrinsics": [500, 0, 4, 0, 500, 3, 0, 0, 1],
                        "camera_pose": np.eye(4).ravel().tolist(), "classes": {"1": "book", "2": "cup"},
                        "annotator": "someone"})
    Image.fromarray(depth).save(directory / "depth.png")
    (sample,) = read_folder(directory).samples
    assert sample.kind == "attribute"
    assert sample.classes == {1: "book", 2: "cup"}
    np.testing.assert_array_equal(sample.intrinsics, [[500, 0, 4], [0, 500, 3], [0, 0, 1]])
    np.testing.assert_array_equal(sample.camera_pose, np.eye(4))
    assert sample.read_depth()[0].tolist() == pytest.approx([0] + [1.234] * 7)


def test_no_target_is_an_empty_list(folder):
    (sample,) = read_folder(folder({**LINE, "targets": []})).samples
    assert sample.targets == ()
    assert not sample.read_truth().any()


def test_palette_and_16_bit_masks_keep_their_ids(folder):
    directory = folder(LINE, {**LINE, "masks": "palette.png"}, {**LINE, "masks": "deep.png", "targets": [300]})
    palette = Image.open(directory / "a-masks.png").convert("P")
    palette.putdata(list(Image.open(directory / "a-masks.png").tobytes()))
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    palette.save(directory / "palette.png")
    Image.fromarray(np.full((6, 8), 300, np.uint16)).save(directory / "deep.png")
    samples = read_folder(directory).samples
    np.testing.assert_array_equal(samples[1].read_masks(), samples[0].read_masks())
    assert samples[2].read_truth().all()


@pytest.mark.parametrize(("line", "message"), [
    ("{not json", "not JSON"),
    ("[1, 2]", "one JSON object"),
    ({"image": "a.png", "text": "x"}, "lacks masks, targets"),
    ({**LINE, "image": "nowhere.png"}, r"there is no .*nowhere\.png"),
    ({**LINE, "masks": "nowhere.png"}, r"there is no .*nowhere\.png"),
    ({**LINE, "depth": "nowhere.png"}, r"there is no .*nowhere\.png"),
    ({**LINE, "image": "expressions.jsonl"}, "not a readable image"),
    ({**LINE, "masks": "a.png"}, "one channel"),
    ({**LINE, "masks": "small.png"}, "8 x 6 pixels but its masks are 4 x 4"),
    ({**LINE, "targets": [2, 7]}, r"target 7 is not in .*a-masks\.png"),
    ({**LINE, "targets": 2}, "list of ids"),
    ({**LINE, "targets": [0]}, "list of ids"),
    ({**LINE, "targets": [True]}, "list of ids"),
    ({**LINE, "text": " "}, "text must be"),
    ({**LINE, "kind": 3}, "kind must be"),
    ({**LINE, "intrinsics": [1, 2]}, "intrinsics must be 9 numbers"),
    ({**LINE, "camera_pose": ["0"] * 16}, "camera_pose must be 16 numbers"),
    ({**LINE, "classes": ["cup"]}, "class name for each id"),
])
def test_an_invalid_line_is_raised_or_left_out(folder, line, message):
    directory = folder(LINE, line, LINE)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(directory / "small.png")
    with pytest.raises(InputError, match=r"expressions\.jsonl:2: .*" + message):
        read_folder(directory)
    lenient = read_folder(directory, strict=False)
    assert len(lenient.samples) == 2
    assert len(lenient.problems) == 1


def test_a_truncated_mask_file_is_named(folder):
    directory = folder(LINE)
    whole = (directory / "a-masks.png").read_bytes()
    (directory / "a-masks.png").write_bytes(whole[:len(whole) // 2])
    with pytest.raises(InputError, match=r"a-masks\.png is not a readable image"):
        read_folder(directory)


def test_an_image_that_exif_rotates_fits_upright_masks(folder):
    directory = folder({**LINE, "image": "side.jpg"})
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((8, 6, 3), np.uint8)).save(directory / "side.jpg", exif=exif)
    (sample,) = read_folder(directory).samples
    assert sample.read_image().shape[:2] == sample.read_masks().shape


def test_blank_lines_are_skipped(folder):
    assert len(read_folder(folder(LINE, "", LINE, "")).samples) == 2


def test_an_empty_or_missing_file_is_an_error(folder, tmp_path):
    with pytest.raises(InputError, match="no expressions"):
        read_folder(folder(""))
    with pytest.raises(InputError, match=r"docs/dataset\.md"):
        read_folder(tmp_path / "nowhere")


def test_the_first_problem_is_raised_if_no_line_is_usable(folder):
    with pytest.raises(InputError, match=r"expressions\.jsonl:1: .*not JSON"):
        read_folder(folder("{"), strict=False)
