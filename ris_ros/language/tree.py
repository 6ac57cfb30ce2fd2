"""Trees of expressions: for each word its governor, and what it says about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ris_ros.language.lists import DATA
from ris_ros.utils.files import read_json

REQUEST = "▷"
"""The first word of every tree: the request itself, which governs the targets."""

LABELS: dict[str, str] = read_json(DATA / "labels.json")
"""Label -> what a word with it is; training/reader/README.md has more."""

NOUN_LABELS = ("target", "passed", "object")
"""Labels of the nouns that stand for an object."""


@dataclass(frozen=True)
class Tree:
    """The tree of an expression: its words, of which REQUEST is the first, their governors' indices, and their LABELS.

    The request governs itself, and its label is "root". Words are in the uniform spelling of `ris_ros.language.words`.
    """

    words: tuple[str, ...]
    heads: tuple[int, ...]
    labels: tuple[str, ...]

    @cached_property
    def children(self) -> list[list[int]]:
        """The words that each word governs, from left to right."""
        children: list[list[int]] = [[] for _ in self.words]
        for i, head in enumerate(self.heads[1:], start=1):
            children[head].append(i)
        return children

    def of(self, node: int, *labels: str) -> list[int]:
        """Return the words that `node` governs with one of the labels."""
        return [child for child in self.children[node] if self.labels[child] in labels]

    def subtree(self, node: int, *labels: str) -> list[int]:
        """Return a word and everything below it, from left to right; only by arcs with one of the labels, if given."""
        found, waiting = [], [node]
        while waiting:
            found.append(waiting.pop())
            waiting += self.of(found[-1], *(labels or LABELS))
        return sorted(found)

    def unit(self, node: int) -> list[int]:
        """Return a word and the words that are flat below it, from left to right."""
        return self.subtree(node, "flat")

    def unit_words(self, node: int) -> list[str]:
        """Return the words of a unit."""
        return [self.words[i] for i in self.unit(node)]

    def joined(self, indices: Iterable[int]) -> str:
        """Return words joined as they are written."""
        return " ".join(self.words[i] for i in indices).replace(" 's", "'s")
