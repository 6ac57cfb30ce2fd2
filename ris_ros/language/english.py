"""Knowledge of English: base forms and senses of words, and which words are English at all."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from ris_ros.errors import InputError
from ris_ros.language.lists import WORDS
from ris_ros.language.spelling import NounSpelling
from ris_ros.language.words import Text
from ris_ros.utils.clip_vocabulary import common_words
from ris_ros.utils.spacy_models import load_spacy_model

SENSES = ("noun", "verb", "adj", "adv")
_UNUSED = ["vocab", "tokenizer", "tok2vec", "tagger", "parser", "senter", "attribute_ruler", "ner"]
"""Parts of a spaCy model besides its word lists."""


class English:
    """Base forms and senses of English words, from the lists of a spaCy model, which come from WordNet.

    Raises an InputError if the model has no such lists, and as `load_spacy_model` does.
    """

    def __init__(self, model: str):
        nlp = load_spacy_model(model, exclude=_UNUSED)
        try:
            lemmatizer: Any = nlp.get_pipe("lemmatizer")
            lookups = lemmatizer.lookups
            index, irregular, endings = (lookups.get_table(f"lemma_{name}") for name in ("index", "exc", "rules"))
        except (KeyError, AttributeError) as error:
            raise InputError(f"the spaCy model {nlp.meta['name']} has no word lists: set language.model to one of "
                             "English with a rule lemmatizer, such as en_core_web_sm") from error
        self._senses = {kind: frozenset(index[kind]) for kind in SENSES}
        self._irregular = {kind: irregular.get(kind, {}) for kind in SENSES}
        self._endings = {kind: endings.get(kind, []) for kind in SENSES}
        self._function_words = nlp.Defaults.stop_words
        self.lemma = lru_cache(maxsize=4096)(self._lemma)
        self._spelling = NounSpelling(lambda word: self.has_sense(word, "noun"), self._is_compound, self.lemma)

    def _lemma(self, word: str, kind: str = "noun") -> str:
        """Return the base form of a word as a noun, verb or adj; the word itself if it has none."""
        known = self._senses[kind]
        if kind == "noun" and (word in WORDS["plural only"] or word in WORDS["singulars"]):
            return WORDS["singulars"].get(word, word)
        if word in self._irregular[kind]:
            return self._irregular[kind][word][0]
        # "Glasses" and "cups" have their own entries.
        is_plural = kind == "noun" and len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))
        if word in known and not is_plural:
            return word
        # The lists also contain "swinge" and "bunche".
        stem = word[:-3 if word.endswith("nging") else -2]
        if word.endswith(("nging", "sses", "ches", "shes")) and stem in known:
            return stem
        for ending, replacement in self._endings[kind]:
            stem = word[:-len(ending)] + replacement
            if word.endswith(ending) and stem != replacement and stem in known:
                return stem
        # The plural of an unlisted noun: "smartphones".
        return word[:-1] if is_plural and word not in known else word

    def has_sense(self, word: str, kind: str) -> bool:
        """Return whether the word, in any form, is listed as a noun, verb, adj or adv."""
        return word in self._senses[kind] or self.lemma(word, kind) in self._senses[kind]

    def is_noun(self, word: str) -> bool:
        """Return whether a word is a noun of the lists, or a compound of two of them."""
        return self.has_sense(word, "noun") or word in WORDS["named"] or self._is_compound(word)

    def is_known(self, word: str) -> bool:
        """Return whether a word is English, according to the lists."""
        if word in self._function_words or word in WORDS["known"] or any(character.isdigit() for character in word):
            return True
        if "-" in word:
            return all(self.is_known(piece) for piece in word.split("-") if piece)
        return any(self.has_sense(word, kind) for kind in SENSES)

    def _is_compound(self, word: str) -> bool:
        """Return whether a word is a compound of two nouns: "carseat"."""
        nouns = self._senses["noun"]
        return any(word[:k] in nouns and word[k:] in nouns for k in range(3, len(word) - 2))

    def corrected(self, text: Text, written: str) -> Text:
        """Return a text with mistyped nouns corrected; a capital within the sentence as written tells a name."""
        words = list(text.words)
        for i, word in enumerate(text.words):
            is_name = i > 0 and written[word.start].isupper() and not written[word.start:word.end].isupper()
            # Several unknown words in a row are a name, or another language.
            near = text.texts[max(0, i - 1):i] + text.texts[i + 1:i + 2]
            is_alone = all(not other[:1].isalpha() or (self.is_known(other) and other not in WORDS["foreign"])
                           for other in near)
            if is_alone and not is_name and not self.is_known(word.text):
                words[i] = replace(word, text=self._spelling.corrected(word.text))
        return Text(text.sentence, tuple(words))

    def is_english(self, text: Text) -> bool:
        """Return whether a text is English, rather than another language or no language."""
        words = [word.text for word in text.words if word.text[0].isalpha()]
        foreign = sum(word in WORDS["foreign"] for word in words)
        native = sum(word in WORDS["native"] for word in words)
        known = sum(word not in WORDS["foreign"] and (self.is_known(word) or self._is_compound(word)) for word in words)
        if len(words) == 1 == len(text.words) and not foreign:                # "ipad", "cathcer"
            is_thing = words[0] in common_words() and not words[0].endswith(("less", "ed", "ish"))
            return bool(known) or is_thing or self._spelling.corrected(words[0]) != words[0]
        return known * 2 >= len(words) and not (foreign >= 2 and foreign > native)
