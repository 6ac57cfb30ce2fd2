"""Parameters: every one set to values of every type, broken requests, and configuration files of every kind."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("rclpy")

from builtin_interfaces.msg import Time
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters, SetParametersAtomically
from ros_fixtures import is_plain_line
from rosgraph_msgs.msg import Clock

from ris_ros.cli.common import load_config
from ris_ros.config import MAX_FILE_BYTES, Config, iter_settings
from ris_ros.errors import InputError

KINDS = [name for name in vars(ParameterType) if name.startswith("PARAMETER_")]
NAMES = [setting.name for setting in iter_settings(Config())]
VALUES = {
    "BOOL": [True, False], "INTEGER": [2, 0, -1, 2**63 - 1, -2**63],
    "DOUBLE": [0.5, float("nan"), float("inf"), -1e308],
    "STRING": ["", "x", "\x1b[2J\n[FATAL] forged", "杯", "a" * 10_000],
    "BYTE_ARRAY": [[], [b"a"]], "BOOL_ARRAY": [[], [True]],
    "INTEGER_ARRAY": [[], [1, 2]], "DOUBLE_ARRAY": [[], [0.5, float("nan")]],
    "STRING_ARRAY": [[], ["a"], ["a", "a"], ["a/b", "\n"], [""] * 1000], "NOT_SET": [None]}


def parameter(name, kind, value):
    message = Parameter(name=name, value=ParameterValue(type=getattr(ParameterType, f"PARAMETER_{kind}")))
    if value is not None:
        setattr(message.value, f"{kind.lower()}_value", value)
    return message


def all_parameters(robot):
    names = sorted(robot.call(ListParameters, "ris/list_parameters").result.names)
    return dict(zip(names, robot.call(GetParameters, "ris/get_parameters", names=names).values, strict=True))


@pytest.fixture
def unchanged(robot):
    """Restore the parameters after a test."""
    before = all_parameters(robot)
    yield
    changes = [Parameter(name=name, value=value) for name, value in before.items()]
    assert all(one.successful or "read-only" in one.reason
               for one in robot.call(SetParameters, "ris/set_parameters", parameters=changes).results)
    assert all_parameters(robot) == before


def test_every_kind_of_value_is_tried():
    assert {f"PARAMETER_{kind}" for kind in VALUES} == set(KINDS)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("kind", VALUES)
def test_a_value_of_any_type_is_taken_or_refused_with_a_reason(robot, node, assert_well, kind):
    """For every parameter that the node has, its own and those of ROS, while it is active."""
    before = all_parameters(robot)
    for value in VALUES[kind]:
        changes = [parameter(name, kind, value) for name in before]
        results = robot.call(SetParameters, "ris/set_parameters", parameters=changes).results
        for name, result in zip(before, results, strict=True):
            assert result.successful or is_plain_line(result.reason), (name, kind, value)
    after = all_parameters(robot)
    assert after.keys() == before.keys(), "no parameter may vanish"
    assert Config.from_dict({name: node.node.get_parameter(name).value for name in NAMES})
    robot.set("use_sim_time", False)
    robot.set("image_transport", "raw")
    robot.set("mode", "on_command")
    robot.set("image_reliability", "auto")
    robot.set("max_image_pixels", Config().max_image_pixels)
    robot.wait(0.5)
    robot.connect()
    assert_well()


@pytest.mark.parametrize("kind", [kind for kind in VALUES if kind not in ("STRING_ARRAY", "NOT_SET")])
def test_the_names_of_the_cameras_are_never_of_another_type(robot, assert_well, kind):
    for value in VALUES[kind]:
        changes = [parameter("cameras", kind, value)]
        [result] = robot.call(SetParameters, "ris/set_parameters", parameters=changes).results
        assert not result.successful or value == [], value
    assert_well()


def test_requests_that_are_broken_are_ignored(robot, assert_well):
    """Some end in rclpy's own callbacks, which then do not respond."""
    broken = [Parameter(name="mode", value=ParameterValue(type=42)), Parameter(name="", value=ParameterValue(type=4)),
              Parameter(name="no.such\n", value=ParameterValue(type=1)), Parameter(name="\x1b" * 1000)]
    clients, services = [], {"set_parameters": SetParameters, "set_parameters_atomically": SetParametersAtomically}
    for name, service_type in services.items():
        client = robot.node.create_client(service_type, f"ris/{name}")
        clients.append(client)
        assert client.wait_for_service(10)
        for one in broken:
            client.call_async(service_type.Request(parameters=[one, parameter("max_rate", "DOUBLE", 1.0)]))
            client.call_async(service_type.Request(parameters=[one] * 1000))
    for service_type, name in ((GetParameters, "get_parameters"), (DescribeParameters, "describe_parameters")):
        robot.call(service_type, f"ris/{name}", names=["mode", "\n", "", "x" * 100_000])
    robot.log("a message or request was ignored: ValueError: 42")
    for transition in (Transition(id=0), Transition(id=255), Transition(label="\x1b[2J"), Transition(label="configure"),
                       Transition(id=1), Transition(label="x" * 100_000)):
        assert not robot.call(ChangeState, "ris/change_state", transition=transition).success
    robot.set("max_rate", 0.0)
    for client in clients:
        robot.node.destroy_client(client)
    assert all(map(is_plain_line, robot.logs))
    assert_well()


