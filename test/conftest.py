"""Fixtures of all tests."""

from __future__ import annotations

import logging
import os

import pytest

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
"""Number of this process among those that share the tests."""

if "PYTEST_XDIST_WORKER" in os.environ:
    # Each process has one core: more threads would only wait for each other. Torch is not imported yet.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def _restored_logging():
    """Restore the logging configuration, which commands change when they run in the tests' process."""
    ours = logging.getLogger("ris_ros")
    # pytest adds its own handlers, for each phase of a test, to a logger that does not propagate.
    handlers = [handler for handler in ours.handlers if not type(handler).__module__.startswith("_pytest")]
    propagate, level = ours.propagate, ours.level
    yield
    ours.handlers, ours.propagate = handlers, propagate
    ours.setLevel(level)


@pytest.fixture(scope="module")
def private_ros_domain():
    """A ROS domain for a test module, limited to this machine, so that no other ROS system can interfere."""
    from ris_ros.tools.node_client import THIS_MACHINE_ONLY, claim_ros_domain

    domain, claim = claim_ros_domain()
    with claim, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROS_DOMAIN_ID", str(domain))
        for name, value in THIS_MACHINE_ONLY.items():
            patch.setenv(name, value)
        yield
