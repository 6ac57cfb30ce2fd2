"""From an expression to a Query, by spaCy's dependency parse."""

from ris_ros.language.parser import ExpressionParser

__all__ = ["ExpressionParser"]
