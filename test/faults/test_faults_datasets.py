"""Data sets, masks and pickles from anywhere: damaged parts are left out and told, and none costs time or memory."""

import copy
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets import load_dataset
from ris_ros.evaluation.datasets.check import check
from ris_ros.evaluation.datasets.folder import read_folder
from ris_ros.evaluation.datasets.pickles import read_plain_pickle
from ris_ros.evaluation.datasets.storage import PolygonMask
from ris_ros.evaluation.mask_sources import GivenMasks
from ris_ros.evaluation.records import Journal
from ris_ros.proposals.given import from_coco, read_masks
from ris_ros.utils.masks import mask_to_rle

HEIGHT, WIDTH = 40, 60
SQUARE = [[5, 5, 15, 5, 15, 15, 5, 15]]
MASK = np.zeros((HEIGHT, WIDTH), bool)
MASK[5:15, 5:15] = True
RLE = mask_to_rle(MASK)
NAN, INF = float("nan"), float("inf")

POLYGONS = {
    "NaN": [[5, 5, NAN, 5, 15, 15]], "infinite": [[5, 5, INF, 5, 15, 15]], "far": [[5, 5, 1e9, 5, 15, 15]],
    "further": [[5, 5, -1e300, 5, 15, 15]], "whole and huge": [[5, 5, 10**400, 5, 15, 15]],
    "null": [[5, 5, None, 5, 15, 15]], "text": [[5, 5, "15", 5, 15, 15]], "odd": [[5, 5, 15, 5, 15, 15, 7]],
    "a box": [[5, 5, 15, 15]], "one point": [[5, 5]], "nothing": [[]], "no list": [5, 5, 15, 5, 15, 15],
    "nested": [[[5, 5], [15, 5], [15, 15]]], "bad second": [*SQUARE, [1, 2, 3, 4]],
    "bad first": [[1, 2, 3, 4], *SQUARE],
    "endless": [[0, 0, 119, 79] * 100_000], "truth": [[True, False, 15, 5, 15, 15]], "an object": [{"a": 1}]}

RUNS = {
    "too few": {"size": [HEIGHT, WIDTH], "counts": [5, 25]},
    "too many": {"size": [HEIGHT, WIDTH], "counts": [5, HEIGHT * WIDTH]},
    "negative": {"size": [HEIGHT, WIDTH], "counts": [-5, HEIGHT * WIDTH + 5]},
    "wrapping": {"size": [HEIGHT, WIDTH], "counts": [2**32, HEIGHT * WIDTH]},
    "huge": {"size": [HEIGHT, WIDTH], "counts": [10**400]}, "broken": {"size": [HEIGHT, WIDTH], "counts": [1.5, NAN]},
    "texts": {"size": [HEIGHT, WIDTH], "counts": ["5"]}, "null": {"size": [HEIGHT, WIDTH], "counts": None},
    "other size": {"size": [5, 5], "counts": [0, 25]}, "one side": {"size": [HEIGHT], "counts": [HEIGHT]},
    "size of 10^9": {"size": [10**9, 10**9], "counts": [10**18]}, "no size": {"counts": [HEIGHT * WIDTH]},
    "no counts": {"size": [HEIGHT, WIDTH]}, "cut": {"size": [HEIGHT, WIDTH], "counts": RLE["counts"][:-1]},
    "other characters": {"size": [HEIGHT, WIDTH], "counts": "\x00~é\ud800"},
    "endless number": {"size": [HEIGHT, WIDTH], "counts": "o" * 100_000},
    "open end": {"size": [HEIGHT, WIDTH], "counts": RLE["counts"] + "o"}, "a number": 3, "a text": "abc"}


@pytest.mark.parametrize("segmentation", [*POLYGONS.values(), *RUNS.values()], ids=[*POLYGONS, *RUNS])
def test_no_segmentation_reaches_c_unchecked(segmentation):
    with pytest.raises(InputError, match="annotation 77") as refusal:
        from_coco([{"id": 77, "segmentation": segmentation}], HEIGHT, WIDTH)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 400


@pytest.mark.parametrize("score", [NAN, INF, None, "0.5", [1], 10**400])
def test_a_score_is_a_finite_number(score):
    with pytest.raises(InputError, match="score"):
        from_coco([{"segmentation": SQUARE, "score": score}], HEIGHT, WIDTH)


