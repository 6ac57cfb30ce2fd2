"""The parser from expressions to queries."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from unicodedata import category, normalize

from ris_ros.config import LanguageConfig
from ris_ros.language.english import English
from ris_ros.language.models import load_reader, load_spacy_model
from ris_ros.language.published import published_target
from ris_ros.language.query import MAX_WORDS, TreeReader
from ris_ros.language.reader import to_doc, to_tree
from ris_ros.language.tree import Tree
from ris_ros.language.words import Text, split
from ris_ros.types import Description, Query, check_text

_VARIATION_SELECTOR = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_SYMBOLS = ("So", "Sk", "Cs", "Co", "Cn")
"""Categories of characters that belong to no word: emoji and the like."""


class ExpressionParser:
    """Parser of referring expressions, with a cache of recent results.

    Parameters
    ----------
    config : which spaCy model and which reader to use
    method : "reference" only finds the target noun phrase, by the published rule; "full" parses the whole expression

    Raises
    ------
    MissingError
        If the spaCy model or the reader is not there.
    InputError
        If one of them is no such model.

    """

    def __init__(self, config: LanguageConfig | None = None, method: str = "full"):
        config = config or LanguageConfig()
        self._method = method
        if method == "reference":
            self._nlp = load_spacy_model(config.model, exclude=["ner"])
        else:
            self._english = English(load_spacy_model(config.model, exclude=[
                "ner", "parser", "attribute_ruler", "tagger", "tok2vec"]))
            self._reader = load_reader(Path(config.reader) if config.reader else None)
        self.parse = lru_cache(maxsize=1024)(self._parse)

    def is_noun(self, word: str) -> bool:
        """Return whether a word is an English noun; with the method "full" only."""
        return self._english.is_noun(word)

    def is_english(self, text: str) -> bool:
        """Return whether a text is English, rather than another language or no language; "full" only."""
        return self._english.is_english(split(text, self._english.is_known))

    def tree(self, text: str) -> Tree | None:
        """Return the tree of an expression; None if it is not English. "Full" only."""
        words = self.words(normalized(text))
        return self._tree(words) if words else None

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
            phrase, head = published_target(self._nlp(sentence))
            return Query(text, sentence, (Description(phrase.text, head.lemma_ if head is not None else ""),))
        words = self.words(written)
        tree = self._tree(words) if words else None
        targets = self.targets(tree, words) if tree and words else ()
        if not targets:
            plain = " ".join(sentence.split()[:MAX_WORDS])
            targets = (Description(plain, appearance=plain),)
        return Query(text, sentence, targets)

    def _tree(self, text: Text) -> Tree:
        doc = to_doc(self._reader.vocab, [word.text for word in text.words], self._english)
        return to_tree(self._reader(doc))

    def targets(self, tree: Tree, text: Text) -> tuple[Description, ...]:
        """Return what a tree of a text says about its targets; nothing if it names none."""
        found = TreeReader(tree, self._english.lemma, lambda i, j: text.original(i - 1, j - 1)).targets()
        says = any(target.head or target.appearance or target.region or target.ranking or target.relations
                   or target.excluded for target in found)
        return found if says else ()


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
