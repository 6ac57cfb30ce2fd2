"""One parser for all tests: loading the spaCy model is most of the time."""

import pytest

from ris_ros.language import ExpressionParser


@pytest.fixture(scope="session")
def parser():
    return ExpressionParser()


@pytest.fixture(scope="session")
def reference():
    return ExpressionParser(method="reference")
