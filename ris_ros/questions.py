"""Answers to yes/no and how-many questions about an image, by grounding, with the found objects as evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ris_ros.errors import InputError
from ris_ros.types import Result
from ris_ros.utils.texts import check_text

if TYPE_CHECKING:
    from ris_ros.segmenter import ReferringSegmenter

__all__ = ["COUNT", "EXISTENCE", "MIN_CONFIDENCE", "Answer", "ask", "read"]

EXISTENCE, COUNT = "existence", "count"
"""The kinds of questions: "is there a cup?" and "how many cups are there?"."""

_FILLERS = (r"(?: (?:there|here|you see|we see|you find|visible|present|shown|to be seen|"
            r"in (?:the|this) (?:image|picture|photo|photograph|scene|view)))*")
"""Phrases before and after what is counted that do not restrict it."""
_COUNT = re.compile(rf"(?:.*\b)?how many (?:of )?(?:the )?(?P<what>.+?)(?: (?:are|is|do|can|does|exist){_FILLERS}"
                    r"(?P<where> .+?)?)?")
_INDIRECT_COUNT = re.compile(rf"(?:.*\b)?how many (?:of )?(?:the )?(?P<what>.+?) (?:there are|are|do|can){_FILLERS}")
_COUNT_COMMAND = re.compile(r"(?:please )?(?:count|give me the number of|what is the number of)(?: up)?(?: all)?"
                            r"(?: of)?(?: the)? (?P<what>.+?)")
_OPEN_QUESTION = re.compile(r"(?:what|where|who|whose|which|why|when|how)\b")

MIN_CONFIDENCE = 0.5
"""Confidence from which an object counts as present.

It is higher than for finding: a command presupposes that its object is there, a question does not, and "yes" should be
more probable than "no".
"""


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to a question.

    Attributes
    ----------
    question : the question as it was asked
    kind : EXISTENCE or COUNT
    value : whether there is such an object, or the number of such objects
    confidence : 0..1; for "yes" and counts that of the least certain object, for "no" that nothing matches
    result : what was searched for (``result.query``) and the evidence (``result.instances``, ``result.mask``)

    """

    question: str
    kind: str
    value: bool | int
    confidence: float
    result: Result

    def __str__(self) -> str:
        if self.kind == COUNT:
            return str(self.value)
        return "yes" if self.value else "no"


def ask(segmenter: ReferringSegmenter, question: str) -> Answer:
    """Answer a question about the image that the segmenter was last given by ``set_image``.

    "Is there ...?", "are there any ...?" and "is the cup on the book?" are answered by whether such an object is
    probably there, "are there two ...?" by whether that many are, "how many ... are there?" by how many are found.

    Raises
    ------
    InputError
        If it is another kind of question, has no words, or no image was set.

    """
    kind, expression = read(question)
    result = segmenter.query(expression, min_confidence=MIN_CONFIDENCE)
    if kind == COUNT:
        value: bool | int = len(result.instances) if result.found else 0
    else:
        value = result.found
    # If several objects are asked for and missing, the result has no confidence, but the best candidate has a score.
    best_score = max([result.confidence, *(candidate.score for candidate in result.candidates)])
    confidence = result.confidence if result.found else 1 - best_score
    return Answer(question, kind, value, confidence, result)


def read(question: str) -> tuple[str, str]:
    """Return the kind of a question, EXISTENCE or COUNT, and the expression whose objects answer it.

    For a count this is an expression for all objects that are counted.

    Raises
    ------
    InputError
        If it is a question of another kind, or has no words.

    """
    check_text(question)
    text = " ".join(question.lower().replace(",", " ").split()).rstrip("?!. ")
    for pattern in (_INDIRECT_COUNT, _COUNT, _COUNT_COMMAND):
        if match := pattern.fullmatch(text):
            parts = match.groupdict()
            return COUNT, f"all the {parts['what']}{parts.get('where') or ''}"
    if _OPEN_QUESTION.match(text):
        raise InputError(f"cannot answer {question!r}: ask whether something is there, or how many there are; "
                         "`ris segment` finds the thing itself")
    return EXISTENCE, question
