import pytest

pytest.importorskip("rclpy")

from ris_ros.errors import MissingError
from ris_ros.node.target_frame import TargetFrame


def test_a_target_frame_without_tf2_says_what_to_install():
    try:
        import tf2_ros  # noqa: F401
    except ImportError:
        with pytest.raises(MissingError, match="tf2-ros-py"):
            TargetFrame(None, "base_link")
    else:
        pytest.skip("tf2_ros is here")
