"""From an expression to a Query."""

from __future__ import annotations

import logging
from functools import lru_cache

from ris_ros.config import LanguageConfig
from ris_ros.language import request
from ris_ros.language.english import English, load
from ris_ros.language.grammar import MAX_WORDS, Draft, Grammar, finished
from ris_ros.language.target import published_target
from ris_ros.language.words import Text, split
from ris_ros.types import Description, Query, check_text

MAX_CHARACTERS = 10_000

logger = logging.getLogger(__name__)


class ExpressionParser:
    """Understand referring expressions; a text that was parsed lately costs nothing.

    Parameters
    ----------
    config : which spaCy model reads the text
    method : "reference" finds the target noun phrase by the published rule, "full" understands the whole expression

    Raises
    ------
    MissingError
        When the spaCy model is not installed.

    """

    def __init__(self, config: LanguageConfig | None = None, method: str = "full"):
        config = config or LanguageConfig()
        if method == "reference":
            self._nlp = load(config.model, exclude=["ner"])
            self._targets = self._published
        else:
            self._english = English(load(config.model, exclude=["ner", "parser"]))
            self._targets = self._understood
        self.parse = lru_cache(maxsize=1024)(self._parse)

    def _parse(self, text: str) -> Query:
        """The query behind an expression; InputError when it has no words."""
        sentence = " ".join(text.lower().split())
        check_text(sentence)
        if len(sentence) > MAX_CHARACTERS:
            logger.warning("a text of %d characters is cut to its first %d", len(sentence), MAX_CHARACTERS)
            sentence = sentence[:MAX_CHARACTERS]
        return Query(text, sentence, self._targets(sentence))

    def _published(self, sentence: str) -> tuple[Description, ...]:
        phrase, head = published_target(self._nlp(sentence))
        return (Description(phrase.text, head.lemma_ if head is not None else ""),)

    def _understood(self, sentence: str) -> tuple[Description, ...]:
        text = split(sentence, self._english.is_known)
        plain = " ".join(sentence.split()[:MAX_WORDS])
        if not len(text) or not _is_english(text, self._english):
            return (Description(plain, appearance=plain),)
        self._english.tag(text)
        drafts = _targets(text, self._english)
        if not drafts:
            return (Description(plain, appearance=plain),)
        return tuple(finished(draft, text) for draft in drafts)


def _targets(text: Text, english: English) -> list[Draft]:
    """What is asked for: in the first clause that names something."""
    grammar = Grammar(text, english)
    for start, end in request.clauses(text):
        i = request.opening(text, start, english)
        if i >= end:
            continue
        found = grammar.description(i)
        if found is None:
            continue
        return _further(grammar, text, *found)
    return []


def _further(grammar: Grammar, text: Text, draft: Draft, i: int) -> list[Draft]:
    """Targets beside the first: "the cup and the bowl"."""
    drafts = [draft]
    while i < len(text):
        j = request.closing(text, 0, i)
        if j > i:
            i = j
            continue
        if text[i] in ("and", "or", "plus"):
            i += 1
        found = grammar.description(i) if text[i - 1] in ("and", "or", "plus", ",") else None
        if found is None:
            break
        other, i = found
        if not other.head:
            break
        drafts.append(other)
    return drafts


def _is_english(text: Text, english: English) -> bool:
    """Whether at least half of the words are English."""
    words = [word.text for word in text.words if word.text[0].isalpha()]
    return sum(english.is_known(word) for word in words) * 2 >= len(words)
