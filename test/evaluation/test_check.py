from __future__ import annotations

import pytest

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets import DATASETS
from ris_ros.evaluation.datasets.check import check


def test_what_is_there_is_counted_and_the_rest_has_a_source(refer_root):
    refer_root.instances["annotations"][1]["segmentation"] = [[30, 20, 30, 20, 30, 20]]
    findings = list(check(refer_root()))
    assert {finding.name for finding in findings} == set(DATASETS)
    here = {finding.split: finding for finding in findings if finding.name == "refcoco"}
    assert (here["val"].pictures, here["val"].expressions) == (1, 3)
    assert here["val"].problems == ["picture 9: the mask of 2 is empty"]
    assert "testB" in here["testB"].problems[0]
    absent = [finding for finding in findings if finding.name == "phrasecut"]
    assert all(finding.missing and finding.source.startswith("https://") for finding in absent)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        next(check(tmp_path / "nowhere"))
