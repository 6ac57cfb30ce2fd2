from __future__ import annotations

import io
import json

import numpy as np
import pytest
from rich.console import Console

from ris_ros.errors import InputError
from ris_ros.evaluation.sim import Outcome, Report, evaluate
from ris_ros.sim.samples import samples
from ris_ros.types import Description, Query, Result

SCENES = {"split": "test", "scenes": 2, "start": 30}


class Knowing:
    """Stands in for a segmenter whose answers are known: it has seen the truth of every scene.

    Among given masks it answers with exactly what is meant, but knows no plurals. Left to itself it answers with the
    upper half of every mask, and never says that something is absent.
    """

    def __init__(self):
        self.truth = {sample.rendering.image.tobytes(): sample for sample in samples(**SCENES)}

    def set_image(self, image, proposals=None, *, depth=None):
        self.sample = self.truth[image.tobytes()]
        self.proposals = proposals

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
    return evaluate(Knowing(), **SCENES)


def test_each_expression_is_asked_once_and_in_order(report):
    expected = [(sample.seed, expression.kind, expression.text)
                for sample in samples(**SCENES) for expression in sample.expressions]
    assert [(outcome.seed, outcome.kind, outcome.text) for outcome in report.outcomes] == expected


def test_a_right_choice_is_the_whole_set(report):
    figures = report.figures()
    assert figures["relation"]["selection"].value == 1
    assert figures["absent colour"]["selection"].value == 1
    assert figures["plural"]["selection"].value == 0


def test_half_a_mask_has_half_an_iou(report):
    figures = report.figures()
    assert 0.3 < figures["present"]["mIoU"].value < 0.7
    assert figures["present"]["Pr@0.9"].value == 0
    assert "oIoU" not in figures["absent"]
    assert figures["absent"]["rejected"].value == 0


def test_report_against_a_count_by_hand():
    outcomes = [Outcome(1, "place", "a", True, True, True, 60, 100),
                Outcome(1, "place", "b", True, False, True, 0, 300),
                Outcome(1, "plural", "c", True, False, False, 0, 100),
                Outcome(1, "absent both", "d", False, True, True, 0, 50),
                Outcome(2, "absent both", "e", False, False, False, 0, 0)]
    report = Report("test", 2, outcomes)
    figures = report.figures()
    assert list(figures) == ["place", "plural", "absent both", "present", "absent"]
    assert figures["place"]["oIoU"].value == pytest.approx(60 / 400)
    assert figures["place"]["mIoU"].value == pytest.approx(0.3)
    assert figures["place"]["Pr@0.5"].value == 0.5
    assert figures["present"]["mIoU"].value == pytest.approx(0.2)
    assert figures["present"]["selection"].value == pytest.approx(1 / 3)
    assert figures["absent"]["rejected"].value == 0.5
    plain = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert plain["figures"]["plural"]["mIoU"] == {"value": 0.0, "error": None, "count": 1}


def test_table_holds_every_kind_and_its_error(report):
    console = Console(width=140, file=io.StringIO())
    console.print(report.table())
    text = console.file.getvalue()
    for kind in report.figures():
        assert kind in text
    assert "±" in text


def test_without_proposals_only_the_choice_is_measured():
    report = evaluate(Knowing(), proposals=False, **SCENES)
    assert set(report.figures()["present"]) == {"selection"}


def test_an_unknown_split_is_refused():
    with pytest.raises(InputError, match="hard"):
        evaluate(Knowing.__new__(Knowing), split="tset")


def test_only_the_kinds_that_are_named_are_asked(report):
    some = evaluate(Knowing(), kinds=("relation", "absent both"), **SCENES)
    assert some.outcomes == [one for one in report.outcomes if one.kind in ("relation", "absent both")]
    with pytest.raises(InputError, match=r"no kind of expression relatoin; there are .*relation"):
        evaluate(Knowing.__new__(Knowing), kinds=("relatoin",))