def test_masks_together_have_a_limit():
    with pytest.raises(InputError, match="masks of 10000 x 10000"):
        from_coco([{"segmentation": SQUARE}] * 100, 10_000, 10_000)
    with pytest.raises(InputError, match="1000000000"):
        PolygonMask([[[0, 0], [5, 5]]]).decode(10**9, 10**9)


numbers = st.one_of(st.integers(-200, 200), st.floats(), st.sampled_from([10**9, 2**31, 2**63, None, "7", True, []]))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.lists(numbers, max_size=9), max_size=3))
def test_any_polygon_is_filled_or_refused(polygons):
    try:
        masks = from_coco([{"segmentation": polygons}], HEIGHT, WIDTH).masks
    except InputError:
        return
    assert masks.shape == (1, HEIGHT, WIDTH)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.one_of(st.lists(numbers, max_size=6), st.text(max_size=12), st.binary(max_size=12)))
def test_any_run_lengths_fill_the_mask_or_are_refused(counts):
    try:
        masks = from_coco([{"segmentation": {"size": [HEIGHT, WIDTH], "counts": counts}}], HEIGHT, WIDTH).masks
    except InputError:
        return
    assert masks.shape == (1, HEIGHT, WIDTH)


@pytest.mark.parametrize("polygons", [
    [[[NAN, 0], [5, 5], [0, 5]]], [[[1e9, 0], [5, 5], [0, 5]]], [[[2**31, 0], [-(2**31), 5]]], [[["a", 0], [5, 5]]],
    [[[0, 0, 0], [5, 5]]], [[None, [5, 5]]], [None], None, 3, "x", [[[INF, INF]] * 3]], ids=str)
def test_polygons_of_points_are_checked_too(polygons):
    with pytest.raises(InputError):
        PolygonMask(polygons).decode(HEIGHT, WIDTH)


@pytest.fixture
def refcoco(tmp_path):
    """A small data set in REFER's layout, as a function that writes it with its references as a pickle."""
    images = tmp_path / "images/mscoco/images/train2014"
    images.mkdir(parents=True)
    Image.fromarray(np.zeros((HEIGHT, WIDTH, 3), np.uint8)).save(images / "a.jpg")
    (tmp_path / "refcoco").mkdir()

    def write(instances, references):
        (tmp_path / "refcoco/instances.json").write_text(json.dumps(instances))
        (tmp_path / "refcoco/refs(unc).p").write_bytes(pickle.dumps(references, 2))
        return tmp_path
    return write


INSTANCES = {
    "images": [{"id": i, "file_name": "a.jpg", "height": HEIGHT, "width": WIDTH} for i in (9, 10)],
    "annotations": [{"id": i, "image_id": i + 8, "category_id": 1, "iscrowd": 0, "segmentation": SQUARE}
                    for i in (1, 2)],
    "categories": [{"id": 1, "name": "cup"}]}
REFERENCES = [{"ref_id": i, "image_id": i + 8, "ann_id": i, "split": "val",
               "sentences": [{"sent_id": i, "raw": "the cup", "sent": "the cup"}]} for i in (1, 2)]
WRONG = [None, 3, -1.5, NAN, 10**30, "text", "\0", [], [[]], {}, {"a": []}, True, "x" * 5000, 10**9]


def paths_in(value, path=()):
    yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths_in(item, (*path, key))


def changed(value, path, wrong):
    value = copy.deepcopy(value)
    if not path:
        return wrong
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    if wrong is KeyError:
        del parent[path[-1]]
    else:
        parent[path[-1]] = wrong
    return value


def use(data):
    """Do with a data set what an evaluation does: read images and masks. All faults of it must be InputErrors."""
    for picture in data.pictures:
        for expression in picture.expressions:
            assert isinstance(expression.text, str) and isinstance(picture.id, str)
            try:
                picture.read_image()
                picture.target_mask(expression, HEIGHT, WIDTH)
            except InputError:
                continue
    return data


@pytest.mark.parametrize("wrong", [KeyError, *WRONG], ids=lambda wrong: str(wrong)[:20])
def test_one_wrong_value_costs_its_row_alone(refcoco, wrong):
    for content, is_instances in ((INSTANCES, True), (REFERENCES, False)):
        for path in paths_in(content):
            if wrong is KeyError and not path:
                continue
            values = changed(content, path, wrong)
            root = refcoco(values, REFERENCES) if is_instances else refcoco(INSTANCES, values)
            try:
                data = use(load_dataset("refcoco", root))
            except InputError as error:
                # Only a wrong list, or what holds them all, costs all.
                assert len(path) <= 1, f"{path}: {error}"
            else:
                assert len(data.pictures) >= 1 or len(path) <= 1


