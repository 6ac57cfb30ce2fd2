"""The reader: a small spaCy parser that was trained on the treebank in `training/reader`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ris_ros.language.english import SENSES, English
from ris_ros.language.lists import ALIVE, WORDS
from ris_ros.language.names import number
from ris_ros.language.tree import REQUEST, Tree

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc
    from spacy.vocab import Vocab

BEAM_WIDTH = 4
"""Number of readings that are weighed."""
DOUBTFUL = 0.6
"""Share of a word's label below which the reading is doubtful."""
DECISIVE = ("target", "object", "relation", "region", "rank", "exclude")
"""Labels of words that decide which object is meant."""
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


@dataclass(frozen=True)
class Reading:
    """A tree, and how sure the reader is of it.

    Attributes
    ----------
    tree : the tree
    sureness : for each word the share of its label among the readings that were weighed, 0 to 1

    """

    tree: Tree
    sureness: tuple[float, ...]

    def doubt(self) -> str:
        """Return the first word of which it is doubtful what it says about the target; empty if none is."""
        words = zip(self.tree.words, self.tree.labels, self.sureness, strict=True)
        return next((word for word, label, share in words if label in DECISIVE and share < DOUBTFUL), "")


class Reader:
    """Reader of expressions.

    Parameters
    ----------
    nlp : the trained pipeline
    english : knows the words

    """

    def __init__(self, nlp: Language, english: English):
        self._nlp, self._english = nlp, english

    def read(self, words: Sequence[str]) -> Reading:
        """Return the best reading of an expression's words."""
        doc = to_doc(self._nlp.vocab, words, self._english)
        doc = self._nlp.get_pipe("tok2vec")(doc)
        parser: Any = self._nlp.get_pipe("parser")
        beams = parser.beam_parse([doc], beam_width=BEAM_WIDTH)
        parser.set_annotations([doc], beams)
        shares = parser.scored_parses(beams)[1][0]
        sureness = tuple(min(1.0, shares.get((token.i, token.dep_), 0.0)) for token in doc)
        return Reading(_to_tree(doc), sureness)


def _to_tree(doc: Doc) -> Tree:
    """Return the tree of a parsed document.

    Words that the parser attached to nothing are only said. If it found no target, the first noun that is no verb
    becomes one.
    """
    loose = {token.i for token in doc if token.head.i == token.i or token.dep_ in ("ROOT", "dep", "")}
    heads = [0 if token.i in loose else token.head.i for token in doc]
    labels = ["said" if token.i in loose else token.dep_ for token in doc]
    if not any(label != "said" and head == 0 for head, label in zip(heads[1:], labels[1:], strict=True)):
        noun = next((token.i for token in doc[1:] if token.lemma_.startswith(("noun", "generic"))
                     and "verb" not in token.lemma_), None)
        if noun is not None:
            heads[noun], labels[noun] = 0, "target"
    return Tree(tuple(token.text for token in doc), tuple(heads), ("root", *labels[1:]))
