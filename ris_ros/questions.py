"""Answers to yes/no and how-many questions about an image, by grounding, with the found objects as evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ris_ros.language.questions import COUNT, EXISTENCE
from ris_ros.language.questions import read_question as read
from ris_ros.types import Result

if TYPE_CHECKING:
    from ris_ros.segmenter import ReferringSegmenter

__all__ = ["COUNT", "EXISTENCE", "MIN_CONFIDENCE", "Answer", "ask", "read"]

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
