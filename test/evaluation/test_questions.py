from __future__ import annotations

import pytest

from ris_ros.config import Config
from ris_ros.errors import InputError
from ris_ros.evaluation.datasets import load
from ris_ros.evaluation.examiner import Plan
from ris_ros.evaluation.questions import Reply, figures, plural, questions, reply


def test_questions_follow_from_the_annotations(refer_root, own_root):
    asked = questions(load("refcoco", refer_root(), "testA"))
    assert asked == {"25": [("how many cups are there?", "how many", 1), ("is there a cup?", "is there, yes", True)]}
    assert ("how many bowls are there?", "how many", 1) in questions(load("folder", own_root))["a.png"]


def test_absent_classes_are_those_of_other_pictures(davis_root):
    data = load("davis", davis_root)
    assert ("is there a shadow?", "is there, no", False) in questions(data)["goat/00001"]
    assert questions(data) == questions(data)


def test_a_data_set_without_classes_is_refused(davis_root):
    (davis_root / "valid/meta.json").unlink()
    with pytest.raises(InputError, match="names no classes"):
        questions(load("davis", davis_root))


@pytest.mark.parametrize(("one", "many"), [
    ("cup", "cups"), ("box", "boxes"), ("wine glass", "wine glasses"), ("bench", "benches"), ("knife", "knives"),
    ("person", "people"), ("toy", "toys"), ("cherry", "cherries"), ("scissors", "scissors")])
def test_plurals(one, many):
    assert plural(one) == many


def test_figures_by_hand():
    replies = [Reply("a", "", "how many", 2, 2), Reply("a", "", "how many", 3, 1), Reply("b", "", "how many", 1, 2),
               Reply("b", "", "is there, yes", True, True), Reply("b", "", "is there, no", False, True)]
    found = figures(replies)
    assert found["how many"].value == pytest.approx(1 / 3)
    assert found["how many, mean error"].value == pytest.approx(1)
    assert found["is there, yes"].value == 1
    assert found["is there, no"].value == 0
    assert found["how many"].count == 3


def test_every_question_gets_a_reply(own_root):
    data = load("folder", own_root)
    replies, problems = reply(data, Plan(config=Config.from_dict({"device": "cpu"}), proposals="truth"))
    assert [one.question for one in replies] == [question for question, _, _ in questions(data)["a.png"]]
    assert not problems
