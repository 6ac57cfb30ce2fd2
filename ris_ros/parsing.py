"""The parsers of expressions: their interface, the published rule, and the choice among all that are installed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, TypeAlias

from ris_ros.config import PARSER_PLUGINS, LanguageConfig
from ris_ros.errors import InputError
from ris_ros.language import ExpressionParser
from ris_ros.types import Description, Query
from ris_ros.utils.plugins import check_plugin, find_plugin, has_members, load_plugin, plugin_errors, plugin_names
from ris_ros.utils.spacy_models import load_spacy_model
from ris_ros.utils.texts import normalized

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span, Token

OWN = "reader"
"""Value of ``language.parser`` for the parser of this package."""


class Parser(Protocol):
    """Turns expressions into queries."""

    def parse(self, text: str) -> Query:
        """Return the query for an expression; raise InputError for a text that cannot be one."""

    def is_noun(self, word: str) -> bool:
        """Return whether a word is a noun of the language."""

    def is_english(self, text: str) -> bool:
        """Return whether a text is of the language that is parsed; answers to others are guesses."""


class PublishedParser:
    """Parser that only finds the target noun phrase, by the published rule, on a spaCy model's dependency parse.

    Raises a MissingError if the spaCy model is not there, an InputError if it is no such model.
    """

    def __init__(self, config: LanguageConfig):
        self._nlp = load_spacy_model(config.model, exclude=["ner"])
        self.parse = lru_cache(maxsize=1024)(self._parse)

    def _parse(self, text: str) -> Query:
        """Return the query for an expression; raise InputError as :func:`normalized` does."""
        sentence = normalized(text).lower()
        phrase, head = _published_target(self._nlp(sentence))
        return Query(text, sentence, (Description(phrase.text, head.lemma_ if head is not None else ""),))

    def is_noun(self, word: str) -> bool:
        """Return True: the published method asks nothing of words."""
        return True

    def is_english(self, text: str) -> bool:
        """Return True: the published method reads any text."""
        return True


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


ParserFactory: TypeAlias = Callable[[LanguageConfig], Parser]
"""Configuration -> parser; other packages add them by entry points in the group `PARSER_PLUGINS`."""


def make_parser(config: LanguageConfig, method: str = "full") -> Parser:
    """Return the parser that a configuration names; with the method "reference" always that of the published rule.

    Raises
    ------
    MissingError, InputError
        As `ExpressionParser`; and if there is no such parser, several packages add one of its name, or it cannot be
        used.

    """
    if method == "reference":
        return PublishedParser(config)
    if point := find_plugin(PARSER_PLUGINS, config.parser, built_in=[OWN]):
        factory: ParserFactory = load_plugin(point, callable, "a function of a LanguageConfig")
        with plugin_errors(point):
            parser = factory(config)
        check_plugin(point, parser, has_members("parse", "is_noun", "is_english"),
                     "a Parser, which has parse, is_noun and is_english")
        return parser
    if config.parser != OWN:
        known = [OWN, *plugin_names(PARSER_PLUGINS)]
        raise InputError(f"there is no parser {config.parser!r}; known are {', '.join(known)}")
    return ExpressionParser(config)
