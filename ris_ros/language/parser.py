"""From an expression to a Query."""

from __future__ import annotations

import logging
from functools import lru_cache

from ris_ros.config import LanguageConfig
from ris_ros.language import request
from ris_ros.language import vocabulary as v
from ris_ros.language.draft import MAX_WORDS, Draft
from ris_ros.language.english import English, load
from ris_ros.language.grammar import Grammar
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
    method : "reference" finds the target noun phrase by the published rule and nothing else, "full" understands the
        whole expression

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
            self._english = English(load(config.model, exclude=["ner", "parser", "attribute_ruler"]))
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
        drafts = []
        if self._english.is_english(text):
            self._english.tag(text)
            drafts = _targets(text, self._english)
        if not drafts:
            plain = " ".join(sentence.split()[:MAX_WORDS])
            return (Description(plain, appearance=plain),)
        return tuple(draft.finished(text) for draft in drafts)


def _targets(text: Text, english: English) -> list[Draft]:
    """What is asked for: what an order or question names first, else what any sentence names first."""
    sentences = request.clauses(text)
    grammar = Grammar(text, english, {end for _, end in sentences})
    best: list[Draft] = []
    refused: list[Draft] = []
    was_asked = False
    for start, end in sentences:
        i, asking = request.opening(text, start, end, english)
        if best and text.match(v.COPULA, start)[0]:
            grammar.modifiers(start, best[0])               # "It is red."
            continue
        draft, j = grammar.description(i) if i < end else (None, i)
        if draft is not None and "not" in asking:
            # "I do not want the red cup, give me the blue one."
            refused.append(draft)
            i, asking = request.opening(text, j, end, english)
            draft, j = grammar.description(i) if j < i < end else (None, i)
        if draft is None:
            continue
        draft.excluded += refused
        if asking and asking[-1] in v.PUTTING:
            draft = _without_goal(grammar, i)
        if best and draft.is_generic:
            best[0].merge(draft)
        elif not best or best[0].is_generic or (asking and not was_asked):
            best = [draft, *_further(grammar, text, english, draft, j)]
            was_asked = bool(asking)
    return best


def _without_goal(grammar: Grammar, i: int) -> Draft:
    """The description at `i` without the place that the thing shall be put to, which is said last."""
    draft = Draft()
    j = grammar.nouns.read(i, draft)
    place = draft.place
    grammar.modifiers(j, draft)
    if draft.relations:
        draft.relations.pop()
    else:
        draft.place = place
    return draft


def _further(grammar: Grammar, text: Text, english: English, draft: Draft, i: int) -> list[Draft]:
    """Targets beside the first: "the cup, the bowl and the spoon"."""
    drafts: list[Draft] = []
    while i < len(text):
        j = request.closing(text, i)
        if j > i:
            i = j
            continue
        j += text[j] == ","
        is_joined = text[j] in ("and", "or", "plus")
        start = request.opening(text, j + is_joined, len(text), english)[0] if is_joined or j > i else i
        other, k = grammar.description(start) if start > i else (None, i)
        if other is None or not other.head:                 # "... and put it in the bowl"
            break
        i = k
        if not is_joined and text[start] not in v.DETERMINERS and text[k] not in (",", "and", "or"):
            draft.after.append(text.between(start, k))      # "laptop, screen on"
            continue
        if not draft.head:                                  # "the red and the blue cup"
            draft.head, draft.noun = other.head, other.noun
        if other.head == "one" and draft.head and is_joined:    # "the red cup and the blue one"
            other.head, other.noun = draft.head, draft.noun
        if other.head == "one" and not is_joined and start > j:    # "I see two cups, give me the red one"
            draft.merge(other)
        else:
            drafts.append(other)
    return drafts
