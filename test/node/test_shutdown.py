"""SIGINT and SIGTERM at any time: both executables end soon, with status 0 and without a traceback."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("rclpy")

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.action import ActionClient
from ros_fixtures import LEFT_SHARED_MEMORY

pytestmark = pytest.mark.slow

SIGNALS = [signal.SIGINT, signal.SIGTERM]
EXECUTABLES = {"node": "ris_ros.node.main", "camera": "ris_ros.tools.camera"}
UNCLEAN = re.compile("Traceback|ERROR|Error|terminate|Exception ignored|race condition")


def assert_clean(status, text):
    text = "\n".join(line for line in text.splitlines() if LEFT_SHARED_MEMORY not in line)
    assert status == 0, text
    assert not UNCLEAN.search(text), text


@pytest.mark.parametrize("sign", SIGNALS)
@pytest.mark.parametrize(("executable", "module"), [
    ("node", "ris_ros.node.signals"), ("node", "rclpy.node"), ("node", "std_msgs"), ("node", "ris_ros.messages"),
    ("camera", "ris_ros.node.signals"), ("camera", "numpy"), ("camera", "rclpy.node"), ("camera", "ris_ros.sim.scene")])
def test_a_signal_during_the_imports(executable, module, sign):
    """Python tells, on its standard error, when it has imported a module."""
    with subprocess.Popen([sys.executable, "-X", "importtime", "-m", EXECUTABLES[executable]], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.split("|")[-1].strip() == module:
                if module == "ris_ros.node.signals":
                    time.sleep(0.02)  # For the call that follows the import.
                process.send_signal(sign)
                break
        else:
            raise AssertionError(f"{module} is not imported")
        lines += process.stderr
        text = process.stdout.read() + "".join(line for line in lines if not line.startswith("import time:"))
    assert_clean(process.returncode, text)


@pytest.mark.parametrize("sign", SIGNALS)
@pytest.mark.parametrize("autostart", [True, False])
def test_a_signal_while_models_load(start_node, make_robot, autostart, sign):
    node = start_node({"autostart": autostart})
    if not autostart:
        robot = make_robot()
        client = robot.node.create_client(ChangeState, "ris/change_state")
        assert client.wait_for_service(60)
        # The node has discovered this client when it answers one that is younger.
        assert robot.state() == "unconfigured"
        client.call_async(ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE)))
    node.log("loading mobilesam proposals, bundled features .*device cpu")
    status = node.end(sign)
    assert_clean(status, node.text)
    assert "configured" not in node.text.replace("unconfigured", "")


@pytest.mark.parametrize("second", SIGNALS)
@pytest.mark.parametrize("first", SIGNALS)
def test_many_signals(start_node, first, second):
    node = start_node({"autostart": False})
    node.log("waiting for lifecycle transitions")
    sign = first
    while node.process.poll() is None:
        node.process.send_signal(sign)
        sign = second
        time.sleep(0.005)
    assert_clean(node.end(second), node.text)


@pytest.mark.parametrize("delay", [0.0, 0.4])
def test_a_signal_while_an_object_is_tracked(start_node, make_robot, photograph, delay):
    node = start_node({"mode": "continuous", "follow": True})
    node.log("active: ")
    robot = make_robot()
    robot.connect()
    robot.send_command("the cup of coffee")
    # Views that move let the tracker verify the object again and again.
    for count in range(10_000):
        robot.send_image(np.roll(photograph, count % 20, axis=1), (1 + count, 0))
        time.sleep(0.05)
        if sum(result["following"] == "tracking" for result in robot.results()) > 5:
            break
    time.sleep(delay)
    assert_clean(node.end(), node.text)


def test_a_signal_while_goals_and_commands_wait(start_node, make_robot, wait_for):
    find = pytest.importorskip("ris_interfaces.action").Find
    node = start_node()
    node.log("active: ")
    robot = make_robot()
    robot.connect()
    client = ActionClient(robot.node, find, "ris/find")
    assert client.wait_for_server(60)
    goals = [client.send_goal_async(find.Goal(text=f"the cup {number}", wait=True)) for number in range(3)]
    wait_for(lambda: all(goal.done() for goal in goals), what="the goals' acceptance")
    for _ in range(5):
        robot.send_command("the cup")
    node.log('command: "the cup"')
    assert_clean(node.end(), node.text)
