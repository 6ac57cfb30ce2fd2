"""How the node is told what to do, and what it tells of itself; the models are played by a fake."""

from __future__ import annotations

import json
from itertools import count

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

from ris_ros.config import Config, settings
from ris_ros.errors import MissingError
from ris_ros.node.node import RisNode

PICTURE = np.zeros((48, 64, 3), np.uint8)
PICTURE[:, :32] = 200


@pytest.fixture
def robot(robot, node):
    node.node.notices.clear()  # Every warning counts as new.
    yield robot
    node.gate.set()
    robot.set("mode", "on_command")


def test_a_marked_command_gets_its_mark_back(robot):
    robot.show(PICTURE, (1, 0))
    for mark in ("a-7", 8):
        robot.say(json.dumps({"id": mark, "text": "the cup"}))
    robot.say("the bowl")
    robot.answer("the bowl")
    assert [(result["id"], result["text"]) for result in robot.results()] == [
        ("a-7", "the cup"), (8, "the cup"), (None, "the bowl")]


@pytest.mark.parametrize(("data", "mark", "words"), [
    ('{"id": 7, "text": "the cup"', None, "not JSON"), ('{"id": 7}', 7, 'without "text"')])
def test_a_malformed_command_is_answered_with_what_is_wrong(robot, data, mark, words):
    robot.say(data)
    result = robot.answer(data)
    assert (result["found"], result["id"]) == (False, mark)
    assert words in result["reason"]
    robot.log(words)
    robot.show(PICTURE)
    robot.say("the cup")
    assert robot.answer("the cup")["found"]


def test_an_error_at_work_is_answered_and_shown_until_the_next_good_answer(robot):
    robot.show(PICTURE)
    robot.say('{"id": 9, "text": "break"}')
    result = robot.answer("break")
    assert (result["found"], result["id"], result["reason"]) == (False, 9, "ValueError: broken for the test")
    status, values = robot.status("camera", lambda status, _: status.level == DiagnosticStatus.ERROR)
    assert values["last error"] == status.message == "ValueError: broken for the test"
    robot.say("the cup")
    assert robot.answer("the cup")["found"]
    robot.status("camera", lambda status, _: status.level == DiagnosticStatus.OK)


def test_latency_is_told_where_the_clocks_fit(robot):
    now = robot.node.get_clock().now().to_msg()
    for stamp, fits in (((now.sec, now.nanosec), True), ((5, 0), False), ((now.sec + 100, 0), False)):
        robot.received["result"].clear()
        robot.show(PICTURE, stamp)
        robot.rest(0.2)
        robot.say("the cup")
        latency = robot.answer("the cup")["latency"]
        assert 0.2 < latency < 60 if fits else latency is None


def test_deactivation_breaks_the_job_off(robot, node, wait_for):
    robot.show(PICTURE)
    node.gate.clear()
    robot.say("the cup")
    wait_for(lambda: node.node.worker.waiting, what="the job")
    assert robot.change_state("deactivate")
    wait_for(lambda: not node.node.worker.waiting, what="its end, with the gate closed")
    assert robot.change_state("activate")
    robot.connect()
    node.gate.set()
    robot.rest(0.3)
    assert not robot.results()
    robot.show(PICTURE, (2, 0))
    robot.say("the cup")
    assert robot.answer("the cup")["stamp"]["sec"] == 2


def test_parameters_are_answered_while_the_worker_is_busy(robot, node):
    robot.show(PICTURE)
    node.gate.clear()
    robot.say("the cup")
    robot.rest(0.3)
    assert robot.set("matching.text_weight", 0.25).successful
    assert robot.call(SetBool, "ris/enable", data=True).success
    assert not robot.results()
    node.gate.set()
    assert robot.answer("the cup")["found"]
    assert node.node.config.matching.text_weight == 0.25
    assert robot.set("matching.text_weight", 0.5).successful


def test_a_model_that_is_missing_is_refused_live_and_the_old_one_goes_on(robot):
    outcome = robot.set("encoder.model", "ViT-B-32//nowhere/missing.pt")
    assert not outcome.successful
    assert "takes effect at configure: deactivate, clean up" in outcome.reason
    robot.show(PICTURE)
    robot.say("the cup")
    assert robot.answer("the cup")["found"]


def test_the_diagnostics_tell_how_the_node_does(robot):
    robot.status("ris: node")
    seconds = count(1)

    def comes(_, values):
        """Show pictures until the rate of the last seconds has come through: it is gone soon after the last one."""
        robot.show(PICTURE, (next(seconds), 0))
        robot.rest(0.3)
        return 1 < float(values["image rate [Hz]"]) < 6
    robot.status("camera", comes)
    robot.say("the cup")
    robot.answer("the cup")
    status, values = robot.status("camera", lambda _, values: "total p50, p95 [ms]" in values)
    assert status.name == "ris: camera"
    assert values["image topic"] == "/image"
    assert values["image size"] == "64 x 48"
    assert int(values["answers"]) >= 1
    median, high = map(float, values["total p50, p95 [ms]"].split(", "))
    assert 0 <= median <= high
    status, values = robot.status("ris: node", lambda status, _: status.level == DiagnosticStatus.OK)
    assert (values["state"], values["device"], values["encoder model"]) == ("active", "fake", "bundled (float32)")
    assert float(values["memory [MB]"]) > 10


