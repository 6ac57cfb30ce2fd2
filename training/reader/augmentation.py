"""More trees from those of the treebank: other nouns and colours, and slips of the pen."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ris_ros.language.lists import WORDS
from ris_ros.language.tree import NOUN_LABELS, Tree
from training.reader.generator import Generator, article, plural, slip

_KEPT = {*WORDS["generic"], *WORDS["things"], *WORDS["everything"], *WORDS["plural only"], "one", "ones"}
_MIN_LETTERS = 4


def with_other_words(tree: Tree, generator: Generator, chance: random.Random) -> Tree:
    """Return a tree with other everyday nouns and colours in half of the places that have one."""
    words = list(tree.words)
    for i in range(1, len(words)):
        if chance.random() < 0.5:
            continue
        word = words[i]
        if word in generator.words["colour"]:
            words[i] = chance.choice(generator.words["colour"])
        elif tree.labels[i] in NOUN_LABELS and word not in _KEPT and word.isalpha():
            noun = chance.choice(generator.words["single"])
            words[i] = plural(noun) if generator.lemma(word) != word else noun
    for i in range(1, len(words) - 1):
        if words[i] in ("a", "an") and words[i + 1] != tree.words[i + 1]:
            words[i] = article(words[i + 1])
    return replace(tree, words=tuple(words))


def with_slip(tree: Tree, chance: random.Random) -> Tree:
    """Return a tree in which one content word of four letters or more is mistyped."""
    places = [i for i in range(1, len(tree.words)) if len(tree.words[i]) >= _MIN_LETTERS and tree.words[i].isalpha()]
    if not places:
        return tree
    nouns = [i for i in places if tree.labels[i] in ("target", "object")]
    i = chance.choice(nouns if nouns and chance.random() < 0.6 else places)
    words = list(tree.words)
    words[i] = slip(words[i], chance)
    return replace(tree, words=tuple(words))


def augmented(trees: Iterable[Tree], generator: Generator, *, copies: int, slips: float,
              seed: int = 0) -> Iterator[Tree]:
    """Yield copies of trees with other words, a share of them mistyped."""
    chance = random.Random(seed)
    for tree in trees:
        for _ in range(copies):
            copy = with_other_words(tree, generator, chance)
            yield with_slip(copy, chance) if chance.random() < slips else copy
