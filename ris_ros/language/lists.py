"""Word lists, from the files in `data/`: sets of words, and words with what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ris_ros.utils.files import read_json

DATA = Path(__file__).parent / "data"


def _read(name: str, known: dict[str, Any]) -> dict[str, Any]:
    """Return the known lists and those of a file: an array of lines becomes a set of words, an object stays as it is.

    In an array, "@plural_only" stands for the single words of the list "plural only", which comes before it.
    """
    lists = dict(known)
    for key, value in read_json(DATA / name).items():
        if isinstance(value, list):
            words = " ".join(value).split()
            named = (lists[word[1:].replace("_", " ")] for word in words if word[0] == "@")
            value = frozenset(word for some in (words, *named) for word in some if word[0] != "@" and " " not in word)
        lists[key] = value
    return lists


WORDS = _read("words.json", {})
SPELLINGS = _read("spellings.json", WORDS)
