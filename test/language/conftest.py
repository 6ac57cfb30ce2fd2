"""Parsers shared by all tests, because loading the spaCy model is slow."""

import pytest

from ris_ros.language import ExpressionParser


@pytest.fixture(scope="session")
def parser():
    return ExpressionParser()


@pytest.fixture(scope="session")
def reference():
    return ExpressionParser(method="reference")
