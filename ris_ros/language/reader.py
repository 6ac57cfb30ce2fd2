"""The reader: a small spaCy parser that was trained on the treebank in `training/reader`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ris_ros.language.english import SENSES, English
from ris_ros.language.lists import ALIVE, WORDS
from ris_ros.language.names import number
from ris_ros.language.tree import REQUEST, Tree

if TYPE_CHECKING:
    from spacy.tokens import Doc
    from spacy.vocab import Vocab

_LISTS = {"direction": "directions", "ordinal": "ordinals", "superlative": "superlatives", "colour": "colours",
          "determiner": "determiners", "generic": "generic", "pronoun": "pronouns"}


def kind_of(word: str, english: English) -> str:
    """Return a summary of what the word lists say of a word: "noun alive plural", "noun verb order", "colour"."""
    if number(word) is not None:
        return "number"
    if listed := [kind for kind, name in _LISTS.items() if word in WORDS[name]]:
        return " ".join(listed)
    lemma = english.lemma(word)
    said = [sense for sense in SENSES if english.has_sense(word, sense)]
    said += [kind for kind, words in (("alive", ALIVE), ("clothes", WORDS["clothes"]), ("room", WORDS["rooms"]))
             if lemma in words or word in words]
    said += ["plural"] * (lemma != word) + ["order"] * (word in WORDS["verbs"])
    return " ".join([*said, *(ending for ending in ("ing", "ed") if word.endswith(ending))]) or "none"


def to_doc(vocab: Vocab, words: Sequence[str], english: English, tree: Tree | None = None) -> Doc:
    """Return the document that the parser reads; with a tree, one to learn from. `words` come without the request."""
    from spacy.tokens import Doc

    gold: dict[str, Any] = {"sent_starts": [True, *[False] * len(words)]} if tree is None else {
        "heads": list(tree.heads), "deps": ["ROOT", *tree.labels[1:]]}
    return Doc(vocab, words=[REQUEST, *words], lemmas=["", *(kind_of(word, english) for word in words)], **gold)


def to_tree(doc: Doc) -> Tree:
    """Return the tree of a parsed document.

    Words that the parser attached to nothing are only said. If it found no target, the first noun becomes one.
    """
    loose = {token.i for token in doc if token.head.i == token.i or token.dep_ in ("ROOT", "dep", "")}
    heads = [0 if token.i in loose else token.head.i for token in doc]
    labels = ["said" if token.i in loose else token.dep_ for token in doc]
    if not any(label != "said" and head == 0 for head, label in zip(heads[1:], labels[1:], strict=True)):
        noun = next((token.i for token in doc[1:] if token.lemma_.startswith(("noun", "generic"))), None)
        if noun is not None:
            heads[noun], labels[noun] = 0, "target"
    return Tree(tuple(token.text for token in doc), tuple(heads), ("root", *labels[1:]))


