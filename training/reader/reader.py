"""The trained reader: expression -> tree -> query, with the interface of `ris_ros.language.ExpressionParser`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ris_ros.language import MAX_WORDS, ExpressionParser
from ris_ros.language.parser import normalized
from ris_ros.types import Description, Query
from training.reader.features import text_doc, tree_of
from training.reader.tree import Tree
from training.reader.treebank import targets_of, words_of

if TYPE_CHECKING:
    from spacy.language import Language


class Reader:
    """Reader of expressions.

    Parameters
    ----------
    nlp : the trained pipeline
    parser : a parser of today, for its spelling, parts of speech and base forms

    """

    def __init__(self, nlp: Language, parser: ExpressionParser):
        self.nlp, self.parser = nlp, parser

    def tree(self, text: str) -> Tree | None:
        """Return the tree of an expression; None if it is not English."""
        words = words_of(text, self.parser)
        return tree_of(self.nlp(text_doc(self.nlp.vocab, words, self.parser._english))) if words else None

    def parse(self, text: str) -> Query:
        """Return the query for an expression."""
        return next(self.parse_all([text]))

    def parse_all(self, texts: list[str]) -> Iterator[Query]:
        """Yield the queries for expressions, which are read in batches."""
        words = [words_of(text, self.parser) for text in texts]
        docs = [text_doc(self.nlp.vocab, one, self.parser._english) for one in words if one]
        trees = map(tree_of, self.nlp.pipe(docs, batch_size=128))
        for text, one in zip(texts, words, strict=True):
            sentence = normalized(text).lower()
            targets = targets_of(next(trees), one, self.parser) if one else ()
            if not any(target.head or target.appearance or target.region or target.ranking or target.relations
                       for target in targets):
                plain = " ".join(sentence.split()[:MAX_WORDS])
                targets = (Description(plain, appearance=plain),)
            yield Query(text, sentence, targets)
