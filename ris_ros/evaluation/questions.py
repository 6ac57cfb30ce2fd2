"""How often `ris ask` is right: whether a class of object is in a picture, and how many of it there are.

The questions follow from a data set's annotated objects: for every class of a picture how many there are and whether
there is one, and for two classes of the data set that the picture lacks whether there is one.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console
from rich.progress import track

from ris_ros.errors import InputError
from ris_ros.evaluation.datasets.base import DataSet, Picture
from ris_ros.evaluation.examiner import Plan
from ris_ros.evaluation.metrics import Bootstrap
from ris_ros.evaluation.summary import Figure
from ris_ros.questions import ask

ABSENT = 2  # classes per picture that are asked for in vain


@dataclass(frozen=True)
class Reply:
    """A question about a picture, the right answer and the one that was given."""

    image: str
    question: str
    kind: str
    right: bool | int
    given: bool | int


def questions(data: DataSet) -> dict[str, list[tuple[str, str, bool | int]]]:
    """Picture -> (question, its kind, the right answer); InputError when the data set names no classes."""
    classes = sorted({thing.category for picture in data.pictures for thing in picture.things.values()} - {""})
    if not classes:
        raise InputError(f"{data.name} names no classes of objects to ask for")
    asked: dict[str, list[tuple[str, str, bool | int]]] = {}
    for picture in data.pictures:
        counts = Counter(thing.category for thing in picture.things.values() if thing.category)
        missing = [name for name in classes if name not in counts]
        missing = random.Random(picture.id).sample(missing, min(ABSENT, len(missing)))
        asked[picture.id] = [
            *((f"how many {plural(name)} are there?", "how many", count) for name, count in counts.items()),
            *((f"is there {_a(name)}?", "is there, yes", True) for name in counts),
            *((f"is there {_a(name)}?", "is there, no", False) for name in missing)]
    return asked


def reply(data: DataSet, plan: Plan, *, progress: bool = False) -> tuple[list[Reply], list[str]]:
    """Ask everything; the replies, and one line for each picture that could not be asked about."""
    examiner = replace(plan, method="full").build()
    replies, problems = [], []
    asked = questions(data)
    for picture in track(data.pictures, "asking", console=Console(stderr=True), disable=not progress):
        try:
            replies += _about(picture, asked[picture.id], examiner.method, examiner.source)
        except InputError as error:
            problems.append(f"picture {picture.id}: {error}")
    return replies, problems


def figures(replies: list[Reply]) -> dict[str, Figure]:
    """The share of right answers to each kind of question, and by how much counts are wrong on average."""
    bootstrap = Bootstrap(np.array([one.image for one in replies], str))
    kinds = np.array([one.kind for one in replies])
    off = np.array([abs(int(one.given) - int(one.right)) for one in replies], float)
    found = {}
    for name, values, chosen in [*((kind, off == 0, kinds == kind) for kind in dict.fromkeys(kinds.tolist())),
                                 ("how many, mean error", off, kinds == "how many")]:
        if chosen.any():
            found[name] = Figure(float(values[chosen].mean()),
                                 *bootstrap.interval(values, np.ones(len(values)), chosen), int(chosen.sum()))
    return found


def plural(noun: str) -> str:
    """The plural of an English noun by the common rules: "boxes", "knives", "cherries"; people for person."""
    if noun.endswith("person"):
        return noun.removesuffix("person") + "people"
    for ending, instead in (("knife", "knives"), ("mouse", "mice"), ("sheep", "sheep"), ("scissors", "scissors"),
                            ("skis", "skis")):
        if noun.endswith(ending):
            return noun.removesuffix(ending) + instead
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    return noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "aeiou" else noun + "s"


def _about(picture: Picture, asked: list[tuple[str, str, bool | int]], segmenter, source) -> list[Reply]:
    image = picture.read_image()
    segmenter.set_image(image, source(picture, image))
    replies = []
    for question, kind, right in asked:
        replies.append(Reply(picture.id, question, kind, right, ask(segmenter, question).value))
    return replies


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