def test_a_clock_of_impossible_times_is_ignored(robot, assert_well):
    assert robot.set("use_sim_time", True).successful
    clock = robot.publisher(Clock, "/clock", "best_effort")
    for sec, nanosec in ((-1, 0), (-2**31, 2**32 - 1), (2**31 - 1, 2**32 - 1), (0, 0), (5, 0)):
        clock.publish(Clock(clock=Time(sec=sec, nanosec=nanosec)))
        robot.wait(0.1)
        assert_well()
    assert robot.set("use_sim_time", False).successful
    assert_well()


ALIASES = "a: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("bcdefghi", "cdefghij", strict=True))
FILES = {
    "an alias bomb": ALIASES + "cameras: *j", "a merge bomb": "a: &a {x: 1}\nb: {<<: [*a, *a]}",
    "a reference to itself": "mode: &a [*a]", "a mapping within itself": "proposals: &a {x: *a}",
    "deep lists": "mode: " + "[" * 20_000, "deep lists that end": "mode: " + "[" * 3000 + "]" * 3000,
    "deep mappings": "{a: " * 20_000, "an open list": "mode: [", "a tab": "a:\n\t- b", "only text": "mode",
    "a list": "- mode", "a tag": "!!python/object/apply:os.system [true]", "a tag that does not fit": "mode: !!int ''",
    "a timestamp that does not fit": "mode: !!timestamp x", "a flag that does not fit": "mode: !!bool x",
    "a date that does not exist": "mode: 2024-99-99", "a number of 5000 digits": f"max_rate: {'9' * 5000}",
    "a hexadecimal number of 5000 digits": f"max_rate: 0x{'f' * 5000}",
    "a hexadecimal list": f"cameras: [0x{'f' * 5000}]", "a hexadecimal name": f"0x{'f' * 5000}: 1",
    "a name that is a list": "? [a, b]\n: 1", "a name that is a number": "5: 6", "a name that is null": "~: 1",
    "NUL": "mode: \0", "half an emoji": 'mode: "\\ud83c"', "ESC in a name": '"\\e[2J": 1',
    "a forged line": '"x\\n[FATAL] [ris]: forged": 1', "a section that is a number": "proposals: 5",
    "a setting that is a section": "mode: {a: 1}", "ROS parameters that are a number": "/**: {ros__parameters: 5}",
    "infinity": "max_rate: .inf", "NaN": "max_rate: .nan", "cameras as a number": "cameras: 5",
    "cameras as a flag": "cameras: false", "cameras as zero": "cameras: 0",
    "cameras as an empty text": "cameras: ''",
    "cameras of lists": "cameras: [[a], [a]]", "cameras of mappings": "cameras: {a: b}",
    "two documents": "a: 1\n---\nb: 2", "not UTF-8": b"mode: \xff\xfe", "UTF-16": "mode: on_command".encode("utf-16"),
    "too large": b"#" * (MAX_FILE_BYTES + 1)}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_a_file_that_is_no_configuration_is_refused_in_one_line(tmp_path, content):
    file = tmp_path / "ris.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as caught:
        Config.from_yaml(file)
    assert is_plain_line(str(caught.value))
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize("path", ["/nowhere", "/", "\0", "x" * 10_000, "/dev/zero"])
def test_a_path_that_is_no_file_is_refused_in_one_line(path):
    with pytest.raises(InputError) as caught:
        Config.from_yaml(path)
    assert is_plain_line(str(caught.value))


YAML_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates() | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from([*NAMES, "proposals", "matching", "", "\n"]), YAML_VALUES, max_size=3))
def test_any_values_make_a_configuration_or_an_error_of_one_line(values):
    try:
        config = Config.from_dict(values)
    except InputError as error:
        assert is_plain_line(str(error))
    else:
        assert Config.from_dict(config.to_dict()) == config


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(NAMES), st.text(max_size=20) | st.text(st.sampled_from("[]{}&*!|>:-#'\"\\0x, \n\t"), max_size=9))
def test_any_option_makes_a_configuration_or_an_error_of_one_line(name, value):
    try:
        load_config(None, [f"{name}={value}"])
    except InputError as error:
        assert is_plain_line(str(error))


@pytest.mark.parametrize("setting", ["cameras=5", "mode=[", "mode", "=", "mode=*a", "mode=&a [*a]", "cameras=[[]]",
                                     f"frames_kept=0x{'f' * 5000}", "proposals=5", "a\x1b[2J=5"])
def test_an_option_that_is_no_setting_is_refused_in_one_line(setting):
    with pytest.raises(InputError) as caught:
        load_config(None, [setting])
    assert is_plain_line(str(caught.value))


@pytest.mark.parametrize("content", [
    "/**: {ros__parameters: {mode: [}}", "/**:\n  ros__parameters: &a\n    mode: *a\n",
    "/**: {ros__parameters: {cameras: [1, a]}}",
    b"/**: {ros__parameters: {mode: \"\xff\xfe\"}}", None])
def test_ris_node_refuses_a_parameter_file_in_one_line(tmp_path, content):
    file = tmp_path / "ris.yaml"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    run = subprocess.run([sys.executable, "-m", "ris_ros.node.main", "--ros-args", "--params-file", str(file)],
                         capture_output=True, text=True, timeout=100, check=False, env=os.environ)
    assert run.returncode == 2
    assert "Traceback" not in run.stderr
    [line] = [line for line in run.stderr.splitlines() if line.startswith("ris_node: ")]
    assert "ris.yaml" in line
