"""The launch files: which arguments they declare, and what they start. test_package.py starts them for real."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
import yaml

pytest.importorskip("launch_ros")

import ament_index_python.packages
from launch import LaunchContext
from launch.actions import DeclareLaunchArgument, ExecuteProcess, IncludeLaunchDescription, LogInfo, OpaqueFunction
from launch.utilities import perform_substitutions
from launch_ros.actions import LifecycleNode, Node

from ris_ros.config import Config, iter_settings

ROOT = Path(__file__).resolve().parents[1]
PRESETS = sorted((ROOT / "config" / "cameras").glob("*.yaml"))


@pytest.fixture(autouse=True)
def share(monkeypatch):
    """The repository has the layout of the share folder."""
    monkeypatch.setattr(ament_index_python.packages, "get_package_share_directory", lambda _: str(ROOT))


def description(name):
    return runpy.run_path(str(ROOT / "launch" / name))["generate_launch_description"]()


def arguments(name):
    return {argument.name: argument for argument in description(name).get_launch_arguments()}


def started(name, **values):
    """Return the actions of a launch file with some arguments, and their context."""
    context = LaunchContext()
    context.launch_configurations.update(values)
    actions = []
    for entity in description(name).entities:
        if isinstance(entity, DeclareLaunchArgument):
            entity.execute(context)
        elif isinstance(entity, OpaqueFunction):
            actions += entity.execute(context)
        else:
            actions.append(entity)
    return actions, context


def node_of(actions, context):
    [node] = [action for action in actions if isinstance(action, LifecycleNode)]
    node._perform_substitutions(context)
    return node


def parameters(node):
    """Return the node's parameters from files and overrides; later ones win."""
    values = {}
    for argument, is_file in node._Node__expanded_parameter_arguments:
        if is_file:
            for of_node in yaml.safe_load(Path(argument).read_text()).values():
                values |= of_node["ros__parameters"]
        else:
            values[argument.name] = argument.evaluate(LaunchContext())[1]
    return values


@pytest.mark.parametrize("name", ["ris.launch.py", "demo.launch.py", "bag.launch.py"])
def test_every_argument_has_a_description(name):
    found = arguments(name)
    assert found
    assert all(len(argument.description) > 5 for argument in found.values())
    required = {argument.name for argument in found.values() if not argument.default_value}
    assert required == ({"bag", "text"} if name == "bag.launch.py" else set())


def test_arguments_belong_to_existing_parameters():
    module = runpy.run_path(str(ROOT / "launch" / "ris.launch.py"))
    known = {setting.name: setting for setting in iter_settings(Config())}
    for parameter, value_type, _ in module["PARAMETERS"].values():
        assert known[parameter].type is value_type


def test_nothing_is_remapped_or_overridden_by_default():
    node = node_of(*started("ris.launch.py"))
    assert not node.expanded_remapping_rules
    given = parameters(node)
    assert given["use_sim_time"] is False
    assert given["autostart"] is True, "as in a file that `ros2 param dump` writes, which starts the same node"
    assert given["device"] == Config().device


@pytest.mark.parametrize("preset", PRESETS, ids=lambda file: file.stem)
def test_the_topics_of_a_known_camera_are_used(preset):
    topics = yaml.safe_load(preset.read_text())
    node = node_of(*started("ris.launch.py", camera=preset.stem))
    assert dict(node.expanded_remapping_rules) == topics
    assert all(topic.startswith("/") for topic in topics.values())


def test_a_topic_overrides_the_cameras_and_a_file_may_be_the_camera(tmp_path):
    (tmp_path / "mine.yaml").write_text("image: /mine/image\ndepth: /mine/depth\n")
    node = node_of(*started("ris.launch.py", camera=str(tmp_path / "mine.yaml"), image="/other", command="/say"))
    assert dict(node.expanded_remapping_rules) == {"image": "/other", "depth": "/mine/depth", "command": "/say"}


def test_an_unknown_camera_is_refused_and_the_known_ones_listed():
    with pytest.raises(RuntimeError, match="realsense"):
        started("ris.launch.py", camera="kinekt")


def test_arguments_become_parameters():
    node = node_of(*started("ris.launch.py", model="ViT-B-16/openai", mode="continuous", follow="true",
                            target_frame="base_link", use_sim_time="true"))
    given = parameters(node)
    assert given["mode"] == "continuous" and given["encoder.model"] == "ViT-B-16/openai"
    assert given["follow"] is True and given["target_frame"] == "base_link"


@pytest.mark.parametrize(("namespace", "pushed", "logger"), [
    ("", "", "ris"), ("arm", "", "arm.ris"), ("/a/b", "", "a.b.ris"), ("arm", "/robot", "robot.arm.ris"),
    ("/arm", "/robot", "arm.ris")])
def test_the_log_level_is_that_of_the_node_alone(namespace, pushed, logger):
    actions, context = started("ris.launch.py", namespace=namespace, log_level="debug", ros_namespace=pushed)
    [node] = [action for action in actions if isinstance(action, LifecycleNode)]
    # The words after those of `arguments` can only be evaluated when the node is started.
    words = iter(node.cmd)
    assert any(perform_substitutions(context, word) == "--log-level" for word in words)
    assert perform_substitutions(context, next(words)) == f"{logger}:=debug"


