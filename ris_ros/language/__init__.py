"""Parsing of referring expressions into queries, by a hand-written grammar over spaCy's part-of-speech tags."""

from ris_ros.language.draft import MAX_WORDS
from ris_ros.language.parser import ExpressionParser

__all__ = ["MAX_WORDS", "ExpressionParser"]
