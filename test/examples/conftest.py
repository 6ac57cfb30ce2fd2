"""The fixtures of ROS tests, and the examples as modules."""

from __future__ import annotations

import importlib
import math
import subprocess
import sys
from pathlib import Path

import pytest
from ros_fixtures import (  # noqa: F401
    _private_ros_domain,
    _robot,
    _wait_for,
    local_node,
    make_robot,
    node,
    robot,
    start_node,
)
from scipy.spatial.transform import Rotation

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="session")
def example():
    """A function that imports an example by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES)
        yield importlib.import_module


@pytest.fixture(scope="session")
def run_example():
    """A function that runs an example as a program, to its end."""
    def run(name, *arguments):
        return subprocess.run([sys.executable, EXAMPLES / f"{name}.py", *arguments], text=True, capture_output=True,
                              timeout=120)
    return run


@pytest.fixture(scope="session")
def make_target():
    """A function that makes a Target, whose frame is tilted by `tilt` about its x axis."""
    from ris_interfaces.msg import Target

    def make(x=1.0, y=0.5, z=0.4, yaw=0.3, tilt=0.0, frame="base_link", has_pose=True):
        target = Target(has_pose=has_pose)
        target.pose.header.frame_id, target.pose.header.stamp.sec = frame, 7
        up = Rotation.from_euler("x", tilt)
        for point in (target.pose.pose.position, target.grasp.centre):
            point.x, point.y, point.z = x, y, z
        for vector, value in ((target.grasp.approach, up.apply([0, 0, -1])), (target.grasp.closing, up.apply(
                [math.cos(yaw), math.sin(yaw), 0]))):
            vector.x, vector.y, vector.z = value.tolist()
        target.size.x, target.size.y, target.size.z, target.grasp.width = 0.1, 0.05, 0.2, 0.06
        return target
    return make
