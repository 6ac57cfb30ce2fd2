"""Parsing of questions: their kind, and the expression whose objects answer them."""

from __future__ import annotations

import re

from ris_ros.errors import InputError
from ris_ros.types import check_text

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


def read_question(question: str) -> tuple[str, str]:
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
