"""Parsing of referring expressions into queries, by a small parser that was trained on a treebank."""

from ris_ros.language.parser import ExpressionParser
from ris_ros.language.query import MAX_WORDS

__all__ = ["MAX_WORDS", "ExpressionParser"]
