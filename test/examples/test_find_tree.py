"""The tree of BehaviorTree.CPP, as far as it can be read without it."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

FILE = Path(__file__).resolve().parents[2] / "examples" / "find_tree.xml"


@pytest.fixture(scope="module")
def root():
    return ElementTree.parse(FILE).getroot()


def test_the_tree_is_of_version_4_and_there(root):
    assert root.tag == "root" and root.get("BTCPP_format") == "4"
    assert root.get("main_tree_to_execute") in {tree.get("ID") for tree in root.iter("BehaviorTree")}


def test_the_ports_are_the_fields_of_the_goal(root):
    action = pytest.importorskip("ris_interfaces.action")
    model = root.find("TreeNodesModel/Action[@ID='FindObject']")
    inputs = {port.get("name") for port in model.iter("input_port")}
    outputs = {port.get("name") for port in model.iter("output_port")}
    assert inputs - {"action_name"} == set(action.Find.Goal.get_fields_and_field_types())
    for node in root.find("BehaviorTree").iter("FindObject"):
        assert node.keys() and set(node.keys()) <= inputs | outputs


def test_the_cpp_node_has_the_ports_of_the_model_and_fills_the_goal(root):
    model = root.find("TreeNodesModel/Action[@ID='FindObject']")
    code = FILE.read_text(encoding="utf-8").partition("-->")[0]
    for direction, tag in (("Input", "input_port"), ("Output", "output_port")):
        ports = {(port.get("type"), port.get("name")) for port in model.iter(tag)} - {("std::string", "action_name")}
        assert set(re.findall(rf'BT::{direction}Port<([\w:]+)>\("(\w+)"', code)) == ports
    for port in model.iter("input_port"):
        assert port.get("name") == "action_name" or f'goal.{port.get("name")}' in code
