"""The examples as programs, with a node in this process and small stand-ins for the rest of the robot."""

from __future__ import annotations

import sys

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("ris_interfaces.action", reason="ris_interfaces is not built")

import rclpy
from action_msgs.msg import GoalStatus
from ris_interfaces.action import Find

BRIGHT_LEFT = np.zeros((48, 64, 3), np.uint8)
BRIGHT_LEFT[10:30, 4:24] = 255
DARK = np.zeros((48, 64, 3), np.uint8)
"""The FakeSegmenter finds the brighter part of an image, and nothing where all is equal."""


@pytest.fixture(scope="module")
def node(local_node):
    """A node whose images stay valid as long as it takes to start a program."""
    return local_node({"max_image_age": 0.0})


def test_the_answer_is_printed(robot, run_example):
    robot.send_image(BRIGHT_LEFT)
    process = run_example("find_object", "the", "bright", "thing")
    assert process.returncode == 0, process.stderr
    assert "the bright thing: 20 x 20 pixels from (4, 10)" in process.stdout
    assert "without depth" in process.stdout


@pytest.mark.parametrize(("image", "text", "reason"), [
    (DARK, "the bright thing", "not in the image"), (BRIGHT_LEFT, "", "empty"), (BRIGHT_LEFT, "break", "broken"),
    (None, "the bright thing", "no image has arrived")])
def test_the_reason_is_printed(robot, run_example, image, text, reason):
    if image is not None:
        robot.send_image(image)
    process = run_example("find_object", text)
    assert process.returncode == 1
    assert reason in process.stderr and "Traceback" not in process.stderr


def test_nothing_is_picked_without_depth(robot, run_example):
    robot.send_image(BRIGHT_LEFT)
    process = run_example("pick_the_object", "the bright thing")
    assert process.returncode == 1
    assert "no usable depth" in process.stderr and "Traceback" not in process.stderr


class StandInNavigator:
    """Goes where Nav2 would."""

    goals: tuple = ()

    def __init__(self, node):
        self.node = node

    def go(self, goal):
        StandInNavigator.goals += (goal,)
        return 4


@pytest.fixture
def drive(example, monkeypatch):
    """The program that drives, with a stand-in for Nav2; a function that runs it."""
    module = example("drive_to_the_object")
    monkeypatch.setattr(module, "Navigator", StandInNavigator)
    monkeypatch.setattr(StandInNavigator, "goals", ())

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["drive_to_the_object", *arguments])
        try:
            module.main()
        finally:
            rclpy.try_shutdown()
        return StandInNavigator.goals

    run.module = module
    return run


def test_the_robot_does_not_drive_without_depth(robot, drive):
    robot.send_image(BRIGHT_LEFT)
    with pytest.raises(SystemExit, match="no usable depth"):
        drive("the bright thing")
    assert not StandInNavigator.goals


def test_the_robot_drives_to_what_is_found(robot, drive, make_target, monkeypatch, capsys):
    find = drive.module.find

    def find_with_pose(*arguments):
        answer = find(*arguments)
        answer.targets = [make_target(x=2.0, y=0.0)]
        return answer

    monkeypatch.setattr(drive.module, "find", find_with_pose)
    robot.send_image(BRIGHT_LEFT)
    [goal] = drive("--distance", "0.5", "the bright thing")
    assert (goal.pose.position.x, goal.pose.position.y, goal.header.frame_id) == (1.5, 0.0, "base_link")
    assert "there" in capsys.readouterr().out


class TestBehaviour:
    """The behaviour, ticked by hand; the robot's node is spun by its own thread."""

    @pytest.fixture
    def py_trees(self):
        return pytest.importorskip("py_trees")

    @pytest.fixture
    def behaviour(self, py_trees, example, robot):
        py_trees.blackboard.Blackboard.clear()
        behaviour = example("find_behaviour").FindObject("find", Find.Goal(text="the bright thing"))
        behaviour.setup(node=robot.node)
        yield behaviour
        behaviour.stop(py_trees.common.Status.INVALID)
        behaviour._client.destroy()

    def tick_until(self, behaviour, wait_for, *statuses):
        def ended():
            behaviour.tick_once()
            return behaviour.status if behaviour.status.value in statuses else None
        return wait_for(ended, what=f"one of {statuses}").value

    def test_success_puts_the_answer_on_the_blackboard(self, robot, behaviour, py_trees, wait_for):
        robot.send_image(BRIGHT_LEFT)
        behaviour.tick_once()
        assert behaviour.status.value == "RUNNING"
        assert self.tick_until(behaviour, wait_for, "SUCCESS", "FAILURE") == "SUCCESS"
        assert py_trees.blackboard.Blackboard.get("answer").targets[0].roi.width == 20

    def test_failure_tells_the_reason_and_the_next_tick_asks_anew(self, robot, behaviour, py_trees, wait_for):
        robot.send_image(DARK)
        assert self.tick_until(behaviour, wait_for, "SUCCESS", "FAILURE") == "FAILURE"
        assert "not in the image" in behaviour.feedback_message
        assert not py_trees.blackboard.Blackboard.exists("answer")
        robot.send_image(BRIGHT_LEFT)
        assert self.tick_until(behaviour, wait_for, "SUCCESS", "FAILURE") == "SUCCESS"

    @pytest.mark.parametrize("ticks", [1, 20])
    def test_an_interrupted_search_is_cancelled(self, robot, behaviour, node, py_trees, wait_for, ticks):
        """Whether the goal has been accepted by then or not."""
        robot.send_image(BRIGHT_LEFT)
        node.gate.clear()
        for _ in range(ticks):
            behaviour.tick_once()
            robot.wait(0.02)
        sent = behaviour._sent
        behaviour.stop(py_trees.common.Status.INVALID)
        result = wait_for(sent.done, what="the goal") and sent.result().get_result_async()
        wait_for(result.done, what="the end of the goal")
        node.gate.set()
        assert result.result().status == GoalStatus.STATUS_CANCELED

    def test_the_program_ends_with_the_answer(self, robot, py_trees, run_example):
        robot.send_image(BRIGHT_LEFT)
        process = run_example("find_behaviour", "the bright thing")
        assert process.returncode == 0 and "Traceback" not in process.stderr, process.stderr
        assert process.stdout.startswith("SUCCESS: found")


def test_the_behaviour_without_a_node_fails_with_the_reason(robot, example):
    py_trees = pytest.importorskip("py_trees")
    module = example("find_behaviour")
    behaviour = module.FindObject("find", Find.Goal(text="the cup"))
    behaviour._client = module.ActionClient(robot.node, Find, "nobody/find")
    behaviour.tick_once()
    assert behaviour.status == py_trees.common.Status.FAILURE
    assert "is the node running" in behaviour.feedback_message
    behaviour._client.destroy()
