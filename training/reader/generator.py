"""Expressions with their trees, by construction: expansions of `data/grammar.txt`."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ris_ros.grounding.vocabulary import STOCK
from ris_ros.language.tree import NOUN_LABELS, REQUEST, Tree
from training.reader.tree import without_crossing

DATA = Path(__file__).parent / "data"
_MIN_FREQUENCY = 3.0
"""Least frequency of an everyday noun, on Zipf's scale."""
_STRANGE = {"person", "body structure", "muscle", "bone", "nerve", "representation", "system", "facility", "group"}
"""Broader names of nouns that nobody points at."""
_LINE = re.compile(r"(\w+)(?:\*(\d+))?: (.+)")
TOKEN = re.compile(r"<\w+\??>|\*?\{\w+\??\}|\w+\(|\)|[^\s()<>{}]+")
"""A name, a kind of word, the opening or closing of a unit, or a word."""
_VOWELS = "aeiou"
_MAX_WORDS = 24
_NOUN_KINDS = ("person", "place", "support", "fixture")
"""Kinds of words of the lexicon that stand for an object."""


class Generator:
    """Generator of expressions with trees.

    Parameters
    ----------
    lemma : returns the base form of a noun; plurals that it does not recognize are not used
    seed : of all choices

    """

    def __init__(self, lemma: Callable[[str], str], seed: int = 0):
        self._random = random.Random(seed)
        self.lemma = lemma
        self._productions: dict[str, list[list[str]]] = {}
        for line in (DATA / "grammar.txt").read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                found = _LINE.fullmatch(line)
                if not found:
                    raise ValueError(f"no production: {line!r}")
                name, weight, body = found.groups()
                self._productions.setdefault(name, []).extend([TOKEN.findall(body)] * int(weight or 1))
        self.words: dict[str, list[str]] = json.loads((DATA / "lexicon.json").read_text(encoding="utf-8"))
        self.words["noun"] = list(_everyday_nouns())
        self.words["single"] = [noun for noun in self.words["noun"] if " " not in noun]

    def trees(self, number: int) -> Iterator[Tree]:
        """Yield that many different trees."""
        seen: set[tuple[str, ...]] = set()
        while len(seen) < number:
            tree = from_brackets(self._expanded("EXPRESSION"))
            if tree is not None and tree.words not in seen and len(tree.words) <= _MAX_WORDS:
                seen.add(tree.words)
                yield tree

    def _expanded(self, name: str) -> Iterator[str]:
        """Yield words, openings of units and closing brackets."""
        for token in self._random.choice(self._productions[name]):
            is_open = token.endswith("(") or token == ")"
            if not is_open and token.rstrip(">}").endswith("?") and token[-1] in ">}" and self._random.random() < 0.5:
                continue
            if token[0] == "<":
                yield from self._expanded(token.strip("<>?"))
            elif token[-1] == "}":
                drawn = list(self._drawn(token.strip("*{}?")))
                yield from [f"*{drawn[0]}", *drawn[1:]] if token[0] == "*" else drawn
            else:
                yield token

    def _drawn(self, kind: str) -> Iterator[str]:
        if kind not in ("noun", "nouns"):
            words = self._random.choice(self.words[kind]).split()
            yield from [f"^{word}" for word in words] if kind in _NOUN_KINDS else words
            return
        *first, last = self._random.choice(self.words["noun"]).split()
        if kind == "nouns":
            last = plural(last) if self.lemma(plural(last)) == last else last
        for word in first:
            is_name = f"{word}_{self.lemma(last)}" in self.words["compound"] and not word.endswith("ing")
            yield "compound(" if is_name else "attribute("
            yield word
            yield ")"
        yield f"^{last}"


def from_brackets(tokens: Iterable[str]) -> Tree | None:
    """Return the tree of an expression in the notation of `data/grammar.txt`, without names.

    In it, "^" marks the noun of a target, a landmark or what is excluded. The result is None where a unit has no word.
    """
    words, heads, labels = [REQUEST], dict[int, int](), dict[int, str]()
    units = [_Unit("root", words=[0])]
    for token in tokens:
        if token.endswith("(") and len(token) > 1:
            units.append(_Unit(token[:-1]))
        elif token == ")":
            unit = units.pop()
            if not unit.words:
                return None
            if units[-1].label == "modifier":               # its inner order does not matter
                units[-1].words += unit.words
            elif unit.label != "said":
                _attach(unit, heads, labels)
                units[-1].children.append((unit.first, unit.label))
        else:
            words.append(token.lstrip("*^").lower())
            units[-1].words.append(len(words) - 1)
            if token[0] == "*" or (units[-1].names and units[-1].marked is None and (
                    token[0] == "^" or token in ("one", "thing"))):
                units[-1].marked = len(words) - 1
    for child, label in units[0].children:
        heads[child], labels[child] = 0, label
    for i in range(1, len(words) - 1):
        if words[i] == "a":
            words[i] = article(words[i + 1])
    return without_crossing(words, heads, labels)


@dataclass
class _Unit:
    """A unit that is being read: its own words, what hangs on it, and the word that is marked as its first."""

    label: str
    words: list[int] = field(default_factory=list)
    children: list[tuple[int, str]] = field(default_factory=list)
    marked: int | None = None

    @property
    def names(self) -> bool:
        """Return whether it is a noun, whose other words are only said."""
        return self.label in NOUN_LABELS

    @property
    def first(self) -> int:
        """Return the word that governs the others."""
        return self.words[0] if self.marked is None else self.marked


def _attach(unit: _Unit, heads: dict[int, int], labels: dict[int, str]) -> None:
    for child, label in unit.children:
        heads[child], labels[child] = unit.first, label
    for word in unit.words:
        if word != unit.first and not unit.names:
            heads[word], labels[word] = unit.first, "flat"


def _everyday_nouns() -> Iterator[str]:
    rows = [line.split("\t") for line in STOCK.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    names = {name for name, *_ in rows}
    for name, synonyms, broader, frequency in rows:
        if frequency and float(frequency) >= _MIN_FREQUENCY and broader and _STRANGE.isdisjoint(broader.split("|")):
            yield name
            # "Sewing needle", but not the Latin names.
            yield from (other for other in synonyms.split("|") if " " in other and other.split()[-1] in names
                        and " of " not in other)


def article(word: str) -> str:
    """Return the indefinite article before a word."""
    return "an" if word[0] in _VOWELS else "a"


def plural(noun: str) -> str:
    """Return the regular plural of a noun."""
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if noun[-1:] == "y" and noun[-2:-1] not in _VOWELS else f"{noun}s"


def slip(word: str, chance: random.Random) -> str:
    """Return a word with one mistake: a letter left out, doubled, swapped with the next, or another vowel."""
    i = chance.randrange(1, len(word) - 1)
    vowels = [k for k, letter in enumerate(word) if letter in _VOWELS and k > 0]
    kind = chance.choice(["left out", "doubled", "swapped", *["vowel"] * bool(vowels)])
    if kind == "left out":
        return word[:i] + word[i + 1:]
    if kind == "doubled":
        return word[:i] + word[i] + word[i:]
    if kind == "swapped":
        return word[:i] + word[i + 1] + word[i] + word[i + 2:]
    k = chance.choice(vowels)
    return word[:k] + chance.choice([vowel for vowel in _VOWELS if vowel != word[k]]) + word[k + 1:]
