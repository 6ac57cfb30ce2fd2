"""Names of topics: whether the user has remapped one, and which ones may be those of the camera."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rclpy.node import Node

_TYPES = {"raw": "sensor_msgs/msg/Image", "compressed": "sensor_msgs/msg/CompressedImage"}
_NOT_COLOUR = ("depth", "disparity", "infra", "mask", "overlay", "candidates")
"""Words in the names of image topics that are no pictures of a colour camera, among them this package's own outputs."""


def is_remapped(node: Node, topic: str) -> bool:
    """Return whether a rule remaps a topic; one that maps it to its own name is found on the command line only."""
    expanded = node.resolve_topic_name(topic, only_expand=True)
    if node.resolve_topic_name(topic) != expanded:
        return True
    rules = (rule.partition(":=") for flag, rule in zip(sys.argv, sys.argv[1:], strict=False)
             if flag in ("-r", "--remap") and ":=" in rule)
    # A rule may be for one node, "ris:image:=/image", and one scheme, "rostopic://image:=/image".
    matches = (match.removeprefix(f"{node.get_name()}:").removeprefix("rostopic://") for match, _, _ in rules)
    return any(node.resolve_topic_name(match, only_expand=True) == expanded
               for match in matches if ":" not in match and not match.startswith("__"))


def suggest_image_topics(node: Node, name: str, transport: str) -> str:
    """Return in words what to remap, and which transport to choose, to receive the images of a camera that publishes.

    Parameters
    ----------
    node : sees the topics
    name : of the node's image topic, before remapping
    transport : raw or compressed, as asked for

    """
    topics: dict[str, list[str]] = {"raw": [], "compressed": []}
    for topic, types in node.get_topic_names_and_types():
        for kind, message_type in _TYPES.items():
            if message_type in types and _may_be_colour(topic) and _has_other_publishers(node, topic):
                topics[kind].append(topic)
    if topics[transport] and transport == "raw":
        return f"remap it to one of the image topics: {', '.join(topics['raw'])}"
    if topics[transport]:
        return f"remap it: {_rules(node, name, topics[transport], transport)}"
    [(other, found)] = [(kind, found) for kind, found in topics.items() if kind != transport]
    if not found:
        return "no camera publishes images"
    rules = _rules(node, name, found, other)
    return f"only {other} images are published: use image_transport:={other}" + (f" with {rules}" if rules else "")


def _rules(node: Node, name: str, topics: list[str], transport: str) -> str:
    """Return the remapping rules of which each gives the node one of some topics; empty if it has it without."""
    rules = []
    for topic in topics:
        base = topic.removesuffix("/compressed")
        if node.resolve_topic_name(name) == base:
            return ""
        # A compressed topic that does not follow image_transport's names has to be named itself.
        is_odd = transport == "compressed" and base == topic
        rules.append(f"{name}/compressed:={topic}" if is_odd else f"{name}:={base}")
    return " or ".join(rules)


def _may_be_colour(topic: str) -> bool:
    """Return whether the end of a topic's name is not one of other images: /depth_cam/rgb/image_raw is in colour."""
    if topic.endswith("/compressedDepth"):
        return False
    end = "/".join(topic.removesuffix("/compressed").split("/")[-2:]).lower()
    return not any(word in end for word in _NOT_COLOUR)


def _has_other_publishers(node: Node, topic: str) -> bool:
    return any((info.node_name, info.node_namespace) != (node.get_name(), node.get_namespace())
               for info in node.get_publishers_info_by_topic(topic))
