"""The parser from expressions to queries."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import category

from ris_ros.config import LanguageConfig
from ris_ros.language.english import English
from ris_ros.language.query import MAX_WORDS, TreeReader
from ris_ros.language.reader import Reader, Reading, load_reader
from ris_ros.language.tree import Tree
from ris_ros.language.words import Text, split
from ris_ros.types import Description, Query, check_text
from ris_ros.utils.spacy_models import load_spacy_model
from ris_ros.utils.texts import normal_form

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span, Token

_SYMBOLS = ("So", "Sk", "Cs", "Co", "Cn")
"""Categories of characters that belong to no word: emoji and the like."""


class ExpressionParser:
    """Parser of referring expressions, with a cache of recent results.

    Parameters
    ----------
    config : which spaCy model and which reader to use
    method : "reference" only finds the target noun phrase, by the published rule; "full" parses the whole expression

    Raises a MissingError if the spaCy model or the reader is not there, an InputError if one of them is no such model.

    """

    def __init__(self, config: LanguageConfig | None = None, method: str = "full"):
        config = config or LanguageConfig()
        self._method = method
        if method == "reference":
            self._nlp = load_spacy_model(config.model, exclude=["ner"])
        else:
            self._english = English(config.model)
            self._reader = Reader(load_reader(Path(config.reader) if config.reader else None), self._english)
        self.parse = lru_cache(maxsize=1024)(self._parse)

    def is_noun(self, word: str) -> bool:
        """Return whether a word is an English noun; with the method "full" only."""
        return self._english.is_noun(word)

    def is_english(self, text: str) -> bool:
        """Return whether a text is English, rather than another language or no language; "full" only."""
        return self._english.is_english(split(text, self._english.is_known))

    def read(self, text: str) -> Reading | None:
        """Return how an expression is read; None if it is not English. With the method "full" only."""
        words = self.words(normalized(text))
        return self._reader.read(words.texts) if words else None

    def words(self, written: str) -> Text | None:
        """Return the words of a normalized text as the reader gets them; None if it is not English."""
        sentence = "".join(" " if category(character) in _SYMBOLS else character for character in written.lower())
        text = split(sentence, self._english.is_known)
        if not text.words or not self._english.is_english(text):
            return None
        return self._english.corrected(text, written)

    def _parse(self, text: str) -> Query:
        """Return the query for an expression; raise InputError as :func:`normalized` does."""
        written = normalized(text)
        sentence = written.lower()
        if self._method == "reference":
            phrase, head = _published_target(self._nlp(sentence))
            return Query(text, sentence, (Description(phrase.text, head.lemma_ if head is not None else ""),))
        if words := self.words(written):
            reading = self._reader.read(words.texts)
            if targets := self.targets(reading.tree, words):
                return Query(text, sentence, targets, doubt=reading.doubt())
        plain = " ".join(sentence.split()[:MAX_WORDS])
        return Query(text, sentence, (Description(plain, appearance=plain),))

    def targets(self, tree: Tree, text: Text) -> tuple[Description, ...]:
        """Return what a tree of a text says about its targets; nothing if it names none."""
        found = TreeReader(tree, self._english.lemma, lambda i, j: text.original(i - 1, j - 1)).targets()
        says = any(target.head or target.region or target.ranking or target.relations or target.excluded
                   or any(map(str.isalpha, target.appearance)) for target in found)
        return found if says else ()


def normalized(text: str) -> str:
    """Return a text in the normal form that is read; raise InputError if `check_text` refuses it before or after."""
    text = " ".join(text.split())
    check_text(text)
    written = normal_form(text)
    check_text(written)
    return written


def _published_target(doc: Doc) -> tuple[Span | Doc, Token | None]:
    """Return the target noun phrase and its head by the published rule (section 3.3 of the paper).

    This is the noun chunk of the parse's root; if the root is in no chunk, the chunk of its first child; else the whole
    text, without a head. As in the published code, the last of several sentences counts.
    """
    chunk_of = {token.i: chunk for chunk in doc.noun_chunks for token in chunk}
    root = [token for token in doc if token.head is token or token.head.i == token.i][-1]
    for token in (root, *list(root.children)[:1]):
        if token.i in chunk_of:
            return chunk_of[token.i], chunk_of[token.i].root
    return doc[:], None
