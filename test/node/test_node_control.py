"""Commands, parameters, several cameras, time and the lifecycle, with a fake segmenter."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml

pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticStatus
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters
from rclpy.parameter import parameter_value_to_python
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from ris_ros.config import Config, iter_settings
from ris_ros.errors import MissingError
from ris_ros.messages import MessageBuilder
from ris_ros.node import outputs
from ris_ros.node.commands import QUEUE_DEPTH
from ris_ros.node.node import RisNode
from ris_ros.node.worker import MAX_WAITING_COMMANDS, WITHDRAWN

IMAGE = np.zeros((48, 64, 3), np.uint8)
IMAGE[:, :32] = 200


@pytest.fixture
def robot(robot, node):
    node.node.warnings.clear()  # Every warning counts as new.
    yield robot
    node.gate.set()
    robot.set("mode", "on_command")


def test_the_id_of_a_command_is_returned(robot):
    robot.send_image(IMAGE, (1, 0))
    for identifier in ("a-7", 8):
        robot.send_command(json.dumps({"id": identifier, "text": "the cup"}))
    robot.send_command("the bowl")
    robot.answer("the bowl")
    assert [(result["id"], result["text"]) for result in robot.results()] == [
        ("a-7", "the cup"), (8, "the cup"), (None, "the bowl")]


@pytest.fixture
def results(robot):
    """The ids of all results: a listener with a deep queue."""
    identifiers = []
    subscription = robot.node.create_subscription(
        String, "ris/result", lambda message: identifiers.append(json.loads(message.data)["id"]), QUEUE_DEPTH)
    robot.wait(0.3)
    yield identifiers
    robot.node.destroy_subscription(subscription)


@pytest.fixture
def send_burst(robot, wait_for):
    """A function that sends commands as fast as it can."""
    publisher = robot.node.create_publisher(String, "command", QUEUE_DEPTH)
    wait_for(publisher.get_subscription_count)
    robot.wait(0.3)

    def send(commands):
        for command in commands:
            publisher.publish(String(data=json.dumps(command)))

    yield send
    robot.node.destroy_publisher(publisher)


@pytest.mark.parametrize("kind", ["mixed", "while a job runs", "before the first image", "while disabled"])
def test_every_command_of_a_burst_has_one_result(robot, node, results, send_burst, wait_for, kind):
    count = 400
    texts = ["the cup", "break", "?!", 7] if kind == "mixed" else ["the cup"]
    if kind == "while disabled":
        robot.call(SetBool, "ris/enable", data=False)
    if kind != "before the first image":
        robot.send_image(IMAGE, (1, 0))
    if kind == "while a job runs":
        node.gate.clear()
    send_burst({"id": number, "text": texts[number % len(texts)]} for number in range(count))
    wait_for(lambda: len(results) >= count - MAX_WAITING_COMMANDS - 1, what="what is dropped")
    node.gate.set()
    robot.call(SetBool, "ris/enable", data=True)
    robot.send_image(IMAGE, (2, 0))
    wait_for(lambda: len(results) >= count, what="the last answers")
    robot.wait(0.2)
    assert sorted(results) == list(range(count))


@pytest.mark.parametrize("waiting", [0, 1, 5])
def test_commands_that_an_empty_one_withdraws_have_a_result(robot, node, results, wait_for, waiting):
    node.gate.clear()
    robot.send_image(IMAGE, (1, 0))
    robot.send_command('{"id": 0, "text": "the cup"}')
    wait_for(lambda: node.node.worker.waiting and node.seen, what="the job")
    for number in range(1, waiting + 1):
        robot.send_command(json.dumps({"id": number, "text": "the bowl"}))
    robot.send_command("")
    wait_for(lambda: len(results) > waiting, what="the results")
    node.gate.set()
    robot.wait(0.2)
    assert sorted(results) == list(range(waiting + 1))
    assert {result["reason"] for result in robot.results()} == {WITHDRAWN}


@pytest.mark.parametrize(("data", "identifier", "words"), [
    ('{"id": 7, "text": "the cup"', None, "not JSON"), ('{"id": 7}', 7, 'without "text"')])
def test_a_malformed_command_is_answered_with_what_is_wrong(robot, data, identifier, words):
    robot.send_command(data)
    result = robot.answer(data)
    assert (result["found"], result["id"]) == (False, identifier)
    assert words in result["reason"]
    robot.log(words)
    robot.send_image(IMAGE)
    robot.send_command("the cup")
    assert robot.answer("the cup")["found"]


def test_latency_is_given_if_stamp_and_time_come_from_one_clock(robot):
    now = robot.node.get_clock().now().to_msg()
    for stamp, fits in (((now.sec, now.nanosec), True), ((5, 0), False), ((now.sec + 100, 0), False)):
        robot.received["result"].clear()
        robot.send_image(IMAGE, stamp)
        robot.wait(0.2)
        robot.send_command("the cup")
        latency = robot.answer("the cup")["latency"]
        assert 0.2 < latency < 60 if fits else latency is None


def test_deactivation_cancels_the_current_job(robot, node, wait_for):
    robot.send_image(IMAGE)
    node.gate.clear()
    robot.send_command("the cup")
    wait_for(lambda: node.node.worker.waiting, what="the job")
    assert robot.change_state("deactivate")
    wait_for(lambda: not node.node.worker.waiting, what="its end, with the gate closed")
    assert robot.change_state("activate")
    robot.connect()
    node.gate.set()
    robot.wait(0.3)
    assert not robot.results()
    robot.send_image(IMAGE, (2, 0))
    robot.send_command("the cup")
    assert robot.answer("the cup")["stamp"]["sec"] == 2


def test_parameters_are_answered_while_the_worker_is_busy(robot, node):
    robot.send_image(IMAGE)
    node.gate.clear()
    robot.send_command("the cup")
    robot.wait(0.3)
    assert robot.set("matching.text_weight", 0.25).successful
    assert robot.call(SetBool, "ris/enable", data=True).success
    assert not robot.results()
    node.gate.set()
    assert robot.answer("the cup")["found"]
    assert node.node.config.matching.text_weight == 0.25
    assert robot.set("matching.text_weight", 0.5).successful


def test_another_model_is_refused_while_the_node_is_configured(robot):
    result = robot.set("encoder.model", "ViT-B-32//nowhere/missing.pt")
    assert not result.successful
    assert "takes effect at configure: deactivate, clean up" in result.reason
    robot.send_image(IMAGE)
    robot.send_command("the cup")
    assert robot.answer("the cup")["found"]


def test_images_are_only_built_for_subscribers(robot, monkeypatch):
    built = []
    for owner, name in ((outputs, "draw_result"), (MessageBuilder, "candidates_image")):
        original = getattr(owner, name)
        monkeypatch.setattr(
            owner, name, lambda *args, name=name, original=original: built.append(name) or original(*args))
    robot.send_image(IMAGE)
    robot.send_command("the cup")
    robot.answer("the cup")
    assert built == []
    robot.listen("overlay", Image)
    robot.connect()
    robot.send_command("the bowl")
    robot.answer("the bowl")
    assert built == ["draw_result"]
    robot.unlisten("overlay")


def test_every_parameter_has_its_help_and_range(robot):
    known = list(iter_settings(Config()))
    answer = robot.call(DescribeParameters, "ris/describe_parameters", names=[one.name for one in known])
    for setting, descriptor in zip(known, answer.descriptors, strict=True):
        assert descriptor.description.startswith(setting.help)
        assert setting.unit in descriptor.description
        if setting.type in (int, float):
            assert descriptor.integer_range or descriptor.floating_point_range, setting.name


def test_a_parameter_dump_starts_the_same_node(robot, local_node, make_robot, tmp_path):
    changed = {"max_rate": 2.5, "mode": "continuous", "proposals.max_prompts": 9}
    for name, value in changed.items():
        assert robot.set(name, value).successful

    def dump(robot, name):
        names = sorted(robot.call(ListParameters, f"{name}/list_parameters").result.names)
        values = robot.call(GetParameters, f"{name}/get_parameters", names=names).values
        return {key: parameter_value_to_python(value) for key, value in zip(names, values, strict=True)}

    first = dump(robot, "ris")
    assert changed.items() <= first.items()
    nested = {}
    for key, value in first.items():
        *parents, leaf = key.split(".")
        section = nested
        for parent in parents:
            section = section.setdefault(parent, {})
        section[leaf] = list(value) if isinstance(value, tuple) else value
    file = tmp_path / "ris.yaml"
    file.write_text(yaml.safe_dump({"/again/ris": {"ros__parameters": nested}}))
    other = local_node(arguments=["-r", "__ns:=/again", "--params-file", str(file)])
    robot_again = make_robot(namespace="again")
    assert robot_again.state() == "active"
    assert dump(robot_again, "ris") == first
    assert Config.from_yaml(file) == Config.from_dict(changed)
    other.close()
    for setting in iter_settings(Config()):
        if setting.name in changed:
            assert robot.set(setting.name, setting.value).successful


def test_several_cameras_share_one_model(local_node, make_robot):
    node = local_node({"cameras": ["front", "wrist"]}, ["-r", "__ns:=/two", "-r", "front/image:=/head/color/image_raw"])
    front = make_robot(namespace="two", image_topic="/head/color/image_raw", prefix="front/")
    wrist = make_robot(namespace="two", image_topic="wrist/image", prefix="wrist/")
    one = wrist.publisher(String, "wrist/command")
    front.connect()
    wrist.connect()
    assert front.node.count_subscribers("/head/color/camera_info") == 1, "camera_info is expected beside the image"
    front.send_image(IMAGE, (1, 0))
    wrist.send_image(IMAGE[:, ::-1], (2, 0))
    front.send_command("the cup")
    boxes = [robot.answer("the cup") for robot in (front, wrist)]
    assert [(result["camera"], result["stamp"]["sec"], result["box"]) for result in boxes] == [
        ("front", 1, [0, 0, 32, 48]), ("wrist", 2, [32, 0, 64, 48])]
    one.publish(String(data="the bowl"))
    wrist.answer("the bowl")
    front.wait(0.3)
    assert [result["text"] for result in front.results()] == ["the cup"]
    assert wrist.call(Trigger, "ris/wrist/segment").success
    assert len(node.segmenters) == 1
    for name in ("front", "wrist"):
        front.status(f"two/ris: camera {name}")
    node.close()


def test_simulated_time_may_jump_back(local_node, make_robot):
    node = local_node({"use_sim_time": True}, ["-r", "__ns:=/bag"])
    robot = make_robot(namespace="bag", image_reliability="reliable")
    robot.connect()
    robot.log("no time comes on /clock")
    clock = robot.publisher(Clock, "/clock", "best_effort")
    for start in (100, 50):
        robot.clear()
        for second in (start, start + 1):
            message = Clock()
            message.clock.sec = second
            clock.publish(message)
            robot.wait(0.2)
        robot.send_image(IMAGE, (second, 0))
        robot.wait(0.3)
        robot.send_command("the cup")
        result = robot.answer("the cup")
        assert (result["stamp"]["sec"], result["latency"]) == (second, 0.0)
    robot.log("the time jumped")
    message = Clock()
    message.clock.sec = 10
    clock.publish(message)
    robot.wait(0.3)
    assert not robot.call(Trigger, "ris/segment").success, "the frame from before the jump is discarded"
    node.close()


class FailingNode(RisNode):
    """A node whose first activation fails."""

    failures = 1

    def _subscribe(self):
        super()._subscribe()
        if self.failures:
            self.failures -= 1
            raise RuntimeError("no subscription\nfor the test")


def test_the_error_state_can_be_left(local_node, make_robot):
    node = local_node({"autostart": False}, ["-r", "__ns:=/failing"], FailingNode)
    robot = make_robot(namespace="failing")
    node.load_error = MissingError("no weights for the test")
    assert not robot.change_state("configure")
    assert robot.state() == "unconfigured"
    robot.log("cannot configure: no weights for the test")
    status, _ = robot.status("failing/ris: node", lambda status, _: status.level == DiagnosticStatus.ERROR)
    assert "no weights for the test" in status.message
    node.load_error = None
    assert robot.change_state("configure")
    assert not robot.change_state("activate")
    robot.log("on_activate: RuntimeError: no subscription for the test")
    assert robot.state() == "unconfigured"
    assert robot.change_state("configure")
    assert robot.change_state("activate")
    robot.connect()
    robot.send_image(IMAGE)
    robot.send_command("the cup")
    assert robot.answer("the cup")["found"]
    robot.status("failing/ris: node", lambda status, _: status.level == DiagnosticStatus.OK)
    node.close()
