"""Messages built from results, with the ROS packages and with rosbags."""

import sys

import numpy as np
import pytest

from ris_ros.geometry import Grasp, Object3D, OrientedBox, Points
from ris_ros.messages import MessageBuilder, transform_to_matrix
from ris_ros.sim.poses import rotation
from ris_ros.types import Candidate, Description, Query, Result
from ris_ros.utils.masks import mask_box


def object_3d(axes=None):
    axes = rotation("x", 0.5) @ rotation("z", 0.7) if axes is None else axes
    rng = np.random.default_rng(1)
    points = Points(rng.random((30, 3)).astype(np.float32), rng.integers(0, 9, (30, 2), np.int32),
                    rng.integers(0, 256, (30, 3), np.uint8))
    box = OrientedBox(np.array([0.1, 0.2, 0.9]), axes, np.array([0.3, 0.2, 0.1]))
    grasp = Grasp(box.centre, axes[:, 1], -axes[:, 2], 0.2)
    return Object3D(points, points.xyz.mean(0), box, grasp, axes[:, 2], "support")


@pytest.fixture
def result():
    first, second = np.zeros((2, 6, 8), bool)
    first[1:4, 2:7] = True
    second[3:6, 0:4] = True
    candidates = [Candidate(i, mask, mask_box(mask), score, {})
                  for i, (mask, score) in enumerate([(first, 0.75), (second, 0.25)])]
    query = Query("the cup", "the cup", (Description("the cup"),))
    return Result(True, first, mask_box(first), 0.75, 0.5, candidates, query, instances=candidates[:1])


@pytest.fixture(scope="module")
def build(factory):
    return MessageBuilder(factory)


@pytest.fixture(scope="module")
def header(build):
    return build.header((12, 34), "camera_optical")


def read_points(cloud):
    """Read a cloud as PCL does: fields by name, offset and type; the colour as 0xRRGGBB in the bits of a float."""
    assert all(field.datatype == 7 and field.count == 1 for field in cloud.fields)
    layout = np.dtype({"names": [f.name for f in cloud.fields], "formats": ["<f4"] * len(cloud.fields),
                       "offsets": [f.offset for f in cloud.fields], "itemsize": cloud.point_step})
    points = np.frombuffer(cloud.data, layout)
    packed = points["rgb"].copy().view(np.uint32)
    return (np.column_stack([points[axis] for axis in "xyz"]),
            np.column_stack([packed >> 16 & 255, packed >> 8 & 255, packed & 255]))


def test_outputs_have_the_size_stamp_and_layout_of_their_source(build, header, result):
    assert (header.stamp.sec, header.stamp.nanosec, header.frame_id) == (12, 34, "camera_optical")
    mask = build.mask_image(result.mask, header)
    assert (mask.height, mask.width, mask.step, mask.encoding) == (6, 8, 8, "mono8")
    assert mask.header == header
    np.testing.assert_array_equal(np.array(mask.data).reshape(6, 8), result.mask * 255)
    ranks = build.candidates_image(result.candidates, (6, 8), header)
    assert (ranks.encoding, ranks.step, len(ranks.data)) == ("mono16", 16, 96)
    expected = np.where(result.candidates[0].mask, 1, result.candidates[1].mask * 2)
    np.testing.assert_array_equal(np.frombuffer(ranks.data, np.uint16).reshape(6, 8), expected)
    roi = build.roi(result)
    assert (roi.x_offset, roi.y_offset, roi.width, roi.height) == (2, 1, 5, 3)


def test_pixels_in_any_memory_layout_are_written_in_order(build, header):
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)[..., ::-1]
    message = build.image(pixels, "bgr8", header)
    np.testing.assert_array_equal(np.array(message.data).reshape(2, 3, 3), pixels)


@pytest.mark.parametrize("library", ["ros", "rosbags"])
def test_detections_hold_the_result_or_are_empty(request, result, library):
    if library == "ros":
        pytest.importorskip("vision_msgs")
    build = MessageBuilder(request.getfixturevalue("ros_factory" if library == "ros" else "typestore_factory"))
    header = build.header((0, 0), "camera")
    [detection] = build.detections(result, header).detections
    assert (detection.bbox.center.position.x, detection.bbox.center.position.y) == (4.5, 2.5)
    assert (detection.bbox.size_x, detection.bbox.size_y) == (5, 3)
    assert detection.results[0].hypothesis.class_id == "the cup"
    assert detection.header.frame_id == "camera"
    absent = Result(False, result.mask & False, np.zeros(4), 0.0, 0.0, [], result.query)
    assert not build.detections(absent, header).detections
    [detection] = build.detections_3d([object_3d()], "the cup", 0.7, header).detections
    assert detection.bbox.size.x == 0.3 and detection.bbox.center.position.z == 0.9
    assert detection.results[0].hypothesis.class_id == "the cup"
    assert detection.results[0].pose.pose == detection.bbox.center