def test_rviz_is_started_on_request_and_told_of_where_it_is_missing(monkeypatch):
    def find(name):
        raise ament_index_python.packages.PackageNotFoundError(name)

    def rviz(**values):
        actions, context = started("ris.launch.py", **values)
        [action] = [action for action in actions if not isinstance(action, LifecycleNode)
                    and (action.condition is None or action.condition.evaluate(context))] or [None]
        return action

    monkeypatch.setattr(ament_index_python.packages, "get_package_prefix", lambda name: "/opt/ros")
    assert rviz() is None
    action = rviz(rviz="true", image="/cam/image", namespace="arm")
    action._perform_substitutions(LaunchContext())
    remappings = dict(action.expanded_remapping_rules)
    assert (remappings["/image"], remappings["/ris/mask"]) == ("/cam/image", "ris/mask")
    monkeypatch.setattr(ament_index_python.packages, "get_package_prefix", find)
    assert isinstance(rviz(rviz="true"), LogInfo)


@pytest.mark.parametrize(("values", "topics"), [
    ({}, {"/image", "/camera_info", "/command", "/ris/overlay", "/ris/answer.confidence"}),
    ({"image": "/cam/image_raw", "namespace": "arm", "ros_namespace": "/robot"},
     {"/cam/image_raw", "/cam/camera_info", "/robot/arm/command", "/robot/arm/ris/overlay",
      "/robot/arm/ris/answer.confidence"}),
    ({"image": "left/image", "namespace": "/arm", "command": "/say", "image_transport": "compressed"},
     {"/arm/left/image/compressed", "/arm/left/camera_info", "/say", "/arm/ris/overlay"})])
def test_a_foxglove_layout_of_the_nodes_topics_is_written(tmp_path, values, topics):
    file = tmp_path / "ris.json"
    actions, _ = started("ris.launch.py", foxglove_layout=str(file), **values)
    assert isinstance(actions[0], LogInfo)
    written, original = json.loads(file.read_text()), json.loads((ROOT / "config/ris.foxglove.json").read_text())
    text = json.dumps(written)
    assert all(f'"{topic}"' in text for topic in topics)
    assert written["layout"] == original["layout"]
    assert written["configById"]["DiagnosticSummary!health"]["topicToRender"] == "/diagnostics"
    if not values:
        assert written == original
    elif values["namespace"]:
        assert '"/ris/' not in text and '"/image"' not in text and '"/command"' not in text


def test_a_foxglove_layout_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(RuntimeError, match=r"foxglove_layout:=.* cannot be written"):
        started("ris.launch.py", foxglove_layout=str(tmp_path / "no" / "ris.json"))


def test_the_demo_starts_camera_node_and_rviz():
    actions, _ = started("demo.launch.py")
    assert [action.node_executable for action in actions if isinstance(action, Node)] == ["ris_camera"]
    [included] = [action for action in actions if isinstance(action, IncludeLaunchDescription)]
    assert {name for name, _ in included.launch_arguments} <= set(arguments("ris.launch.py")) & set(
        arguments("demo.launch.py"))


def test_a_bag_is_played_after_the_command_and_recorded(tmp_path):
    bag = tmp_path / "kitchen.mcap"
    bag.touch()
    actions, context = started("bag.launch.py", bag=str(bag), text="the dog's bowl")
    record, send = ([perform_substitutions(context, part) for part in action.cmd]
                   for action in actions if isinstance(action, ExecuteProcess))
    assert record[:5] == ["ros2", "bag", "record", "-o", str(tmp_path / "kitchen_ris")]
    assert yaml.safe_load(send[-1]) == {"data": "the dog's bowl"}
    [included] = [action for action in actions if isinstance(action, IncludeLaunchDescription)]
    passed = dict(included.launch_arguments)
    assert set(passed) <= set(arguments("ris.launch.py"))
    assert (passed["mode"], passed["use_sim_time"]) == ("continuous", "true")


def test_a_missing_bag_or_an_existing_output_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match="not there"):
        started("bag.launch.py", bag=str(tmp_path / "none"), text="x")
    (tmp_path / "a_ris").mkdir()
    (tmp_path / "a").mkdir()
    with pytest.raises(RuntimeError, match="output:="):
        started("bag.launch.py", bag=str(tmp_path / "a"), text="x")


@pytest.mark.parametrize("wrong", [{"bag": "/none"}, {"rate": "fast"}, {"rate": "0"}, {"wait": "-1"}, {"wait": "nan"}])
def test_what_is_wrong_is_told_before_the_node_starts(tmp_path, wrong):
    context = LaunchContext()
    context.launch_configurations.update({"bag": str(tmp_path), "text": "x", "output": str(tmp_path / "out"), **wrong})
    with pytest.raises(RuntimeError, match=f"{next(iter(wrong.values()))} is not"):
        for entity in description("bag.launch.py").entities:
            assert not isinstance(entity, IncludeLaunchDescription), "the node would have started"
            entity.execute(context)