def test_sizes_in_files_are_checked_before_a_mask_has_them(refcoco):
    root = refcoco(changed(INSTANCES, ("images", 0, "height"), 10**9), REFERENCES)
    assert len(load_dataset("refcoco", root).pictures) == 1
    (result,) = [one for one in check(root) if one.name == "refcoco" and one.split == "val"]
    assert any("1000000000" in problem for problem in result.problems)


@pytest.fixture
def folder(tmp_path):
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(tmp_path / "a.png")
    Image.fromarray(np.ones((6, 8), np.uint8)).save(tmp_path / "masks.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "masks.png").read_bytes()[:40])
    (tmp_path / "flipped.png").write_bytes((tmp_path / "masks.png").read_bytes().replace(b"IDAT", b"IDAX"))
    return tmp_path


LINE = {"image": "a.png", "masks": "masks.png", "text": "the cup", "targets": [1]}
LINES = {
    "cut mask": json.dumps({**LINE, "masks": "cut.png"}), "damaged mask": json.dumps({**LINE, "masks": "flipped.png"}),
    "deep": '{"image": ' + "[" * 100_000 + "]" * 100_000 + "}", "nearly too deep": "[" * 900 + "]" * 900,
    "deep value": json.dumps({**LINE, "targets": 0}).replace("0}", "[" * 900 + "]" * 900 + "}"),
    "surrogate": json.dumps({**LINE, "text": "cup \ud800"}), "raw surrogate": b'{"image": "\xed\xa0\x80"}',
    "not UTF-8": b'{"image": "\xff\xfe"}', "NUL": json.dumps({**LINE, "image": "a\0.png"}),
    "long name": json.dumps({**LINE, "image": "x" * 5000}), "digits": '{"targets": [' + "9" * 5000 + "]}",
    "huge id": json.dumps({**LINE, "targets": [10**30]}), "NaN": json.dumps({**LINE, "intrinsics": [NAN] * 9}),
    "huge": json.dumps({**LINE, "intrinsics": [10**400] * 9}),
    "classes": json.dumps({**LINE, "classes": {"9" * 5000: "a"}}),
    "folder": json.dumps({**LINE, "image": "."})}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_one_damaged_line_is_left_out(folder, line):
    good = json.dumps(LINE).encode()
    line = line if isinstance(line, bytes) else line.encode()
    (folder / "expressions.jsonl").write_bytes(b"\n".join([good, line, good]))
    read = read_folder(folder, strict=False)
    assert len(read.samples) == 2 and len(read.problems) == 1
    assert "expressions.jsonl:2: " in read.problems[0] and len(read.problems[0]) < 600
    with pytest.raises(InputError, match=r"expressions\.jsonl:2"):
        read_folder(folder)


def test_characters_that_end_lines_elsewhere_do_not_end_them(folder):
    line = json.dumps({**LINE, "text": "the cup\u2028on\x85it"}, ensure_ascii=False)
    (folder / "expressions.jsonl").write_text(f"{line}\r\n{line}", encoding="utf-8")
    assert [sample.text for sample in read_folder(folder).samples] == ["the cup\u2028on\x85it"] * 2


@settings(max_examples=60, deadline=None, derandomize=True)
@given(changes=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes_cost_no_more_than_their_line(tmp_path_factory, changes):
    root = tmp_path_factory.mktemp("folder")
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(root / "a.png")
    Image.fromarray(np.ones((6, 8), np.uint8)).save(root / "masks.png")
    good = json.dumps(LINE).encode()
    damaged = bytearray(good)
    for at, value in changes:
        damaged[at % len(damaged)] = value
    (root / "expressions.jsonl").write_bytes(bytes(damaged) + b"\n" + good)
    assert len(read_folder(root, strict=False).samples) >= 1


def nested(opcode, depth=40):
    """Return a pickle of a few hundred bytes that refers to 2 ** depth values."""
    content = b"\x80\x02(lq\x00"
    for i in range(depth):
        reference = b"h" + bytes([i])
        content += b"(" + reference + reference + opcode + b"q" + bytes([i + 1])
    return content


PICKLES = {
    "lists": nested(b"l") + b".", "tuples": nested(b"t") + b".",
    "a key of tuples": b"\x80\x02)q\x00" + nested(b"t")[7:] + b"}h\x28K\x01s.",
    "a set of tuples": b"\x80\x04)q\x00" + nested(b"t")[7:] + b"\x8f(h\x28\x90.",
    "a huge memo": b"\x80\x02]r\xff\xff\xff\x1f.", "a memo of 10 digits": b"]p3999999999\n.",
    "huge bytes": b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f.", "a huge text": b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7f.",
    "a huge frame": b"\x80\x04\x95" + b"\xff" * 7 + b"\x7f.", "a number of digits": b"I" + b"9" * 100_000 + b"\n.",
    "itself": b"\x80\x02]q\x00h\x00a.", "deep": b"(" * 100_000 + b"t" * 100_000 + b".", "nothing": b".", "empty": b""}


@pytest.mark.parametrize("content", PICKLES.values(), ids=PICKLES)
def test_hostile_pickles_are_read_or_refused_at_once(tmp_path, content):
    (tmp_path / "refs.p").write_bytes(content)
    code = f"""
import resource, sys
from pathlib import Path
from ris_ros.errors import InputError
from ris_ros.evaluation.datasets.pickles import read_plain_pickle
resource.setrlimit(resource.RLIMIT_AS, (3_000_000_000,) * 2)
try:
    print(type(read_plain_pickle(Path({str(tmp_path / 'refs.p')!r}))).__name__)
except InputError as error:
    print(len(str(error)) < 400)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert run.stdout.strip() in ("True", "list"), run.stderr


@settings(max_examples=100, deadline=None, derandomize=True)
@given(protocol=st.integers(0, 4), changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4))
def test_damaged_pickles_are_read_or_refused(tmp_path_factory, protocol, changes):
    content = bytearray(pickle.dumps(REFERENCES, protocol))
    for at, value in changes:
        content[at % len(content)] = value
    file = tmp_path_factory.mktemp("pickle") / "refs.p"
    file.write_bytes(content)
    try:
        value = read_plain_pickle(file)
    except InputError as error:
        assert len(str(error)) < 600
    else:
        assert changes or value == REFERENCES


MASK_FILES = {
    "deep": "[" * 100_000, "half": '[{"segmentation": ', "a number": "3", "images alone": '{"images": []}',
    "no ids": '{"images": [{}], "annotations": []}', "numbers": "[1, 2]", "no list": '{"images": 3, "annotations": 4}',
    "wrong rows": '{"images": [1], "annotations": [2]}', "surrogate": '["\\ud800"]', "polygon": json.dumps(
        [{"image_id": 1, "segmentation": POLYGONS["far"]}]), "NaN": '[{"image_id": 1, "segmentation": [[NaN, 1, 1]]}]'}


@pytest.mark.parametrize("content", MASK_FILES.values(), ids=MASK_FILES)
def test_files_of_masks_are_checked(tmp_path, content):
    (tmp_path / "masks.json").write_text(content)
    with pytest.raises(InputError, match=r"masks\.json") as refusal:
        read_masks(tmp_path / "masks.json", HEIGHT, WIDTH)
    assert len(str(refusal.value)) < 600
    try:
        GivenMasks(tmp_path / "masks.json")
    except InputError as error:
        assert "masks.json" in str(error)


def test_label_images_are_compared_with_the_picture_first(tmp_path):
    Image.fromarray(np.zeros((6, 8), np.uint8)).save(tmp_path / "labels.png")
    with pytest.raises(InputError, match="60 x 40 pixels like its image, not 8 x 6"):
        read_masks(tmp_path / "labels.png", HEIGHT, WIDTH)
    noise = np.arange(4_000_000, dtype=np.int32).reshape(2000, 2000) % 65_000
    Image.fromarray(noise.astype(np.uint16)).save(tmp_path / "noise.png")
    with pytest.raises(InputError, match="masks of 2000 x 2000"):
        read_masks(tmp_path / "noise.png", 2000, 2000)


def test_records_with_wrong_values_are_told(tmp_path):
    for wrong in ("[" * 100_000, '{"image": 1}', '"\\ud800"', "3"):
        (tmp_path / "records.jsonl").write_text(wrong + "\n")
        with pytest.raises(InputError, match=r"records\.jsonl:1 is damaged"):
            Journal(tmp_path / "records.jsonl")
