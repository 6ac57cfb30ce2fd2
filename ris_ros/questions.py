"""Yes-or-no and how-many questions about an image, answered by grounding, with the objects that are the evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ris_ros.errors import InputError
from ris_ros.types import Result, check_text

if TYPE_CHECKING:
    from ris_ros.segmenter import ReferringSegmenter

EXISTENCE, COUNT = "existence", "count"

# Who sends a robot for a thing knows that it is there; who asks does not, so that "yes" must be likelier than "no".
LIKELY = 0.5

# What can stand before and after a count without changing it.
_ASIDE = (r"(?: (?:there|here|you see|we see|you find|visible|present|shown|to be seen|"
          r"in (?:the|this) (?:image|picture|photo|photograph|scene|view)))*")
_COUNT = re.compile(rf"(?:.*\b)?how many (?:of )?(?:the )?(?P<what>.+?)(?: (?:are|is|do|can|does|exist){_ASIDE}"
                    r"(?P<where> .+?)?)?")
_COUNT_AT_END = re.compile(rf"(?:.*\b)?how many (?:of )?(?:the )?(?P<what>.+?) (?:there are|are|do|can){_ASIDE}")
_COUNT_ORDER = re.compile(r"(?:please )?(?:count|give me the number of|what is the number of)(?: up)?(?: all)?(?: of)?"
                          r"(?: the)? (?P<what>.+?)")
_OPEN = re.compile(r"(?:what|where|who|whose|which|why|when|how)\b")


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to a question.

    Attributes
    ----------
    question : as it was asked
    kind : EXISTENCE or COUNT
    value : whether there is such a thing; or how many there are
    confidence : 0..1, that of the least sure object for "yes" and for counts; for "no" that nothing fits
    result : what was looked for (``result.query``), and the evidence: ``result.instances`` and ``result.mask``

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
    """Answer a question about the image that the segmenter was given last (``set_image``).

    "Is there ...?", "are there any ...?" and "is the cup on the book?" are answered by whether what they name is likely
    to be there, "are there two ...?" by whether that many are, "how many ... are there?" by how many are found.

    Raises
    ------
    InputError
        When it is another kind of question, names nothing, or no image was set.

    """
    kind, expression = read(question)
    result = segmenter.query(expression, min_confidence=LIKELY)
    if kind == COUNT:
        value: bool | int = len(result.instances) if result.found else 0
    else:
        value = result.found
    # Of several that are asked for and not there, the result has no confidence, but the best candidate has a score.
    fits_best = max([result.confidence, *(candidate.score for candidate in result.candidates)])
    confidence = result.confidence if result.found else 1 - fits_best
    return Answer(question, kind, value, confidence, result)


def read(question: str) -> tuple[str, str]:
    """The kind of a question and the expression whose objects answer it: for a count, all that it is about.

    Raises
    ------
    InputError
        When it is a question of another kind, or names nothing.

    """
    check_text(question)
    text = " ".join(question.lower().replace(",", " ").split()).rstrip("?!. ")
    for pattern in (_COUNT_AT_END, _COUNT, _COUNT_ORDER):
        if match := pattern.fullmatch(text):
            found = match.groupdict()
            return COUNT, f"all the {found['what']}{found.get('where') or ''}"
    if _OPEN.match(text):
        raise InputError(f"cannot answer {question!r}: ask whether something is there, or how many there are; "
                         "`ris segment` finds the thing itself")
    return EXISTENCE, question
