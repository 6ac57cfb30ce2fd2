"""The fixtures of ROS tests, for the tests of the node."""

from ros_fixtures import (  # noqa: F401
    _private_ros_domain,
    _robot,
    _wait_for,
    local_node,
    make_robot,
    node,
    photograph,
    robot,
    start_node,
)
