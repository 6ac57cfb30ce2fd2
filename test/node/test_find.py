"""The action ~/find, the topic ~/answer and the service ~/parse, over DDS, with a node in this process."""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("ris_interfaces.action", reason="ris_interfaces is not built")

from action_msgs.msg import GoalStatus
from builtin_interfaces.msg import Duration
from rclpy.action import ActionClient
from ris_interfaces.action import Find
from ris_interfaces.msg import Answer
from ris_interfaces.srv import Parse

BRIGHT_LEFT = np.zeros((48, 64, 3), np.uint8)
BRIGHT_LEFT[10:30, 4:24] = 255
DARK = np.zeros((48, 64, 3), np.uint8)
"""The FakeSegmenter finds the brighter part of an image, and nothing where all is equal."""


class Client:
    """A client of ~/find, which collects feedback."""

    def __init__(self, robot, wait_for):
        self.robot, self.wait_for, self.feedback = robot, wait_for, []
        self.client = ActionClient(robot.node, Find, "ris/find")
        assert self.client.wait_for_server(60)

    def send(self, text="the bright thing", **fields):
        future = self.client.send_goal_async(
            Find.Goal(text=text, **fields), feedback_callback=lambda message: self.feedback.append(message.feedback))
        self.wait_for(future.done, what="the goal's acceptance")
        assert future.result().accepted
        return future.result()

    def result(self, handle, seconds=60):
        future = handle.get_result_async()
        self.wait_for(future.done, seconds, "the goal's result")
        return future.result().status, future.result().result.answer

    def find(self, text="the bright thing", **fields):
        return self.result(self.send(text, **fields))


@pytest.fixture
def client(robot, wait_for):
    client = Client(robot, wait_for)
    yield client
    client.client.destroy()


def test_a_goal_is_answered(robot, client, wait_for):
    robot.listen("answer", Answer)
    robot.connect()
    robot.send_image(BRIGHT_LEFT, stamp=(5, 7))
    status, answer = client.find()
    assert status == GoalStatus.STATUS_SUCCEEDED
    assert (answer.found, answer.text, answer.reason) == (True, "the bright thing", "")
    assert (answer.header.stamp.sec, answer.header.stamp.nanosec, answer.header.frame_id) == (5, 7, "camera_optical")
    [target] = answer.targets
    roi = target.roi
    assert (roi.x_offset, roi.y_offset, roi.width, roi.height) == (4, 10, 20, 20)
    assert (target.mask.width, target.mask.height, set(target.mask.data)) == (20, 20, {255})
    assert not target.has_pose
    [published] = wait_for(lambda: robot.received["answer"], what="the answer on its topic")
    robot.unlisten("answer")
    assert (published.id, published.targets) == (answer.id, answer.targets)
    assert robot.results()[-1]["id"] == answer.id
    # Feedback may arrive after the result.
    wait_for(lambda: len(client.feedback) >= 2, what="feedback")
    assert [one.stage for one in client.feedback] == ["queued", "searching"]


def test_feedback_carries_an_early_answer_that_is_not_sure(robot, client, node, wait_for):
    robot.send_image(BRIGHT_LEFT, stamp=(5, 7))
    node.completion_gate.clear()
    handle = client.send("the unsure thing")
    [feedback] = wait_for(lambda: [one for one in client.feedback if one.stage == "early answer"], what="feedback")
    assert (feedback.candidates, feedback.confidence) == (1, 0.5)
    assert (feedback.answer.early, feedback.answer.header.stamp.sec) == (True, 5)
    node.completion_gate.set()
    status, answer = client.result(handle)
    assert (status, answer.found, answer.early) == (GoalStatus.STATUS_SUCCEEDED, True, False)
    assert feedback.answer.id == answer.id
    assert feedback.answer.targets[0].roi == answer.targets[0].roi
    assert not any(one.answer.targets for one in client.feedback if one is not feedback)


