"""What every test needs."""

from __future__ import annotations

import logging

import pytest


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    """Commands that run in the tests' own process set up logging; the next test must not find it so."""
    ours = logging.getLogger("ris_ros")
    # pytest lends its own handlers, anew for each phase of a test, to a logger that does not propagate.
    handlers = [handler for handler in ours.handlers if not type(handler).__module__.startswith("_pytest")]
    propagate, level = ours.propagate, ours.level
    yield
    ours.handlers, ours.propagate = handlers, propagate
    ours.setLevel(level)
