from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from ris_ros.cli import app
from ris_ros.errors import InputError
from ris_ros.language import ExpressionParser
from ris_ros.questions import COUNT, EXISTENCE, LIKELY, ask, read
from ris_ros.types import Candidate, Description, Query, Result


@pytest.mark.parametrize(("question", "expression"), [
    ("how many cups are there?", "all the cups"),
    ("How many cups?", "all the cups"),
    ("how many red cups are on the table?", "all the red cups on the table"),
    ("how many cups are there on the left", "all the cups on the left"),
    ("how many of the cups are left of the blue box?", "all the cups left of the blue box"),
    ("how many cups that are red are there?", "all the cups that are red"),
    ("how many bottles do you see?", "all the bottles"),
    ("how many bottles can you see behind the bowl?", "all the bottles behind the bowl"),
    ("how many people are in the picture?", "all the people"),
    ("please tell me how many cans there are", "all the cans"),
    ("count the bottles", "all the bottles"),
    ("Robot, how many vases are here?", "all the vases"),
])
def test_counts_ask_for_all_of_them(question, expression):
    kind, asked = read(question)
    assert kind == COUNT
    assert asked == expression


@pytest.mark.parametrize("question", ["is there a red cup left of the bowl?", "are there any cups?",
                                      "is the cup on the book?", "do you see two bottles?"])
def test_yes_or_no_questions_are_looked_for_as_they_are(question):
    assert read(question) == (EXISTENCE, question)


@pytest.mark.parametrize("question", ["where is the cup?", "what is on the table?", "which cup is red?", "", "?"])
def test_other_questions_are_refused(question):
    with pytest.raises(InputError):
        read(question)


@pytest.mark.parametrize(("question", "head", "count"), [
    ("how many red cups are on the table?", "cup", 0), ("is there a red cup left of the bowl?", "cup", 1),
    ("how many cups that are red are there?", "cup", 0), ("are there two cups?", "cup", 2)])
def test_the_parser_understands_what_is_looked_for(question, head, count):
    target = ExpressionParser().parse(read(question)[1]).target
    assert (target.head, target.count) == (head, count)


class Finding:
    """Finds a number of things and remembers what it was asked for."""

    def __init__(self, number):
        self.number = number

    def query(self, text, *, min_confidence):
        self.asked, self.least = text, min_confidence
        query = Query(text, text, (Description(text),))
        mask = np.ones((4, 5), bool)
        things = [Candidate(i, mask, np.array([0, 0, 5, 4], np.float32), 0.9, {}) for i in range(self.number)]
        if not things:
            weak = Candidate(0, mask, np.array([0, 0, 5, 4], np.float32), 0.2, {})
            return Result.nothing(query, (4, 5), "nothing fits", confidence=0.0, candidates=[weak])
        return Result(True, mask, things[0].box, 0.9, 0.8, things, query, instances=things)


def test_answers_carry_their_evidence():
    three = ask(Finding(3), "how many cups are there?")
    assert (three.value, three.confidence, str(three), len(three.result.instances)) == (3, 0.8, "3", 3)
    none = ask(Finding(0), "how many cups are there?")
    assert (none.value, none.confidence, str(none)) == (0, 0.8, "0")
    assert none.value is not False
    yes, no = ask(Finding(1), "is there a cup?"), ask(Finding(0), "is there a cup?")
    assert (yes.value, str(yes), no.value, str(no)) == (True, "yes", False, "no")
    assert no.confidence == pytest.approx(0.8)
    assert no.result.reason == "nothing fits"


def test_a_yes_must_be_likely():
    cups = Finding(1)
    ask(cups, "is there a cup?")
    assert cups.least == LIKELY == 0.5


def test_the_command_refuses_before_it_loads(tmp_path):
    with pytest.raises(InputError, match="ask whether something is there"):
        CliRunner().invoke(app, ["ask", str(tmp_path / "none.png"), "where is it?"], catch_exceptions=False)
    with pytest.raises(InputError, match=r"none\.png"):
        CliRunner().invoke(app, ["ask", str(tmp_path / "none.png"), "is there a cup?"], catch_exceptions=False)
