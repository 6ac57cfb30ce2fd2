"""The parser from expressions to queries."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from unicodedata import category

from ris_ros.config import LanguageConfig
from ris_ros.language.english import English
from ris_ros.language.query import MAX_WORDS, TreeReader
from ris_ros.language.reader import Reader, Reading, load_reader
from ris_ros.language.tree import Tree
from ris_ros.language.words import Text, split
from ris_ros.types import Description, Query
from ris_ros.utils.texts import normalized

_SYMBOLS = ("So", "Sk", "Cs", "Co", "Cn")
"""Categories of characters that belong to no word: emoji and the like."""


class ExpressionParser:
    """Parser of referring expressions, with a cache of recent results.

    Parameters
    ----------
    config : which spaCy model and which reader to use

    Raises a MissingError if the spaCy model or the reader is not there, an InputError if one of them is no such model.

    """

    def __init__(self, config: LanguageConfig | None = None):
        config = config or LanguageConfig()
        self._english = English(config.model)
        self._reader = Reader(load_reader(Path(config.reader) if config.reader else None), self._english)
        self.parse = lru_cache(maxsize=1024)(self._parse)

    def is_noun(self, word: str) -> bool:
        """Return whether a word is an English noun."""
        return self._english.is_noun(word)

    def is_english(self, text: str) -> bool:
        """Return whether a text is English, rather than another language or no language."""
        return self._english.is_english(split(text, self._english.is_known))

    def read(self, text: str) -> Reading | None:
        """Return how an expression is read; None if it is not English."""
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
        if words := self.words(written):
            reading = self._reader.read(words.texts)
            if targets := self.targets(reading.tree, words):
                return Query(text, sentence, targets, doubt=reading.doubt(lambda tree: self.targets(tree, words)))
        plain = " ".join(sentence.split()[:MAX_WORDS])
        return Query(text, sentence, (Description(plain, appearance=plain),))

    def targets(self, tree: Tree, text: Text) -> tuple[Description, ...]:
        """Return what a tree of a text says about its targets; nothing if it names none."""
        found = TreeReader(tree, self._english.lemma, lambda i, j: text.original(i - 1, j - 1)).targets()
        says = any(target.head or target.region or target.ranking or target.relations or target.excluded
                   or any(map(str.isalpha, target.appearance)) for target in found)
        return found if says else ()
