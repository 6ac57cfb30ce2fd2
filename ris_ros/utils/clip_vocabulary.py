"""The vocabulary of CLIP's tokenizer as a list of common English words."""

from __future__ import annotations

import gzip
from functools import lru_cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

_MERGES = 48_895
"""Number of lines of CLIP's vocabulary that its tokenizer uses."""


@lru_cache(maxsize=1)
def common_words() -> dict[str, int]:
    """Return the whole words of CLIP's vocabulary and their rank, frequent ones first.

    The file is read from open_clip's folder without importing open_clip, which would take seconds.
    """
    package = find_spec("open_clip")
    assert package is not None and package.submodule_search_locations
    path = Path(package.submodule_search_locations[0], "bpe_simple_vocab_16e6.txt.gz")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        words = (line.replace(" ", "").removesuffix("</w>\n") for line in islice(lines, 1, _MERGES))
        return {word: rank for rank, word in enumerate(words) if len(word) > 3 and word.isascii() and word.isalpha()}


def rank(word: str) -> int:
    """Return the rank of a word among those that are common; one behind all of them if it is not."""
    return common_words().get(word, _MERGES)
