"""Trees of expressions: for each word its governor, and what it says about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

REQUEST = "▷"
"""The first word of every tree: the request itself, which governs the targets."""

LABELS = {
    "target": "the noun of a target, of the request",
    "passed": "the noun of a target that a route only passes, of the request",
    "object": "the noun of a landmark, of its relation; the noun of what is excluded, of the negation",
    "det": "a determiner, of its noun",
    "count": "a number or quantifier",
    "attribute": "an adjective or noun modifier",
    "owner": "a possessor: \"the girl's\"",
    "compound": "the first part of a name: \"traffic\" of \"light\"",
    "addition": "what follows the noun within its phrase: \"bowl soup\", \"gate b12\"",
    "modifier": "the first word of what is kept as it is for the vision-language model: \"holding a cup\"",
    "region": "a word for a region",
    "rank": "a superlative, an ordinal, or the side that is counted from",
    "relation": "the first word of a relation, of the related noun",
    "exclude": "a negation, of the noun that it restricts",
    "flat": "a further word of a unit, of its first word",
    "said": "a word without effect on which object is meant",
}
"""Label -> what a word with it is.

A description without a noun hangs on what introduces it: "left of the red" has "red" as an attribute of "left", "not
red" as one of "not", and "the leftmost" has its ranking at the request.
"""


NOUN_LABELS = ("target", "passed", "object")
"""Labels of the nouns that stand for an object."""


@dataclass(frozen=True)
class Tree:
    """The tree of an expression.

    Attributes
    ----------
    words : in the uniform spelling of `ris_ros.language.words`; the first is REQUEST
    heads : the index of each word's governor; that of the first word is its own
    labels : one of LABELS for each word; that of the first is "root"

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

    def joined(self, indices: Iterable[int]) -> str:
        """Return words joined as they are written."""
        return " ".join(self.words[i] for i in indices).replace(" 's", "'s")
