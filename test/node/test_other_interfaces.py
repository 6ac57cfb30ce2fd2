"""The node with an interface package of another version, or with none."""

from __future__ import annotations

import sys

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("ris_interfaces.action", reason="ris_interfaces is not built")

from ris_interfaces.msg import Target

BRIGHT_LEFT = np.zeros((48, 64, 3), np.uint8)
BRIGHT_LEFT[10:30, 4:24] = 255


@pytest.fixture(scope="module", params=["another version", "none"])
def node(request, local_node):
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "none":
            patch.setitem(sys.modules, "ris_interfaces", None)
        else:
            fields = Target.get_fields_and_field_types()
            del fields["grasp"]
            patch.setattr(Target, "get_fields_and_field_types", lambda: fields)
        node = local_node()
        node.version = request.param
        yield node
        node.close()


def test_the_node_answers_commands_and_warns_once_of_another_version(robot, node):
    robot.send_image(BRIGHT_LEFT)
    robot.send_command("the bright thing")
    assert robot.answer("the bright thing")["found"]
    warnings = [line for line in node.node.warnings.current() if "ris_interfaces" in line]
    if node.version == "none":
        assert not warnings
    else:
        [warning] = warnings
        assert "no ~/find, ~/answer and ~/parse" in warning and "Target.grasp" in warning
    topics = {name for name, _ in robot.node.get_topic_names_and_types()}
    services = {name for name, _ in robot.node.get_service_names_and_types()}
    assert "/ris/result" in topics and "/ris/answer" not in topics
    assert "/ris/segment" in services and "/ris/parse" not in services
