"""Objects in the frame of the robot's base, by tf2, and what is said where tf2 is missing."""

import numpy as np
import pytest

pytest.importorskip("rclpy")

from geometry_msgs.msg import PoseStamped, TransformStamped
from rclpy.qos import DurabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from ris_ros.errors import InputError, MissingError
from ris_ros.node.target_frame import TargetFrame

BRIGHT_MIDDLE = np.zeros((48, 64, 3), np.uint8)
BRIGHT_MIDDLE[16:32, 24:40] = 255


def test_a_target_frame_without_tf2_says_what_to_install():
    try:
        import tf2_ros  # noqa: F401
    except ImportError:
        with pytest.raises(MissingError, match="tf2-ros-py"):
            TargetFrame(None, "base_link")
    else:
        pytest.skip("tf2_ros is here")


@pytest.fixture(scope="module")
def node(local_node):
    pytest.importorskip("tf2_ros")
    return local_node(parameters={"target_frame": "base_link"})


def down_looking_camera():
    """Return the transform of a camera 2 m above the base that looks down, its x axis along the base's."""
    transform = TransformStamped(header=Header(frame_id="base_link"), child_frame_id="camera_optical")
    transform.transform.translation.x, transform.transform.translation.z = 0.5, 2.0
    transform.transform.rotation.x, transform.transform.rotation.w = 1.0, 0.0
    return transform


def test_a_pose_is_in_the_target_frame_once_its_transform_is_known(robot, node, wait_for):
    robot.listen("pose", PoseStamped)
    depth, info = robot.publisher(Image, "depth"), robot.publisher(CameraInfo, "camera_info")
    camera = {"header": Header(frame_id="camera_optical")}
    camera["header"].stamp.sec = 1
    metres = np.where(BRIGHT_MIDDLE[..., 0] > 0, 1.5, 2).astype(np.float32)
    depth_message = Image(**camera, height=48, width=64, encoding="32FC1", step=256)
    depth_message.data.frombytes(metres.tobytes())
    info_message = CameraInfo(**camera, height=48, width=64, k=[100.0, 0, 32, 0, 100, 24, 0, 0, 1],
                              distortion_model="plumb_bob", d=[0.0] * 5)

    def ask(text):
        info.publish(info_message)
        depth.publish(depth_message)
        robot.send_image(BRIGHT_MIDDLE)
        robot.send_command(text)
        assert robot.answer(text)["found"]

    ask("the bright thing")
    robot.log("no transform from 'camera_optical' to target_frame 'base_link'")
    latched = {"durability": DurabilityPolicy.TRANSIENT_LOCAL}
    robot.publisher(type(tf_message()), "/tf_static", **latched).publish(tf_message(down_looking_camera()))
    target = node.node._target
    header = Header(frame_id="camera_optical")
    wait_for(lambda: is_known(target, header), what="the transform")
    pose = target.pose(header)
    # Up, in the camera's frame, is against its viewing direction.
    np.testing.assert_allclose(pose[2, :3], [0, 0, -1], atol=1e-9)
    np.testing.assert_allclose(pose[:3, 3], [0.5, 0, 2], atol=1e-9)
    robot.clear()
    ask("the bright object")
    [message] = wait_for(lambda: robot.received["pose"], what="the pose")
    assert (message.header.frame_id, message.header.stamp.sec) == ("base_link", 1)
    # The middle of an object that stands on the ground, 2 m below the camera, with its top 1.5 m below it.
    position = message.pose.position
    np.testing.assert_allclose([position.x, position.y, position.z], [0.5, 0, 0.25], atol=0.03)


def tf_message(*transforms):
    from tf2_msgs.msg import TFMessage

    return TFMessage(transforms=list(transforms))


def is_known(target, header):
    try:
        return target.pose(header) is not None
    except InputError:
        return False
