"""The interface of parsers, and the choice among this package's and those that other packages add."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from ris_ros.config import PARSER_PLUGINS, LanguageConfig
from ris_ros.errors import InputError
from ris_ros.language.parser import ExpressionParser
from ris_ros.types import Query
from ris_ros.utils.plugins import check_plugin, find_plugin, has_members, load_plugin, plugin_errors, plugin_names

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
        return ExpressionParser(config, method)
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
    return ExpressionParser(config, method)