def test_an_early_answer_that_is_sure_is_the_result(robot, client):
    robot.send_image(BRIGHT_LEFT)
    status, answer = client.find("the early thing")
    assert (status, answer.found, answer.early) == (GoalStatus.STATUS_SUCCEEDED, True, True)
    assert robot.answer("the early thing")["early"] is True


def test_an_image_is_completed_after_the_answer_unless_another_command_comes(robot, client, node, wait_for):
    completed = node.segmenters[-1].completed
    robot.send_image(BRIGHT_LEFT)
    assert node.node.worker.wait_idle(10)
    node.completion_gate.clear()
    completed.clear()
    assert client.find("the early thing")[1].early
    assert client.find("another early thing")[1].early
    robot.wait(0.3)
    assert not completed
    node.completion_gate.set()
    wait_for(lambda: completed, what="the completion")
    assert node.node.worker.wait_idle(10)
    assert len(completed) == 1


def test_what_is_not_there_is_an_answer(robot, client):
    robot.send_image(DARK)
    status, answer = client.find()
    assert status == GoalStatus.STATUS_SUCCEEDED
    assert (answer.found, list(answer.targets)) == (False, [])


@pytest.mark.parametrize(("fields", "reason"), [
    ({"text": ""}, "empty"), ({"text": " \n"}, "empty"), ({"text": "x" * 5000}, "5000 characters"),
    ({"text": "a\x07b"}, "character"), ({"camera": "wrist"}, "no camera"), ({"text": "break"}, "broken")])
def test_a_goal_that_cannot_be_answered_is_aborted_with_the_reason(robot, client, fields, reason):
    robot.send_image(BRIGHT_LEFT)
    status, answer = client.find(**{"text": "the bright thing", **fields})
    assert status == GoalStatus.STATUS_ABORTED
    assert reason in answer.reason
    assert client.find()[1].found


def test_a_client_may_be_made_while_its_node_spins(robot, client, wait_for, monkeypatch):
    """Its status, which earlier goals left behind, arrives before rclpy has completed it."""
    robot.send_image(BRIGHT_LEFT)
    client.find()
    logger = robot.node.get_logger()

    def slow_logger():
        time.sleep(1.5)
        return logger

    with monkeypatch.context() as patch:
        patch.setattr(robot.node, "get_logger", slow_logger)
        late = Client(robot, wait_for)
    assert late.find()[1].found
    late.client.destroy()


def test_a_goal_waits_until_the_object_is_there(robot, client, wait_for):
    robot.send_image(DARK, stamp=(1, 0))
    handle = client.send(wait=True)
    wait_for(lambda: "not there yet" in [one.stage for one in client.feedback], what="a first attempt")
    robot.send_image(BRIGHT_LEFT, stamp=(2, 0))
    status, answer = client.result(handle)
    assert status == GoalStatus.STATUS_SUCCEEDED
    assert (answer.found, answer.header.stamp.sec) == (True, 2)


def test_a_goal_that_waits_ends_with_its_time(robot, client):
    robot.send_image(DARK)
    status, answer = client.find(wait=True, timeout=Duration(sec=1))
    assert status == GoalStatus.STATUS_ABORTED
    assert not answer.found


def test_a_goal_without_an_image_says_so(robot, client):
    status, answer = client.find()
    assert status == GoalStatus.STATUS_ABORTED
    assert "no image has arrived" in answer.reason


def test_an_image_that_is_older_than_the_goal_allows_is_not_used(robot, client):
    robot.send_image(BRIGHT_LEFT, stamp=(1, 0))
    assert client.find()[1].header.stamp.sec == 1
    robot.wait(0.5)
    handle = client.send(max_image_age=Duration(nanosec=100_000_000))
    robot.wait(0.3)
    robot.send_image(BRIGHT_LEFT, stamp=(2, 0))
    status, answer = client.result(handle)
    assert (status, answer.header.stamp.sec) == (GoalStatus.STATUS_SUCCEEDED, 2)


