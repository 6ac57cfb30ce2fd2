"""Word lists, from the files in `data/`: sets of words, and words with what they mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"


def _read(name: str) -> dict[str, Any]:
    """Return the lists of a file: an array of lines becomes a set of words, an object stays as it is."""
    lists = json.loads((DATA / name).read_text(encoding="utf-8"))
    return {key: frozenset(" ".join(value).split()) if isinstance(value, list) else value
            for key, value in lists.items()}


WORDS = _read("words.json")
SPELLINGS = _read("spellings.json")
ALIVE = WORDS["people"] | WORDS["animals"]
EVERYDAY = WORDS["everyday"] | ALIVE
