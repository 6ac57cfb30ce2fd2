"""Parsers shared by all tests, because loading the spaCy model is slow."""

import pytest

from ris_ros.config import LanguageConfig
from ris_ros.language import ExpressionParser
from ris_ros.parsing import PublishedParser


@pytest.fixture(scope="session")
def parser():
    return ExpressionParser()


@pytest.fixture(scope="session")
def reference():
    return PublishedParser(LanguageConfig())
