"""The parser from expressions to queries."""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import category, normalize

from ris_ros.config import LanguageConfig
from ris_ros.language.draft import MAX_WORDS
from ris_ros.language.english import English, load
from ris_ros.language.published import published_target
from ris_ros.language.request import punctuated
from ris_ros.language.targets import targets
from ris_ros.language.words import split
from ris_ros.types import Description, Query, check_text

_VARIATION_SELECTOR = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


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
        """Return the query for an expression; raise InputError as :func:`normalized` does."""
        written = normalized(text)
        sentence = written.lower()
        return Query(text, sentence, self._targets(sentence, written))

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


def normalized(text: str) -> str:
    """Return a text in the spelling that the rules read: composed, without compatibility forms, on one line.

    Full-width letters and ligatures become plain ones. Control characters separate words, and invisible characters go.
    Every character has one in lower case, so that positions in the lower-cased text are those in this one.

    Raises
    ------
    InputError
        If `check_text` refuses the text, as it is or without what is invisible.

    """
    text = " ".join(text.split())
    check_text(text)
    written = " ".join("".join(map(_normal_form, normalize("NFC", text))).split())
    check_text(written)
    return written


@lru_cache(maxsize=4096)
def _normal_form(character: str) -> str:
    if category(character) == "Cf" or _VARIATION_SELECTOR.match(character):
        return ""
    if category(character) == "Cc":
        return " "
    plain = normalize("NFKC", character)
    # Others become symbols with accents of their own, such as the acute accent in "the man´s hat".
    character = plain if plain.isascii() or plain.isalnum() else character
    return "".join(one if len(one.lower()) == 1 else normalize("NFD", one)[0] for one in character)
