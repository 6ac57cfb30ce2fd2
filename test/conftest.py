"""What every test needs."""

from __future__ import annotations

import logging

import pytest


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    """Commands that run in the tests' own process set up logging; the next test must not find it so."""
    ours = logging.getLogger("ris_ros")
    handlers, propagate, level = list(ours.handlers), ours.propagate, ours.level
    yield
    ours.handlers, ours.propagate = handlers, propagate
    ours.setLevel(level)
