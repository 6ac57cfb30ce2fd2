"""From an expression to a Query: noun phrases and what is said of them, by a grammar of our own over spaCy's tags."""

from ris_ros.language.parser import ExpressionParser

__all__ = ["ExpressionParser"]
