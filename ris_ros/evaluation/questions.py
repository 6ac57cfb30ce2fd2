"""Accuracy of `ris ask`: whether objects of a class are in a picture, and how many.

The questions are generated from a data set's annotated objects. For every class in a picture: how many objects there
are, and whether there is one. For two classes of the data set that are not in the picture: whether there is one.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from rich.console import Console
from rich.progress import track

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets.base import Dataset, Picture
from ris_ros.evaluation.evaluator import Plan
from ris_ros.evaluation.mask_sources import MaskSource
from ris_ros.evaluation.metrics import Bootstrap
from ris_ros.evaluation.summary import IntervalEstimate, Metrics
from ris_ros.questions import ask
from ris_ros.segmenter import ReferringSegmenter

ABSENT_CLASSES = 2
"""Number of absent classes that are asked about for each picture."""


@dataclass(frozen=True)
class Question:
    """A question about a picture.

    Attributes
    ----------
    text : the question
    kind : "how many", "is there, yes" or "is there, no"
    answer : the correct answer

    """

    text: str
    kind: str
    answer: bool | int


@dataclass(frozen=True)
class Reply:
    """A question about a picture, the right answer and the given one."""

    image: str
    question: str
    kind: str
    right: bool | int
    given: bool | int


def make_questions(data: Dataset) -> dict[str, list[Question]]:
    """Return the questions about each picture, by its id; raise InputError if the data set has no classes."""
    classes = sorted({annotated.category for picture in data.pictures for annotated in picture.objects.values()} - {""})
    if not classes:
        raise InputError(f"{data.name} names no classes of objects to ask for")
    questions: dict[str, list[Question]] = {}
    for picture in data.pictures:
        counts = Counter(annotated.category for annotated in picture.objects.values() if annotated.category)
        absent = [name for name in classes if name not in counts]
        absent = random.Random(picture.id).sample(absent, min(ABSENT_CLASSES, len(absent)))
        questions[picture.id] = [
            *(Question(f"how many {plural(name)} are there?", "how many", count) for name, count in counts.items()),
            *(Question(f"is there {_with_article(name)}?", "is there, yes", True) for name in counts),
            *(Question(f"is there {_with_article(name)}?", "is there, no", False) for name in absent)]
    return questions


def ask_questions(data: Dataset, plan: Plan, *, progress: bool = False) -> tuple[list[Reply], list[str]]:
    """Ask all questions about a data set.

    Returns
    -------
    The replies, and one line for each picture that could not be asked about.

    """
    evaluator = replace(plan, method="full").build()
    segmenter = cast(ReferringSegmenter, evaluator.method)
    replies: list[Reply] = []
    problems = []
    questions = make_questions(data)
    for picture in track(data.pictures, "asking", console=Console(stderr=True), disable=not progress):
        try:
            replies += _ask_about(picture, questions[picture.id], segmenter, evaluator.source)
        except InputError as error:
            problems.append(f"picture {picture.id}: {error}")
    return replies, problems


def summarize(replies: list[Reply]) -> Metrics:
    """Return the proportion of right answers to each kind of question, and the mean absolute error of counts."""
    bootstrap = Bootstrap(np.array([reply.image for reply in replies], str))
    kinds = np.array([reply.kind for reply in replies])
    errors = np.array([abs(int(reply.given) - int(reply.right)) for reply in replies], float)
    metrics = {}
    for name, values, selected in [*((kind, errors == 0, kinds == kind) for kind in dict.fromkeys(kinds.tolist())),
                                   ("how many, mean error", errors, kinds == "how many")]:
        if selected.any():
            metrics[name] = IntervalEstimate(float(values[selected].mean()),
                                             *bootstrap.interval(values, np.ones(len(values)), selected),
                                             int(selected.sum()))
    return metrics


def plural(noun: str) -> str:
    """Return the plural of an English noun by the common rules: "boxes", "knives", "cherries"; people for person."""
    if noun.endswith("person"):
        return noun.removesuffix("person") + "people"
    for ending, instead in (("knife", "knives"), ("mouse", "mice"), ("sheep", "sheep"), ("scissors", "scissors"),
                            ("skis", "skis")):
        if noun.endswith(ending):
            return noun.removesuffix(ending) + instead
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    return noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "aeiou" else noun + "s"


def _ask_about(picture: Picture, questions: list[Question], segmenter: ReferringSegmenter, source: MaskSource
               ) -> list[Reply]:
    image = picture.read_image()
    segmenter.set_image(image, source(picture, image))
    return [Reply(picture.id, question.text, question.kind, question.answer, ask(segmenter, question.text).value)
            for question in questions]


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
