from __future__ import annotations

import pytest

from ris_ros.config import Config
from ris_ros.errors import InputError
from ris_ros.evaluation.datasets import load_dataset
from ris_ros.evaluation.evaluator import Plan
from ris_ros.evaluation.questions import Question, Reply, ask_questions, make_questions, plural, summarize


def test_questions_are_made_from_annotations(refer_root, own_root):
    questions = make_questions(load_dataset("refcoco", refer_root(), "testA"))
    assert questions == {"25": [Question("how many cups are there?", "how many", 1),
                                Question("is there a cup?", "is there, yes", True)]}
    assert Question("how many bowls are there?", "how many", 1) in make_questions(
        load_dataset("folder", own_root))["a.png"]


def test_absent_classes_are_those_of_other_pictures(davis_root):
    data = load_dataset("davis", davis_root)
    assert Question("is there a shadow?", "is there, no", False) in make_questions(data)["goat/00001"]
    assert make_questions(data) == make_questions(data)


def test_a_data_set_without_classes_is_refused(davis_root):
    (davis_root / "valid/meta.json").unlink()
    with pytest.raises(InputError, match="names no classes"):
        make_questions(load_dataset("davis", davis_root))


@pytest.mark.parametrize(("one", "many"), [
    ("cup", "cups"), ("box", "boxes"), ("wine glass", "wine glasses"), ("bench", "benches"), ("knife", "knives"),
    ("person", "people"), ("toy", "toys"), ("cherry", "cherries"), ("scissors", "scissors")])
def test_plurals(one, many):
    assert plural(one) == many


def test_metrics_by_hand():
    replies = [Reply("a", "", "how many", 2, 2), Reply("a", "", "how many", 3, 1), Reply("b", "", "how many", 1, 2),
               Reply("b", "", "is there, yes", True, True), Reply("b", "", "is there, no", False, True)]
    metrics = summarize(replies)
    assert metrics["how many"].value == pytest.approx(1 / 3)
    assert metrics["how many, mean error"].value == pytest.approx(1)
    assert metrics["is there, yes"].value == 1
    assert metrics["is there, no"].value == 0
    assert metrics["how many"].count == 3


def test_every_question_gets_a_reply(own_root):
    data = load_dataset("folder", own_root)
    replies, problems = ask_questions(data, Plan(config=Config.from_dict({"device": "cpu"}), proposals="truth"))
    assert [reply.question for reply in replies] == [question.text for question in make_questions(data)["a.png"]]
    assert not problems
