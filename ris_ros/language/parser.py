"""The parser from expressions to queries."""

from __future__ import annotations

import logging
from functools import lru_cache
from unicodedata import category

from ris_ros.config import LanguageConfig
from ris_ros.language.draft import MAX_WORDS
from ris_ros.language.english import English, load
from ris_ros.language.published import published_target
from ris_ros.language.request import punctuated
from ris_ros.language.targets import targets
from ris_ros.language.words import split
from ris_ros.types import Description, Query, check_text

MAX_CHARACTERS = 10_000

logger = logging.getLogger(__name__)


class ExpressionParser:
    """Parser of referring expressions, with a cache of recent results.

    Parameters
    ----------
    config : which spaCy model to use
    method : "reference" only finds the target noun phrase, by the published rule; "full" parses the whole expression

    Raises
    ------
    MissingError
        If the spaCy model is not installed.

    """

    def __init__(self, config: LanguageConfig | None = None, method: str = "full"):
        config = config or LanguageConfig()
        if method == "reference":
            self._nlp = load(config.model, exclude=["ner"])
            self._targets = self._published
        else:
            self._english = English(load(config.model, exclude=["ner", "parser", "attribute_ruler"]))
            self._targets = self._understood
        self.parse = lru_cache(maxsize=1024)(self._parse)

    def is_noun(self, word: str) -> bool:
        """Return whether a word is an English noun; with the method "full" only."""
        return self._english.is_noun(word)

    def is_english(self, text: str) -> bool:
        """Return whether a text is English, rather than another language or no language; "full" only."""
        return self._english.is_english(split(text, self._english.is_known))

    def _parse(self, text: str) -> Query:
        """Return the query for an expression; raise InputError if it has no words."""
        written = " ".join(text.split())
        sentence = written.lower()
        check_text(sentence)
        if len(sentence) > MAX_CHARACTERS:
            logger.warning("a text of %d characters is cut to its first %d", len(sentence), MAX_CHARACTERS)
            sentence = sentence[:MAX_CHARACTERS]
        # A few letters get longer in lower case; then the positions of the capitals are unknown.
        return Query(text, sentence, self._targets(sentence, written if written.lower() == sentence else sentence))

    def _published(self, sentence: str, _written: str) -> tuple[Description, ...]:
        phrase, head = published_target(self._nlp(sentence))
        return (Description(phrase.text, head.lemma_ if head is not None else ""),)

    def _understood(self, sentence: str, written: str) -> tuple[Description, ...]:
        # Emoji and other symbols are no words.
        words = "".join(" " if category(character) in ("So", "Sk", "Cs", "Co", "Cn") else character
                        for character in sentence)
        text = split(words, self._english.is_known)
        drafts = []
        if self._english.is_english(text):
            text = self._english.mend(text, written)
            self._english.tag(text)
            text = punctuated(text, self._english, written)
            drafts = targets(text, self._english)
        if not drafts:
            plain = " ".join(sentence.split()[:MAX_WORDS])
            return (Description(plain, appearance=plain),)
        return tuple(draft.finished(text) for draft in drafts)