def test_what_the_models_cannot_do_as_asked_stands_in_the_diagnostics(robot, node):
    node.node.cameras[""]._segmenter.notes.append("MobileSAM runs on the CPU")
    status, _ = robot.status("ris: node", lambda status, _: status.level == DiagnosticStatus.WARN)
    assert "MobileSAM runs on the CPU" in status.message


def test_pictures_are_only_made_for_those_who_listen(robot, monkeypatch):
    from ris_ros.node import conversions, outputs

    made = []
    for module, name in ((outputs, "draw_result"), (conversions, "to_candidates_image")):
        original = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *args, name=name, original=original: made.append(name) or original(*args))
    robot.show(PICTURE)
    robot.say("the cup")
    robot.answer("the cup")
    assert made == []
    robot.listen("overlay", Image)
    robot.connect()
    robot.say("the bowl")
    robot.answer("the bowl")
    assert made == ["draw_result"]
    robot.unlisten("overlay")


def test_two_nodes_of_one_name_are_told_of(robot, local_node):
    other = local_node({"autostart": False})
    robot.log("another node is called /ris too.*-r __node:=", 20)
    other.close()


def test_every_parameter_describes_itself(robot):
    known = list(settings(Config()))
    answer = robot.call(DescribeParameters, "ris/describe_parameters", names=[one.name for one in known])
    for setting, descriptor in zip(known, answer.descriptors, strict=True):
        assert descriptor.description.startswith(setting.help)
        assert setting.unit in descriptor.description
        if setting.type in (int, float):
            assert descriptor.integer_range or descriptor.floating_point_range, setting.name


def test_a_dump_of_the_parameters_starts_the_same_node(robot, local_node, make_robot, tmp_path):
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
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = list(value) if isinstance(value, tuple) else value
    file = tmp_path / "ris.yaml"
    file.write_text(yaml.safe_dump({"/again/ris": {"ros__parameters": nested}}))
    other = local_node(arguments=["-r", "__ns:=/again", "--params-file", str(file)])
    robot_again = make_robot(namespace="again")
    assert robot_again.state() == "active"
    assert dump(robot_again, "ris") == first
    assert Config.from_yaml(file) == Config.from_dict(changed)
    other.close()
    for setting in settings(Config()):
        if setting.name in changed:
            assert robot.set(setting.name, setting.value).successful


def test_several_cameras_share_one_model(local_node, make_robot):
    node = local_node({"cameras": ["front", "wrist"]}, ["-r", "__ns:=/two", "-r", "front/image:=/head/color/image_raw"])
    front = make_robot(namespace="two", image_topic="/head/color/image_raw", prefix="front/")
    wrist = make_robot(namespace="two", image_topic="wrist/image", prefix="wrist/")
    one = wrist.publisher(String, "wrist/command")
    front.connect()
    wrist.connect()
    assert front.node.count_subscribers("/head/color/camera_info") == 1, "beside the image, as image_transport has it"
    front.show(PICTURE, (1, 0))
    wrist.show(PICTURE[:, ::-1], (2, 0))
    front.say("the cup")
    boxes = [robot.answer("the cup") for robot in (front, wrist)]
    assert [(result["camera"], result["stamp"]["sec"], result["box"]) for result in boxes] == [
        ("front", 1, [0, 0, 32, 48]), ("wrist", 2, [32, 0, 64, 48])]
    one.publish(String(data="the bowl"))
    wrist.answer("the bowl")
    front.rest(0.3)
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
            robot.rest(0.2)
        robot.show(PICTURE, (second, 0))
        robot.rest(0.3)
        robot.say("the cup")
        result = robot.answer("the cup")
        assert (result["stamp"]["sec"], result["latency"]) == (second, 0.0)
    robot.log("the time jumped")
    message = Clock()
    message.clock.sec = 10
    clock.publish(message)
    robot.rest(0.3)
    assert not robot.call(Trigger, "ris/segment").success, "the frame from before the jump is forgotten"
    node.close()


class ClumsyNode(RisNode):
    """Fails when it is activated for the first time."""

    failures = 1

    def _subscribe(self):
        super()._subscribe()
        if self.failures:
            self.failures -= 1
            raise RuntimeError("no subscription\nfor the test")


def test_the_error_state_can_be_left(local_node, make_robot):
    node = local_node({"autostart": False}, ["-r", "__ns:=/clumsy"], ClumsyNode)
    robot = make_robot(namespace="clumsy")
    node.load_error = MissingError("no weights for the test")
    assert not robot.change_state("configure")
    assert robot.state() == "unconfigured"
    robot.log("cannot configure: no weights for the test")
    status, _ = robot.status("clumsy/ris: node", lambda status, _: status.level == DiagnosticStatus.ERROR)
    assert "no weights for the test" in status.message
    node.load_error = None
    assert robot.change_state("configure")
    assert not robot.change_state("activate")
    robot.log("on_activate: RuntimeError: no subscription for the test")
    assert robot.state() == "unconfigured"
    assert robot.change_state("configure")
    assert robot.change_state("activate")
    robot.connect()
    robot.show(PICTURE)
    robot.say("the cup")
    assert robot.answer("the cup")["found"]
    robot.status("clumsy/ris: node", lambda status, _: status.level == DiagnosticStatus.OK)
    node.close()
