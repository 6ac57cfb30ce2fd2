"""A Griffe extension for this package's docstrings: what follows the colon after a name describes it.

In NumPy's style it would be the type, which the signature says already.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension

SECTION = re.compile(r"^(Parameters|Attributes)\n-+\n((?:.+\n?)*)", re.M)
ENTRY = re.compile(r"^(\w+(?:, \w+)*) : (.*(?:\n[ \t]+.*)*)", re.M)


ROLE = re.compile(r":(?:class|func|meth|mod):`~?([^`]+)`")


def describe(text: str) -> str:
    """Return a docstring whose entries have their descriptions below the names, and whose references are plain code."""
    def indent(match: re.Match[str]) -> str:
        lines = [line.strip() for line in match[2].splitlines()]
        return "\n".join([match[1], *(f"    {line}" for line in lines)])

    return ROLE.sub(r"`\1`", SECTION.sub(lambda section: ENTRY.sub(indent, section[0]), text))


class Descriptions(Extension):
    """Rewrites the docstrings of everything that is loaded."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Rewrite the docstring of an object."""
        if obj.docstring:
            obj.docstring.value = describe(obj.docstring.value)
