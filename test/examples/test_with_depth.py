"""The examples with the node, the bundled model and the simulated camera, each in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("mujoco")
pytest.importorskip("ris_interfaces.action", reason="ris_interfaces is not built")

from geometry_msgs.msg import PoseStamped
from rclpy.qos import DurabilityPolicy, QoSProfile

FRAME = "camera_color_optical_frame"
"""Without tf2, which is not in the wheels, the poses are in the camera's frame."""
POSITION = re.compile(r"x (-?[\d.]+), y (-?[\d.]+), z (-?[\d.]+) m in " + FRAME)


@pytest.fixture(scope="module")
def node(start_node):
    node = start_node()
    camera = subprocess.Popen([sys.executable, "-m", "ris_ros.tools.camera", "--ros-args", "-p", "seed:=200001", "-p",
                               "rate:=3.0"])
    node.log("active: images from")
    yield node
    camera.terminate()
    camera.wait(30)


@pytest.fixture(scope="module")
def run(node, run_example):
    """A function that runs an example and returns the positions that it prints."""
    def run(*arguments):
        process = run_example(*arguments)
        assert process.returncode == 0, f"{process.stderr}\n{node.text}"
        return process.stdout, [np.array(found, float) for found in POSITION.findall(process.stdout)]
    return run


def test_the_pose_of_the_object_is_printed(run):
    text, [centre] = run("find_object", "the largest thing")
    assert text.startswith("the largest thing: ")
    assert 0.2 < centre[2] < 3


def test_the_gripper_poses_are_published(run, make_robot, wait_for):
    robot, poses = make_robot(), {}
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    for name in ("pre_grasp", "grasp"):
        robot.node.create_subscription(PoseStamped, name, lambda pose, name=name: poses.update({name: pose}), latched)
    _, printed = run("pick_the_object", "the largest thing", "--frame", FRAME, "--max-width", "2", "--wait", "60")
    wait_for(lambda: len(poses) == 2, what="the poses")
    received = [np.array([position.x, position.y, position.z]) for position in (
        poses[name].pose.position for name in ("pre_grasp", "grasp"))]
    np.testing.assert_allclose(received, printed, atol=0.001)
    assert {pose.header.frame_id for pose in poses.values()} == {FRAME}
    # The camera looks down on the table: what is above the object is nearer to it.
    assert 0.1 < np.linalg.norm(received[0] - received[1]) < 0.5
    assert received[0][2] < received[1][2]


def test_another_frame_and_a_wide_object_are_refused(node, run_example):
    other = run_example("pick_the_object", "the largest thing")
    assert other.returncode == 1 and "set the node's parameter target_frame to 'base_link'" in other.stderr
    wide = run_example("pick_the_object", "the largest thing", "--frame", FRAME, "--max-width", "0.001")
    assert wide.returncode == 1 and "opens only 0.001 m" in wide.stderr
