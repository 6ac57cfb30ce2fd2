"""What tests of ROS programs need."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def _private_ros_domain(private_ros_domain):
    """Every module here has a ROS domain of its own."""