def test_points_can_be_read_back(build, header):
    one, other = object_3d(), object_3d()
    cloud = build.point_cloud([one, other], header)
    assert (cloud.height, cloud.width, cloud.point_step, cloud.row_step) == (1, 60, 16, 960)
    assert cloud.header == header
    xyz, colours = read_points(cloud)
    np.testing.assert_array_equal(xyz, np.concatenate([one.points.xyz, other.points.xyz]))
    np.testing.assert_array_equal(colours[:30], one.points.colours)
    empty = build.point_cloud([], header)
    assert empty.width == 0 and not len(empty.data) and len(empty.fields) == 4


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_cloud_by_sensor_msgs_py_is_the_same_message(ros_factory, monkeypatch, count):
    point_cloud2 = pytest.importorskip("sensor_msgs_py.point_cloud2")
    build, objects = MessageBuilder(ros_factory), [object_3d()] * count
    header = build.header((3, 4), "camera")
    by_library = build.point_cloud(objects, header)
    monkeypatch.setitem(sys.modules, "sensor_msgs_py.point_cloud2", None)
    assert MessageBuilder(ros_factory).point_cloud(objects, header) == by_library
    xyz = point_cloud2.read_points_numpy(by_library, ["x", "y", "z"])
    np.testing.assert_array_equal(xyz.reshape(-1, 3), np.concatenate(
        [np.zeros((0, 3)), *(one.points.xyz for one in objects)]))


@pytest.mark.parametrize("axes", [np.eye(3), rotation("z", np.pi), rotation("x", 0.5) @ rotation("z", 0.7),
                                  rotation("y", -3.0)], ids=["none", "half", "some", "much"])
def test_the_pose_is_that_of_the_box(build, header, axes):
    message = build.pose(object_3d(axes), header)
    assert message.header == header
    matrix = transform_to_matrix(message.pose.position, message.pose.orientation)
    np.testing.assert_allclose(matrix[:3, :3], axes, atol=1e-9)
    np.testing.assert_allclose(matrix[:3, 3], (0.1, 0.2, 0.9))


def test_markers_show_box_grasp_and_text(factory, build, header):
    kinds, obj = factory.message_type("visualization_msgs/msg/Marker"), object_3d()
    array = build.markers([obj, obj], ["a cup", "another"], header)
    assert array.markers[0].action == kinds.DELETEALL
    assert len({(marker.ns, marker.id) for marker in array.markers}) == len(array.markers) == 9
    box, grasp, approach, text = array.markers[1:5]
    assert (box.type, box.scale.x, box.scale.y, box.scale.z) == (kinds.CUBE, 0.3, 0.2, 0.1)
    np.testing.assert_allclose(transform_to_matrix(box.pose.position, box.pose.orientation)[:3, :3], obj.box.axes,
                               atol=1e-9)
    ends = np.array([[point.x, point.y, point.z] for point in grasp.points[:2]])
    np.testing.assert_allclose(ends[1] - ends[0], obj.grasp.closing * 0.2, atol=1e-9)
    start, tip = (np.array([point.x, point.y, point.z]) for point in approach.points)
    np.testing.assert_allclose(tip - start, 0.1 * obj.grasp.approach, atol=1e-9)
    assert text.text == "a cup" and text.type == kinds.TEXT_VIEW_FACING
    assert all(marker.header == header and marker.pose.orientation.w for marker in array.markers[1:])
    assert all(marker.color.a > 0 for marker in array.markers[1:])
    assert [marker.action for marker in build.markers([], [], header).markers] == [kinds.DELETEALL]


def test_ros_and_rosbags_messages_serialize_to_the_same_bytes(typestore, ros_factory, typestore_factory, result):
    serialization = pytest.importorskip("rclpy.serialization")

    def messages(factory):
        build = MessageBuilder(factory)
        header, objects = build.header((12, 34), "camera"), [object_3d(), object_3d(np.eye(3))]
        return {"sensor_msgs/msg/Image": build.mask_image(result.mask, header),
                "sensor_msgs/msg/RegionOfInterest": build.roi(result),
                "sensor_msgs/msg/PointCloud2": build.point_cloud(objects, header),
                "geometry_msgs/msg/PoseStamped": build.pose(objects[0], header),
                "visualization_msgs/msg/MarkerArray": build.markers(objects, ["a cup", "another"], header),
                "std_msgs/msg/String": build.string("the red cup")}

    of_bags = messages(typestore_factory)
    for name, message in messages(ros_factory).items():
        # Read back, because the padding between fields may hold any bytes.
        read = typestore.deserialize_cdr(serialization.serialize_message(message), name)
        assert bytes(typestore.serialize_cdr(read, name)) == bytes(typestore.serialize_cdr(of_bags[name], name)), name
