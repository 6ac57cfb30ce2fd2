from __future__ import annotations

import pytest

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets import DATASETS
from ris_ros.evaluation.datasets.check import check


def test_available_data_is_counted_and_missing_data_has_a_source(refer_root):
    refer_root.instances["annotations"][1]["segmentation"] = [[30, 20, 30, 20, 30, 20]]
    results = list(check(refer_root()))
    assert {result.name for result in results} == set(DATASETS)
    here = {result.split: result for result in results if result.name == "refcoco"}
    assert (here["val"].pictures, here["val"].expressions) == (1, 3)
    assert here["val"].problems == ["picture 9: the mask of 2 is empty"]
    assert "testB" in here["testB"].problems[0]
    absent = [result for result in results if result.name == "phrasecut"]
    assert all(result.missing and result.source.startswith("https://") for result in absent)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        next(check(tmp_path / "nowhere"))
