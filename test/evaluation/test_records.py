from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from pycocotools import mask as coco

from ris_ros.errors import InputError
from ris_ros.evaluation.records import Journal, Record

RECORD = Record("9", "1", "100", "the cup", "", 1, True, 50, 100, 60, 0.6, "cup", "cup", 0.7, (4, 5), "", 0.01)

FRAME = replace(RECORD, image="goat/00001", video="goat", contour=0.1 + 0.2)


def more(number):
    return [replace(RECORD, sentence=str(100 * number + i)) for i in range(3)]


def test_records_are_read_back(tmp_path):
    with Journal(tmp_path / "o.jsonl") as journal:
        journal.append(more(1))
        journal.append(more(2))
        journal.append([FRAME])
    with Journal(tmp_path / "o.jsonl") as journal:
        assert list(journal.done.values()) == [*more(1), *more(2), FRAME]


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_an_incomplete_last_line_is_dropped(tmp_path, cut):
    file = tmp_path / "o.jsonl"
    with Journal(file) as journal:
        journal.append(more(1))
    file.write_bytes(file.read_bytes()[:-cut])
    with Journal(file) as journal:
        assert list(journal.done.values()) == more(1)[:2]
        journal.append(more(1))
    with Journal(file) as journal:
        assert list(journal.done.values()) == more(1)
    assert len(file.read_text().splitlines()) == 3


def test_an_expression_is_recorded_once(tmp_path):
    with Journal(tmp_path / "o.jsonl") as journal:
        journal.append(more(1))
        journal.append([replace(more(1)[0], intersection=99)])
    content = (tmp_path / "o.jsonl").read_text()
    (tmp_path / "o.jsonl").write_text(content + content)
    with Journal(tmp_path / "o.jsonl") as journal:
        assert list(journal.done.values()) == more(1)


@pytest.mark.parametrize("line", ["{", "[]", json.dumps({"image": "9"}), json.dumps({**asdict(RECORD), "size": 1})])
def test_the_error_names_a_damaged_line(tmp_path, line):
    (tmp_path / "o.jsonl").write_text(line + "\n")
    with pytest.raises(InputError, match=r"o\.jsonl:1 is damaged"):
        Journal(tmp_path / "o.jsonl")


def test_the_error_names_a_line_of_another_version(tmp_path):
    older = {name: value for name, value in asdict(RECORD).items() if name not in ("video", "contour")}
    (tmp_path / "o.jsonl").write_text(json.dumps(older) + "\n")
    with pytest.raises(InputError, match=r"o\.jsonl:1 .* of another version .*differ in contour, video"):
        Journal(tmp_path / "o.jsonl")


def test_the_mask_is_read_back():
    mask = np.zeros((4, 5), bool)
    mask[1:3, 2:4] = True
    counts = coco.encode(np.asfortranarray(mask, np.uint8))["counts"].decode()
    np.testing.assert_array_equal(replace(RECORD, mask=counts).read_mask(), mask)
    assert not RECORD.read_mask().any()


def test_an_empty_answer_for_an_absent_target_has_an_iou_of_1():
    assert RECORD.iou == 0.5
    assert replace(RECORD, intersection=0, union=0).iou == 1
