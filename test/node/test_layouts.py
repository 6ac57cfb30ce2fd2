"""The layouts for RViz and Foxglove show what the running node publishes, under its default names."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

CONFIG = Path(__file__).parents[2] / "config"
RVIZ_TYPES = {"Image": "sensor_msgs/msg/Image", "PointCloud2": "sensor_msgs/msg/PointCloud2",
              "MarkerArray": "visualization_msgs/msg/MarkerArray", "Pose": "geometry_msgs/msg/PoseStamped"}
"""Message types of the displays."""
FOXGLOVE_3D = {*RVIZ_TYPES.values(), "sensor_msgs/msg/CameraInfo"}
"""Message types that the 3D panel draws, of those that the node has to do with."""
HAS_INTERFACES = find_spec("ris_interfaces") is not None and find_spec("ris_interfaces").origin is not None


def rviz_displays():
    """Return the message type by the topic of each display."""
    displays = yaml.safe_load((CONFIG / "ris.rviz").read_text())["Visualization Manager"]["Displays"]
    return {one["Topic"]["Value"]: RVIZ_TYPES[one["Class"].removeprefix("rviz_default_plugins/")] for one in displays}


def panels(kind):
    """Return the configurations of the Foxglove panels of a kind."""
    by_id = json.loads((CONFIG / "ris.foxglove.json").read_text())["configById"]
    return [config for name, config in by_id.items() if name.startswith(f"{kind}!")]


def test_every_foxglove_panel_has_a_place():
    def places(node):
        return {node} if isinstance(node, str) else places(node["first"]) | places(node["second"])

    layout = json.loads((CONFIG / "ris.foxglove.json").read_text())
    assert places(layout["layout"]) == set(layout["configById"])


@pytest.fixture(scope="module")
def types(local_node, wait_for):
    """The message type by the topic of everything that the node publishes or subscribes to."""
    local = local_node()
    wait_for(lambda: local.node.snapshot().state == "active", 30, "activation")

    def found():
        return {topic: one for read in (local.node.get_publisher_names_and_types_by_node,
                                        local.node.get_subscriber_names_and_types_by_node)
                for topic, [one, *_] in read("ris", "/")}

    wait_for(lambda: {"/image", "/ris/result", "/diagnostics"} <= set(found()), 60, "the graph of ROS")
    yield found()
    local.close()


def test_rviz_shows_topics_of_their_type(types):
    displays = rviz_displays()
    assert {"/image", "/ris/overlay", "/ris/mask", "/ris/points"} <= set(displays)
    assert {topic: types.get(topic) for topic in displays} == displays


def test_foxglove_shows_topics_that_its_panels_can_draw(types):
    assert all(types[panel["imageMode"]["imageTopic"]] == "sensor_msgs/msg/Image" for panel in panels("Image"))
    assert all(types[topic] in FOXGLOVE_3D for panel in panels("3D") for topic in panel["topics"])
    [result] = panels("RawMessages")
    assert (types["/ris/result"], result["topicPath"]) == ("std_msgs/msg/String", "/ris/result.data")
    [health] = panels("DiagnosticSummary")
    assert types[health["topicToRender"]] == "diagnostic_msgs/msg/DiagnosticArray"


def test_foxglove_sends_commands_as_the_node_takes_them(types):
    [panel] = panels("Publish")
    assert types[panel["topicName"]] == panel["datatype"] == "std_msgs/msg/String"
    assert set(json.loads(panel["value"])) == {"data"}


@pytest.mark.skipif(not HAS_INTERFACES, reason="the node publishes ~/answer where ris_interfaces is built")
def test_foxglove_plots_fields_of_the_answer(types):
    from ris_interfaces.msg import Answer

    assert types["/ris/answer"] == "ris_interfaces/msg/Answer"
    paths = [path["value"] for panel in panels("Plot") for path in panel["paths"]]
    assert paths
    for path in paths:
        topic, field = path.split(".")
        assert topic == "/ris/answer" and field in Answer.get_fields_and_field_types()
