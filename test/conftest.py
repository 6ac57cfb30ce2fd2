"""What every test needs."""

from __future__ import annotations

import logging
import os

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


@pytest.fixture(scope="module")
def private_ros_domain(request):
    """A ROS domain for a test module, kept on this machine, so that no other ROS system takes part."""
    domain = 1 + (os.getpid() * 7 + sum(map(ord, request.module.__name__))) % 100
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_DOMAIN_ID", str(domain))
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        patch.setenv("ROS_LOCALHOST_ONLY", "1")
        yield
