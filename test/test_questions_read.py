"""Questions and the expressions that they ask about."""

from __future__ import annotations

import pytest

from ris_ros.errors import InputError
from ris_ros.language import ExpressionParser
from ris_ros.questions import COUNT, EXISTENCE
from ris_ros.questions import read as read_question


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
def test_a_count_asks_for_all_objects(question, expression):
    assert read_question(question) == (COUNT, expression)


@pytest.mark.parametrize("question", ["is there a red cup left of the bowl?", "are there any cups?",
                                      "is the cup on the book?", "do you see two bottles?"])
def test_a_yes_or_no_question_is_an_expression_as_it_is(question):
    assert read_question(question) == (EXISTENCE, question)


@pytest.mark.parametrize("question", ["where is the cup?", "what is on the table?", "which cup is red?", "", "?"])
def test_other_questions_are_refused(question):
    with pytest.raises(InputError):
        read_question(question)


@pytest.mark.parametrize(("question", "head", "count"), [
    ("how many red cups are on the table?", "cup", 0), ("is there a red cup left of the bowl?", "cup", 1),
    ("how many cups that are red are there?", "cup", 0), ("are there two cups?", "cup", 2)])
def test_the_parser_reads_the_expression(question, head, count):
    target = ExpressionParser().parse(read_question(question)[1]).target
    assert (target.head, target.count) == (head, count)
