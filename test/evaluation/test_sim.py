from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from ris_ros.errors import InputError
from ris_ros.evaluation.sim import ExpressionRecord, Report, evaluate
from ris_ros.sim.samples import samples
from ris_ros.types import Description, Query, Result

pytestmark = pytest.mark.slow

SCENES = {"split": "test", "scenes": 2, "start": 30}


class Oracle:
    """A segmenter that answers with the ground truth of every scene.

    With given masks it answers with exactly what is meant, but only with one object. Without, it answers with the
    upper half of the true mask, and never that something is absent.
    """

    detector = None

    def __init__(self):
        self.truth = {sample.rendering.image.tobytes(): sample for sample in samples(**SCENES)}

    def set_image(self, image, proposals=None, *, depth=None):
        self.sample = self.truth[image.tobytes()]
        self.proposals = proposals

    start_image = set_image

    def early_answer(self, text):
        """Answer among proposals early, where the target is one object."""
        if self.proposals is not None:
            return None
        expression = next(item for item in self.sample.expressions if item.text == text)
        return replace(self.query(text), early=True) if len(expression.targets) == 1 else None

    def query(self, text):
        expression = next(item for item in self.sample.expressions if item.text == text)
        instances = self.sample.rendering.instances
        mask = np.isin(instances, [i + 1 for i in expression.targets[:1]])
        if self.proposals is None:
            mask = np.isin(instances, [i + 1 for i in expression.targets]) if expression.targets else instances == 1
            rows = np.flatnonzero(mask.any(axis=1))
            mask[(rows[0] + rows[-1]) // 2:] = False
        return Result(bool(mask.any()), mask, np.zeros(4), 1.0, 1.0, [], Query(text, text, (Description(text),)))


@pytest.fixture(scope="module")
def report():
    return evaluate(Oracle(), **SCENES)


def test_each_expression_is_asked_once_and_in_order(report):
    expected = [(sample.seed, expression.kind, expression.text)
                for sample in samples(**SCENES) for expression in sample.expressions]
    assert [(record.seed, record.kind, record.text) for record in report.records] == expected


def test_a_correct_choice_is_the_exact_set_of_targets(report):
    summary = report.summary()
    assert summary["relation"]["selection"].value == 1
    assert summary["absent colour"]["selection"].value == 1
    assert summary["plural"]["selection"].value == 0


def test_half_a_mask_has_about_half_the_iou(report):
    summary = report.summary()
    assert 0.3 < summary["present"]["mIoU"].value < 0.7
    assert summary["present"]["Pr@0.9"].value == 0
    assert "oIoU" not in summary["absent"]
    assert summary["absent"]["rejected"].value == 0


def test_an_early_answer_counts_where_it_is_sure(report):
    summary = report.summary()
    assert (summary["attribute"]["early"].value, summary["plural"]["early"].value) == (1, 0)
    assert summary["absent"]["early"].value == 0


def test_a_summary_counted_by_hand():
    records = [ExpressionRecord(1, "place", "a", True, True, True, 60, 100),
               ExpressionRecord(1, "place", "b", True, False, True, 0, 300),
               ExpressionRecord(1, "plural", "c", True, False, False, 0, 100),
               ExpressionRecord(1, "absent both", "d", False, True, True, 0, 50),
               ExpressionRecord(2, "absent both", "e", False, False, False, 0, 0)]
    report = Report("test", 2, records)
    summary = report.summary()
    assert list(summary) == ["place", "plural", "absent both", "present", "absent"]
    assert summary["place"]["oIoU"].value == pytest.approx(60 / 400)
    assert summary["place"]["mIoU"].value == pytest.approx(0.3)
    assert summary["place"]["Pr@0.5"].value == 0.5
    assert summary["present"]["mIoU"].value == pytest.approx(0.2)
    assert summary["present"]["selection"].value == pytest.approx(1 / 3)
    assert summary["absent"]["rejected"].value == 0.5
    plain = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert plain["figures"]["plural"]["mIoU"] == {"value": 0.0, "error": None, "count": 1}


def test_the_table_has_every_kind_with_its_error(report):
    console = Console(width=140, file=io.StringIO())
    console.print(report.table())
    text = console.file.getvalue()
    for kind in report.summary():
        assert kind in text
    assert "±" in text


def test_without_proposals_only_the_choice_is_measured():
    report = evaluate(Oracle(), proposals=False, **SCENES)
    assert set(report.summary()["present"]) == {"selection"}


def test_an_unknown_split_is_refused():
    with pytest.raises(InputError, match="hard"):
        evaluate(Oracle.__new__(Oracle), split="tset")


def test_only_the_named_kinds_are_asked(report):
    some = evaluate(Oracle(), kinds=("relation", "absent both"), **SCENES)
    assert some.records == [record for record in report.records if record.kind in ("relation", "absent both")]
    with pytest.raises(InputError, match=r"no kind of expression relatoin; there are .*relation"):
        evaluate(Oracle.__new__(Oracle), kinds=("relatoin",))
