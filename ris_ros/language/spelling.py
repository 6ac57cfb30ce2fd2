"""Correction of typos: an unknown word is replaced by a similar word that people often use."""

from __future__ import annotations

import gzip
import re
from collections import defaultdict
from functools import lru_cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

from rapidfuzz import process
from rapidfuzz.distance import OSA

from ris_ros.language import lexicon as lex
from ris_ros.language import vocabulary as v

# The words to which typos are corrected first: function words and colours.
_STRUCTURE = sorted(word for word in {
    *v.COLOURS, *v.DIRECTIONS, *v.ORDINALS, *v.CARDINALS, *" ".join(v.SUPERLATIVES).split(), *v.words(
        "corner side inside outside behind beside between under underneath beneath below above over next near close "
        "touching wearing holding standing sitting with without that which from counting against camera picture "
        "striped both please everything except colour color same different where there find fetch grab bring pick give "
        "could would half"),
} if len(word) > 3)
# Number of lines of CLIP's vocabulary that its tokenizer uses.
_MERGES = 48_895
# Maximum rank of a word to which even a short word is corrected.
_VERY_COMMON = 25_000
_DOUBLED = re.compile(r"(.)\1+")
_VOWELS = v.words("a e i o u y")


def corrected(word: str) -> str:
    """Return the function word of which an unknown word is a typo; the word itself if there is no clear one."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    close = [(text, distance) for text, distance, _ in process.extract(
                 word, _STRUCTURE, scorer=OSA.distance, score_cutoff=1 if len(word) < 7 else 2, limit=5)
             # People rarely miss the first letter.
             if text[0] == word[0] or sorted(text) == sorted(word)]
    close = [pair for pair in close if pair[0][:3] == word[:3] and pair[1] == close[0][1]] or close     # "fartest"
    if not close or (len(close) > 1 and close[0][1] == close[1][1] and close[0][0][:3] != close[1][0][:3]):
        return word
    return close[0][0]


@lru_cache(maxsize=1)
def _common() -> dict[str, dict[str, int]]:
    """Return common words and their rank, by first letter: the whole words of CLIP's vocabulary, frequent ones first.

    The file is read from open_clip's folder without importing open_clip, which would take seconds.
    """
    path = Path(find_spec("open_clip").submodule_search_locations[0], "bpe_simple_vocab_16e6.txt.gz")
    ranks: dict[str, dict[str, int]] = defaultdict(dict)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for rank, line in enumerate(islice(lines, 1, _MERGES)):
            word = line.replace(" ", "").removesuffix("</w>\n")
            if len(word) > 3 and word.isascii() and word.isalpha():
                ranks[word[0]][word] = rank
    return ranks


def is_common(word: str) -> bool:
    """Return whether a word is one of the common words."""
    return word in _common().get(word[0], {})


@lru_cache(maxsize=4096)
def common_words_like(word: str, *, is_compound: bool = False) -> tuple[tuple[str, int], ...]:
    """Return the common words of which an unknown word may be a typo, with their rank: only the most similar ones.

    A word that is common itself has none. Wrongly doubled or single letters, swapped letters and phonetic spellings are
    always accepted. Beyond these, a word of five letters may have one letter too many or too few, a word of six or more
    one wrong letter, and a word of eight or more two wrong letters unless it `is_compound`.
    """
    ranks = _common().get(word[0], {})
    if len(word) < 5 or not word.isascii() or not word.isalpha() or word in ranks:
        return ()
    likeness: dict[tuple[bool, int], list[tuple[str, int]]] = defaultdict(list)
    for text, distance, _ in process.extract(word, list(ranks), scorer=OSA.distance, score_cutoff=2, limit=None):
        is_same = _sound(text) == _sound(word) or sorted(text) == sorted(word)
        is_long = len(word) >= 6 or (len(text) != len(word) and ranks[text] < _VERY_COMMON)
        is_close = is_long and distance == 1 and not _is_consonant_replaced(word, text)
        if is_same or is_close or (len(word) >= 8 and not is_compound):
            likeness[not is_same, distance].append((text, ranks[text]))
    return tuple(likeness[min(likeness)]) if likeness else ()


@lru_cache(maxsize=4096)
def everyday_words_like(word: str) -> tuple[tuple[str, int], ...]:
    """Return the names of everyday objects that a word abbreviates, or from which it differs by one letter."""
    ranks = _common().get(word[0], {})
    if len(word) < 4 or not word.isalpha() or word in ranks:
        return ()
    near = [text for text in lex.EVERYDAY if text[0] == word[0]]
    cut_short = [text for text in near if text.startswith(word)]
    like = cut_short or [text for text, _, _ in process.extract(word, near, scorer=OSA.distance, score_cutoff=1)]
    return tuple((text, ranks.get(text, 0)) for text in like)


def _sound(word: str) -> str:
    return _DOUBLED.sub(r"\1", word.replace("ph", "f").replace("ck", "k").replace("y", "i"))


def _is_consonant_replaced(word: str, text: str) -> bool:
    return len(word) == len(text) and any(a != b and not {a, b} <= _VOWELS for a, b in zip(word, text, strict=True))
