from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from ris_ros.cli import app
from ris_ros.errors import InputError
from ris_ros.questions import MIN_CONFIDENCE, ask
from ris_ros.types import Candidate, Description, Query, Result


class FakeSegmenter:
    """A segmenter that finds a given number of objects, and records the confidence threshold of the query."""

    def __init__(self, number):
        self.number = number

    def query(self, text, *, min_confidence):
        self.min_confidence = min_confidence
        query = Query(text, text, (Description(text),))
        mask = np.ones((4, 5), bool)
        objects = [Candidate(i, mask, np.array([0, 0, 5, 4], np.float32), 0.9, {}) for i in range(self.number)]
        if not objects:
            weak = Candidate(0, mask, np.array([0, 0, 5, 4], np.float32), 0.2, {})
            return Result.nothing(query, (4, 5), "nothing fits", confidence=0.0, candidates=[weak])
        return Result(True, mask, objects[0].box, 0.9, 0.8, objects, query, instances=objects)


def test_answers_include_their_evidence():
    three = ask(FakeSegmenter(3), "how many cups are there?")
    assert (three.value, three.confidence, str(three), len(three.result.instances)) == (3, 0.8, "3", 3)
    none = ask(FakeSegmenter(0), "how many cups are there?")
    assert (none.value, none.confidence, str(none)) == (0, 0.8, "0")
    assert none.value is not False
    yes, no = ask(FakeSegmenter(1), "is there a cup?"), ask(FakeSegmenter(0), "is there a cup?")
    assert (yes.value, str(yes), no.value, str(no)) == (True, "yes", False, "no")
    assert no.confidence == pytest.approx(0.8)
    assert no.result.reason == "nothing fits"


def test_yes_must_be_more_probable_than_no():
    cups = FakeSegmenter(1)
    ask(cups, "is there a cup?")
    assert cups.min_confidence == MIN_CONFIDENCE == 0.5


def test_the_command_refuses_invalid_input_before_it_loads_models(tmp_path):
    with pytest.raises(InputError, match="ask whether something is there"):
        CliRunner().invoke(app, ["ask", str(tmp_path / "none.png"), "where is it?"], catch_exceptions=False)
    with pytest.raises(InputError, match=r"none\.png"):
        CliRunner().invoke(app, ["ask", str(tmp_path / "none.png"), "is there a cup?"], catch_exceptions=False)
