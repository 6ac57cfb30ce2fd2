"""Transitions in any order between commands, frames and parameters, a thread that dies, and a camera that stops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("rclpy")

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rosgraph_msgs.msg import Clock
from std_srvs.srv import SetBool, Trigger

from ris_ros.node import camera_pipeline, inputs, outputs
from ris_ros.node.worker import Worker

pytestmark = pytest.mark.slow

IMAGE = np.zeros((48, 64, 3), np.uint8)
IMAGE[:, :32] = 200
TRANSITIONS = ("configure", "activate", "deactivate", "cleanup")
NEXT_STATE = {("unconfigured", "configure"): "inactive", ("inactive", "activate"): "active",
              ("active", "deactivate"): "inactive", ("inactive", "cleanup"): "unconfigured"}
ACTIONS = st.one_of(
    st.sampled_from(TRANSITIONS).map(lambda name: ("change", name)),
    st.sampled_from(["cup", "", '{"id": 1', "break", "?!"]).map(lambda text: ("command", text)),
    st.sampled_from(["good", "broken", "nothing"]).map(lambda kind: ("frame", kind)),
    st.sampled_from([("mode", "continuous"), ("mode", "on_command"), ("mode", 5), ("max_rate", 50.0), ("cameras", 2),
                     ("device", "nowhere"), ("device", "auto"), ("image_transport", "compressed"),
                     ("image_transport", "raw")]).map(lambda one: ("set", one)),
    st.booleans().map(lambda enabled: ("enable", enabled)), st.just(("segment", None)))


@pytest.fixture
def act(robot):
    """A function that does one thing to the node, and returns its lifecycle state after that."""
    def act(action, value, state):
        if action == "change":
            allowed = (state, value) in NEXT_STATE
            assert robot.call(ChangeState, "ris/change_state", transition=Transition(label=value)).success == allowed
            return NEXT_STATE.get((state, value), state)
        if action == "command":
            robot.send_command(value)
        elif action == "frame" and value == "good":
            robot.send_image(IMAGE, (1, 0))
        elif action == "frame":
            robot.camera.publish(b"\x00\x01\x00\x00" if value == "broken" else b"")
        elif action == "set":
            robot.set(*value)
        elif state != "unconfigured":
            service = SetBool if action == "enable" else Trigger
            robot.call(service, f"ris/{action}", **({"data": value} if action == "enable" else {}))
        return state

    return act


def make_active(robot, state):
    for transition in {"unconfigured": ("configure", "activate"), "inactive": ("activate",), "active": ()}[state]:
        assert robot.change_state(transition)
    assert robot.call(SetBool, "ris/enable", data=True).success
    for name, value in (("mode", "on_command"), ("image_transport", "raw"), ("max_rate", 0.0)):
        assert robot.set(name, value).successful


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ACTIONS, min_size=3, max_size=12))
def test_after_any_sequence_the_active_node_answers(robot, act, assert_well, actions):
    robot.clear()
    state = "active"
    for action, value in actions:
        state = act(action, value, state)
    assert robot.state() == state
    robot.set("device", "auto")
    make_active(robot, state)
    robot.connect()
    robot.send_command("")
    assert_well()


def test_every_transition_in_every_state_is_done_or_refused(robot, act, assert_well):
    state = "active"
    for before in ("active", "inactive", "unconfigured"):
        for transition in (*TRANSITIONS, "shutdown ", "destroy", "x\n"):
            make_active(robot, state)
            state = "active"
            for name in {"active": (), "inactive": ("deactivate",), "unconfigured": ("deactivate", "cleanup")}[before]:
                state = act("change", name, state)
            state = act("change", transition, state)
    make_active(robot, state)
    robot.connect()
    assert_well()


def test_a_node_that_is_shut_down_ignores_everything(local_node, make_robot):
    node = local_node(arguments=["-r", "__ns:=/ended"])
    robot = make_robot(namespace="ended")
    robot.connect()
    assert robot.call(ChangeState, "ris/change_state", transition=Transition(label="shutdown")).success
    assert robot.state() == "finalized"
    robot.send_command("the cup")
    robot.send_image(IMAGE)
    assert not robot.change_state("configure")
    assert robot.set("max_rate", 1.0).successful
    assert not robot.results()
    node.close()


@pytest.mark.parametrize(("owner", "name"), [
    (camera_pipeline.CameraPipeline, "newest_frame"), (camera_pipeline.CameraPipeline, "report_failure"),
    (inputs.CameraInputs, "newest_frame"), (outputs.CameraOutputs, "publish_failure"), (Worker, "_start_job")])
def test_a_worker_that_dies_is_replaced_and_that_is_said(robot, node, assert_well, monkeypatch, owner, name):
    """Simulates an error in the package itself, which no message causes as far as we know."""
    assert_well()
    original, calls = getattr(owner, name), []

    def fail_once(*args, **kwargs):
        if not calls:
            calls.append(name)
            raise RuntimeError(f"no luck\nin {name}")
        return original(*args, **kwargs)

    node.node.warnings.clear()
    monkeypatch.setattr(owner, name, fail_once)
    robot.send_command("break")
    robot.log(f"was started again: RuntimeError: no luck in {name}")
    robot.status("ris: node", lambda status, _: status.level == DiagnosticStatus.WARN and "no luck" in status.message)
    assert_well()


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), MemoryError(), RecursionError(), GeneratorExit(),
                                   Exception("half \ud83c and \x1b[2J"), OSError(5, "x\ny")], ids=repr)
def test_whatever_a_model_raises_costs_one_answer(robot, node, assert_well, monkeypatch, error):
    def fail(self, text, **_):
        monkeypatch.undo()
        raise error

    assert_well()
    monkeypatch.setattr(type(node.segmenters[-1]), "query", fail)
    robot.send_command("the fatal cup")
    result = robot.answer("the fatal cup")
    assert not result["found"]
    assert type(error).__name__ in result["reason"]
    assert_well()


@pytest.fixture
def impatient(robot):
    assert robot.set("max_image_age", 0.5).successful
    yield robot
    robot.set("max_image_age", 5.0)


def test_a_command_after_the_camera_has_stopped_is_not_answered_on_its_last_image(impatient, node, assert_well):
    robot = impatient
    node.node.warnings.clear()
    robot.send_image(IMAGE, (7, 0))
    robot.wait(0.6)
    robot.send_command("the cup")
    result = robot.answer("the cup")
    assert not result["found"]
    assert result["stamp"]["sec"] == 7
    assert "s old, more than max_image_age (0.5 s): has the camera stopped?" in result["reason"]
    refusal = robot.call(Trigger, "ris/segment")
    assert not refusal.success
    assert "has the camera stopped?" in refusal.message
    robot.log("has the camera stopped")
    robot.status("ris: node", lambda status, _: "has the camera stopped" in status.message)
    robot.status("ris: camera", lambda status, values: status.level == DiagnosticStatus.ERROR
                 and "has the camera stopped" in status.message and float(values["image age"].split()[0]) > 0.5)
    robot.clear()
    robot.send_image(IMAGE, (8, 0))
    assert robot.call(Trigger, "ris/segment").success
    assert robot.answer("the cup")["found"]


def test_an_image_that_waited_in_the_middleware_is_as_old_as_it_is(impatient):
    robot = impatient
    assert robot.call(SetBool, "ris/enable", data=False).success
    robot.wait(0.1)
    robot.send_image(IMAGE, (9, 0))
    robot.send_command("the late cup")
    robot.wait(0.8)
    assert robot.call(SetBool, "ris/enable", data=True).success
    assert "s old" in robot.answer("the late cup")["reason"]


def test_zero_sets_no_limit(robot):
    assert robot.set("max_image_age", 0.0).successful
    robot.send_image(IMAGE, (10, 0))
    robot.wait(0.6)
    robot.send_command("the old cup")
    assert robot.answer("the old cup")["found"]
    assert robot.set("max_image_age", 5.0).successful


def test_in_simulated_time_an_image_ages_with_the_simulation(impatient, assert_well):
    robot = impatient
    assert robot.set("use_sim_time", True).successful
    clock = robot.publisher(Clock, "/clock", "best_effort")
    clock.publish(Clock(clock=Time(sec=100)))
    robot.wait(0.3)
    robot.send_image(IMAGE, (100, 0))
    robot.wait(0.8)
    robot.send_command("the paused cup")
    assert robot.answer("the paused cup")["found"], "a paused simulation does not age its images"
    clock.publish(Clock(clock=Time(sec=101)))
    robot.wait(0.3)
    robot.send_command("the aged cup")
    assert "is 1.0 s old" in robot.answer("the aged cup")["reason"]
    assert robot.set("use_sim_time", False).successful
    assert_well()
