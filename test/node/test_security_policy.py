"""The SROS 2 policy holds what the running node publishes, subscribes to and serves, and nothing else."""

import time
import xml.etree.ElementTree as ElementTree
from importlib.util import find_spec
from pathlib import Path

import pytest

POLICY = Path(__file__).parents[2] / "config" / "sros2" / "ris.policy.xml"
CONFIGURATIONS = (
    ({}, "/image"),
    ({"image_transport": "compressed", "depth_transport": "compressedDepth", "use_sim_time": True},
     "/image/compressed"))
"""Parameters, and a topic that the node uses with them."""
SECONDS_WITHOUT_NEWS = 5.0
"""After so many seconds without a new topic or service, the graph of ROS is complete."""
MAX_SECONDS = 60.0
"""Wait so many seconds at most for the first topics."""
HAS_INTERFACES = find_spec("ris_interfaces") is not None and find_spec("ris_interfaces").origin is not None
NEEDS_OTHER_PACKAGES = {"publish": {"/ris/box", "/ris/box_3d"}, "subscribe": {"/tf", "/tf_static"}, "reply": set()}
if not HAS_INTERFACES:
    NEEDS_OTHER_PACKAGES["publish"].add("/ris/answer")
    NEEDS_OTHER_PACKAGES["reply"].add("/ris/parse")
"""Topics and services that the node has where vision_msgs, tf2_ros and ris_interfaces are installed."""

def allowed():
    """Return the names that the policy allows, by what is allowed."""
    profile = ElementTree.parse(POLICY).getroot().find("enclaves/enclave[@path='/ris']/profiles/profile")
    assert profile.attrib == {"ns": "/", "node": "ris"}
    names = {kind: {name.text for group in profile if group.get(kind) == "ALLOW" for name in group}
             for kind in ("publish", "subscribe", "reply", "execute")}
    for action in names.pop("execute") if HAS_INTERFACES else ():
        names["publish"] |= {f"{action}/_action/{part}" for part in ("feedback", "status")}
        names["reply"] |= {f"{action}/_action/{part}" for part in ("send_goal", "cancel_goal", "get_result")}
    return names


def names_of(node, topic):
    """Return the names that a node uses, by how it uses them, from the graph of ROS, once it uses `topic`."""
    names = {kind: set() for kind in ("publish", "subscribe", "reply")}
    # DDS tells the node of its own topics, as of all others, after a while.
    quiet_since, known = time.monotonic(), set()
    while time.monotonic() < quiet_since + (SECONDS_WITHOUT_NEWS if topic in known else MAX_SECONDS):
        for kind, read in (("publish", node.get_publisher_names_and_types_by_node),
                           ("subscribe", node.get_subscriber_names_and_types_by_node),
                           ("reply", node.get_service_names_and_types_by_node)):
            names[kind] |= {name for name, _ in read("ris", "/")}
        if known != (known := {name for group in names.values() for name in group}):
            quiet_since = time.monotonic()
        time.sleep(0.1)
    assert node.get_client_names_and_types_by_node("ris", "/") == []
    return names


@pytest.fixture(scope="module")
def used(local_node, wait_for):
    """The names that the node uses in any configuration, by how it uses them."""
    from ris_ros.tools.node_client import claim_ros_domain

    found = []
    for parameters, topic in CONFIGURATIONS:
        # The graph tells nodes of one name apart by nothing, and may still know of an earlier one.
        domain, claim = claim_ros_domain()
        with claim, pytest.MonkeyPatch.context() as patch:
            patch.setenv("ROS_DOMAIN_ID", str(domain))
            local = local_node(parameters=parameters)
            wait_for(lambda local=local: local.node.snapshot().state == "active", 30, "activation")
            found.append(names_of(local.node, topic))
            local.close()
    return {kind: set.union(*(names[kind] for names in found)) for kind in found[0]}


@pytest.mark.parametrize("kind", ["publish", "subscribe", "reply"])
def test_the_policy_allows_what_the_node_uses_and_nothing_else(used, kind):
    assert used[kind] <= allowed()[kind]
    assert allowed()[kind] - used[kind] <= NEEDS_OTHER_PACKAGES[kind]
