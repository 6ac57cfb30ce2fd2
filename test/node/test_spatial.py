import numpy as np
import pytest

pytest.importorskip("rclpy")

from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from ris_ros.errors import MissingError
from ris_ros.geometry import Grasp, Object3D, OrientedBox, Points
from ris_ros.node import spatial
from ris_ros.sim.poses import rotation

HEADER = Header(frame_id="camera_optical")
HEADER.stamp.sec = 7


def thing(turn=None):
    turn = rotation("x", 0.5) @ rotation("z", 0.7) if turn is None else turn
    rng = np.random.default_rng(1)
    points = Points(rng.random((30, 3)).astype(np.float32), rng.integers(0, 9, (30, 2), np.int32),
                    rng.integers(0, 256, (30, 3), np.uint8))
    box = OrientedBox(np.array([0.1, 0.2, 0.9]), turn, np.array([0.3, 0.2, 0.1]))
    grasp = Grasp(box.centre, turn[:, 1], -turn[:, 2], 0.2)
    return Object3D(points, points.xyz.mean(0), box, grasp, turn[:, 2], "support")


def read(cloud):
    """As PCL does: each field by its name, offset and type; the colour as 0xRRGGBB in the bits of a float."""
    assert all(field.datatype == 7 and field.count == 1 for field in cloud.fields)
    layout = np.dtype({"names": [f.name for f in cloud.fields], "formats": ["<f4"] * len(cloud.fields),
                       "offsets": [f.offset for f in cloud.fields], "itemsize": cloud.point_step})
    points = np.frombuffer(cloud.data, layout)
    packed = points["rgb"].copy().view(np.uint32)
    return (np.column_stack([points[axis] for axis in "xyz"]),
            np.column_stack([packed >> 16 & 255, packed >> 8 & 255, packed & 255]))


def test_points_can_be_read_back():
    one, other = thing(), thing()
    cloud = deserialize_message(serialize_message(spatial.to_points([one, other], HEADER)), PointCloud2)
    assert (cloud.height, cloud.width, cloud.point_step, cloud.row_step) == (1, 60, 16, 960)
    assert cloud.header == HEADER
    xyz, colours = read(cloud)
    np.testing.assert_array_equal(xyz, np.concatenate([one.points.xyz, other.points.xyz]))
    np.testing.assert_array_equal(colours[:30], one.points.colours)
    empty = spatial.to_points([], HEADER)
    assert empty.width == 0 and not empty.data and len(empty.fields) == 4


def test_points_agree_with_sensor_msgs_py():
    point_cloud2 = pytest.importorskip("sensor_msgs_py.point_cloud2")
    one = thing()
    np.testing.assert_array_equal(point_cloud2.read_points_numpy(spatial.to_points([one], HEADER), ["x", "y", "z"]),
                                  one.points.xyz)


@pytest.mark.parametrize("turn", [np.eye(3), rotation("z", np.pi), rotation("x", 0.5) @ rotation("z", 0.7),
                                  rotation("y", -3.0)], ids=["none", "half", "some", "much"])
def test_the_pose_is_the_boxes(turn):
    message = spatial.to_pose(thing(turn), HEADER)
    assert message.header == HEADER
    matrix = spatial.to_matrix(message.pose.position, message.pose.orientation)
    np.testing.assert_allclose(matrix[:3, :3], turn, atol=1e-9)
    np.testing.assert_allclose(matrix[:3, 3], (0.1, 0.2, 0.9))


def test_markers_show_box_grasp_and_text():
    one = thing()
    array = deserialize_message(serialize_message(spatial.to_markers([one, one], ["a cup", "another"], HEADER)),
                                MarkerArray)
    assert array.markers[0].action == Marker.DELETEALL
    assert len({(marker.ns, marker.id) for marker in array.markers}) == len(array.markers) == 9
    box, grasp, approach, text = array.markers[1:5]
    assert (box.type, box.scale.x, box.scale.y, box.scale.z) == (Marker.CUBE, 0.3, 0.2, 0.1)
    np.testing.assert_allclose(spatial.to_matrix(box.pose.position, box.pose.orientation)[:3, :3], one.box.axes,
                               atol=1e-9)
    ends = np.array([[point.x, point.y, point.z] for point in grasp.points[:2]])
    np.testing.assert_allclose(ends[1] - ends[0], one.grasp.closing * 0.2, atol=1e-9)
    start, tip = (np.array([point.x, point.y, point.z]) for point in approach.points)
    np.testing.assert_allclose(tip - start, 0.1 * one.grasp.approach, atol=1e-9)
    assert text.text == "a cup" and text.type == Marker.TEXT_VIEW_FACING
    assert all(marker.header == HEADER and marker.pose.orientation.w for marker in array.markers[1:])
    assert all(marker.color.a > 0 for marker in array.markers[1:])
    assert [marker.action for marker in spatial.to_markers([], [], HEADER).markers] == [Marker.DELETEALL]


def test_detections_hold_each_box():
    pytest.importorskip("vision_msgs")
    message = spatial.to_detections_3d([thing()], "the cup", 0.7, HEADER)
    [detection] = message.detections
    assert detection.bbox.size.x == 0.3 and detection.bbox.center.position.z == 0.9
    assert detection.results[0].hypothesis.class_id == "the cup"


def test_a_target_frame_without_tf2_says_what_to_install():
    try:
        import tf2_ros  # noqa: F401
    except ImportError:
        with pytest.raises(MissingError, match="tf2-ros-py"):
            spatial.TargetFrame(None, "base_link")
    else:
        pytest.skip("tf2_ros is here")
