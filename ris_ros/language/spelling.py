"""Correction of typos: an unknown word becomes the similar word that was most probably meant.

For a noun, a candidate counts as much as it is used, everyday objects more, minus what its slip costs: one that people
often make (a letter left out, doubled or swapped, another vowel) costs little.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property, lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from ris_ros.language.lists import DATA, WORDS
from ris_ros.utils.clip_vocabulary import common_words, rank

_STRUCTURE = sorted(word for word in WORDS["structure"] if len(word) > 3)
"""The words to which typos are corrected first."""
_FAMILIAR = 30_000
"""Rank in that vocabulary up to which typos are corrected to a word, and a word of no other list is a name: "ikea"."""
_OBJECT_BONUS = 1.0
"""How far an everyday object is ahead of other words that are as frequent, in powers of ten."""
_CLEAR = 0.3
"""How far the best candidate has to be ahead of the next one, in powers of ten."""
_DOUBLED, _SWAPPED, _LEFT_OUT, _SAME_SOUND, _VOWEL, _ADDED, _CONSONANT, _TWO = 0.1, 0.2, 0.2, 0.3, 0.3, 1.0, 1.5, 2.2
"""What slips cost, in powers of ten."""
_TWO_FROM = 8
"""Number of letters from which a word may have two slips."""
_VOWELS = frozenset("aeiouy")
_REPEATED = re.compile(r"(.)\1+")
_ENDINGS = ("y", "ie", "ed", "ish", "less", "ful")
"""Endings of adjectives that may be derived from any noun: "pointy" is no typo of "point"."""


def function_word(word: str) -> str:
    """Return the function word or colour of which an unknown word is a typo; the word itself if there is none."""
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


class NounSpelling:
    """Corrector of nouns, by what word lists say: whether a word is a noun, or two in one, and its base form."""

    def __init__(self, is_noun: Callable[[str], bool], is_compound: Callable[[str], bool], lemma: Callable[[str], str]):
        self._is_noun, self._is_compound, self._lemma = is_noun, is_compound, lemma
        self.corrected = lru_cache(maxsize=4096)(self._corrected)

    def _corrected(self, word: str) -> str:
        """Return the noun of which an unknown word is a typo; the word itself if there is no clear one."""
        if len(word) < 4 or not word.isascii() or not word.isalpha() or rank(word) < _FAMILIAR:
            return word
        found = sorted(self._candidates(word)) or sorted(
            (self._weight(text), text) for text in self._everyday if text.startswith(word))         # "giraf"
        *others, (score, best) = found or [(0.0, word)]
        is_clear = all(score - other > _CLEAR or self._lemma(text) == self._lemma(best) for other, text in others)
        is_derived = any(word.endswith(ending) and not best.endswith(ending) for ending in _ENDINGS)
        return best if is_clear and not (is_derived and word.startswith(best)) else word

    def _candidates(self, word: str) -> Iterator[tuple[float, str]]:
        near = self._by_letter[word[0]]
        for text, distance, _ in process.extract(word, near, scorer=OSA.distance, score_cutoff=2, limit=None):
            cost = _SAME_SOUND if _sound(word) == _sound(text) else _cost(word, text) if distance == 1 else _TWO
            is_near = distance == 1 or cost == _SAME_SOUND or min(len(word), len(text)) >= _TWO_FROM
            is_familiar = self._lemma(text) in self._everyday or rank(text) < _FAMILIAR
            is_likely = cost <= _SAME_SOUND or (is_familiar and not self._is_compound(word))
            if is_near and is_likely and self._lemma(text) != word:
                yield self._weight(text) - cost, text

    def _weight(self, word: str) -> float:
        frequency = self._everyday.get(word) or self._everyday.get(self._lemma(word))
        return frequency + _OBJECT_BONUS if frequency else 6.5 - math.log10(rank(word) + 100)  # Zipf's law

    @cached_property
    def _everyday(self) -> dict[str, float]:
        """Everyday objects and log10 of their uses in a billion words."""
        rows = (DATA / "everyday.tsv").read_text(encoding="utf-8").splitlines()[1:]
        return {word: float(frequency) for word, frequency in (row.split("\t") for row in rows)}

    @cached_property
    def _by_letter(self) -> dict[str, list[str]]:
        """The words that are corrected to, by first letter, which people rarely miss."""
        words: dict[str, list[str]] = defaultdict(list)
        plurals = (f"{word}s" for word in self._everyday
                   if not word.endswith(("s", "x", "z", "h", "y")) and self._lemma(f"{word}s") == word)
        for word in sorted({*self._everyday, *plurals, *filter(self._is_noun, common_words())}):
            words[word[0]].append(word)
        return words


def _sound(word: str) -> str:
    return _REPEATED.sub(r"\1", word.replace("ph", "f").replace("ck", "k").replace("y", "i"))


def _cost(typed: str, meant: str) -> float:
    """Return what the one slip between two words costs."""
    if sorted(typed) == sorted(meant):
        return _SWAPPED
    if len(typed) < len(meant):
        return _LEFT_OUT
    if len(typed) > len(meant):
        is_doubled = any(typed[i] == typed[i + 1] and typed[:i] + typed[i + 1:] == meant for i in range(len(meant)))
        return _DOUBLED if is_doubled else _ADDED
    wrong = {letter for pair in zip(typed, meant, strict=True) if len(set(pair)) > 1 for letter in pair}
    return _VOWEL if wrong <= _VOWELS else _CONSONANT