def test_a_cancelled_goal_ends_at_once_and_the_next_one_is_answered(robot, client, node, wait_for):
    robot.send_image(BRIGHT_LEFT)
    assert client.find()[1].found
    node.gate.clear()
    handle = client.send()
    wait_for(lambda: "searching" in [one.stage for one in client.feedback[-1:]], what="the search")
    cancelled = handle.cancel_goal_async()
    wait_for(cancelled.done, what="the cancellation")
    status, _ = client.result(handle)
    assert status == GoalStatus.STATUS_CANCELED
    node.gate.set()
    assert client.find()[1].found


def test_goals_and_commands_are_answered_in_turn(robot, client, node):
    robot.send_image(BRIGHT_LEFT)
    node.gate.clear()
    handles = [client.send(f"the {word} thing") for word in ("first", "second")]
    robot.send_command("a command in between")
    robot.wait(0.3)
    handles.append(client.send("the third thing"))
    node.gate.set()
    answers = [client.result(handle)[1] for handle in handles]
    assert [answer.text for answer in answers] == ["the first thing", "the second thing", "the third thing"]
    robot.answer("a command in between")
    assert [result["text"] for result in robot.results()] == [
        "the first thing", "the second thing", "a command in between", "the third thing"]


def test_more_goals_than_may_wait_are_aborted(robot, client, node):
    robot.send_image(BRIGHT_LEFT)
    node.gate.clear()
    handles = [client.send() for _ in range(13)]
    robot.wait(0.3)
    node.gate.set()
    outcomes = [client.result(handle) for handle in handles]
    assert any("wait already" in answer.reason for _, answer in outcomes)
    assert all(answer.found or "wait already" in answer.reason for _, answer in outcomes)


def test_an_empty_command_does_not_end_a_goal(robot, client, node):
    robot.send_image(BRIGHT_LEFT)
    node.gate.clear()
    handle = client.send()
    robot.send_command("")
    robot.wait(0.3)
    node.gate.set()
    assert client.result(handle)[1].found


def test_deactivation_aborts_a_goal(robot, client, node):
    handle = client.send(wait=True)
    robot.restart()
    status, answer = client.result(handle)
    assert status == GoalStatus.STATUS_ABORTED
    assert "deactivated" in answer.reason


def test_a_client_that_dies_leaves_the_node_working(robot, client, wait_for):
    other = Client(robot, wait_for)
    other.send(wait=True, timeout=Duration(sec=1))
    other.client.destroy()
    robot.wait(1.5)
    robot.send_image(BRIGHT_LEFT)
    assert client.find()[1].found


def test_a_paused_job_is_answered_after_the_pause(robot, node, wait_for):
    from std_srvs.srv import SetBool

    robot.send_image(BRIGHT_LEFT)
    node.gate.clear()
    robot.send_command("the bright thing")
    robot.wait(0.5)
    assert robot.call(SetBool, "ris/enable", data=False).success
    robot.wait(0.3)
    node.gate.set()
    assert robot.call(SetBool, "ris/enable", data=True).success
    assert robot.answer("the bright thing")["found"]
    robot.wait(0.3)
    assert len(robot.results()) == 1


@pytest.mark.parametrize("text", ["", "\x00"])
def test_a_text_that_cannot_be_parsed_is_told(robot, text):
    answer = robot.call(Parse, "ris/parse", text=text)
    assert not answer.success
    assert answer.message


def test_many_clients_at_once(robot, client, node):
    robot.send_image(BRIGHT_LEFT)
    found, lock = [], threading.Lock()

    def ask(number):
        answer = client.find(f"thing {number}")[1]
        with lock:
            found.append((answer.text, answer.found, number))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == sorted((f"thing {number}", True, number) for number in range(5))
    assert json.dumps(robot.results())
