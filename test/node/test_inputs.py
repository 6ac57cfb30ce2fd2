"""Images, depth and camera models over DDS, valid and not, with a fake segmenter."""

from __future__ import annotations

from array import array
from importlib.util import find_spec

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy")

from geometry_msgs.msg import PoseStamped
from rclpy.qos import DurabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2
from visualization_msgs.msg import MarkerArray

try:
    from ris_interfaces.msg import Answer
except ImportError:
    Answer = None

TEXT = "the bright half"
WIDTH, HEIGHT = 64, 48
IMAGE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
IMAGE[:, :WIDTH // 2] = 200
METRES = np.linspace(0.5, 2.0, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)


@pytest.fixture(scope="module")
def _robot(node, make_robot):
    robot = make_robot(image_reliability="reliable")
    robot.connect()
    return robot


@pytest.fixture
def robot(robot):
    yield robot
    robot.set("depth_tolerance", 0.05)


def header(stamp, frame_id="camera_optical"):
    message = Image().header
    message.stamp.sec, message.stamp.nanosec = stamp
    message.frame_id = frame_id
    return message


def depth_image(stamp, values=METRES, encoding="32FC1", frame_id="camera_optical"):
    return Image(header=header(stamp, frame_id), height=values.shape[0], width=values.shape[1], encoding=encoding,
                 step=values[0].nbytes, data=array("B", values.tobytes()))


def camera_info(stamp=(0, 0), width=WIDTH, height=HEIGHT, focal=60.0, model="plumb_bob", distorted=True):
    return CameraInfo(
        header=header(stamp), width=width, height=height, distortion_model=model,
        d=[0.1 * distorted, 0.0, 0.0, 0.0, 0.0], k=[focal, 0.0, width / 2, 0.0, focal, height / 2, 0.0, 0.0, 1.0])


@pytest.fixture
def depth_camera(robot, node, wait_for):
    """A function that publishes an image with its depth and returns the depth that reached the segmenter."""
    depth = robot.publisher(Image, "depth")
    info = robot.publisher(CameraInfo, "camera_info")
    wait_for(lambda: all(map(node.node.count_publishers, ("/depth", "/camera_info", "/image"))), what="discovery")

    def has_arrived(stamp):
        frame = node.node.cameras[""].newest_frame()
        return frame is not None and (frame.header.stamp.sec, frame.header.stamp.nanosec) == stamp

    def ask(stamp, depth_message, info_message=None):
        if info_message is not None:
            info.publish(info_message)
        depth.publish(depth_message)
        robot.send_image(IMAGE, stamp)
        wait_for(lambda: has_arrived(stamp), what=f"the frame of {stamp}")
        robot.received["result"].clear()
        robot.send_command(TEXT)
        assert robot.answer(TEXT)["stamp"]["sec"] == stamp[0]
        return node.seen[-1][1]

    # After discovery the first messages may still be lost.
    for attempt in range(1, 6):
        if ask((attempt, 0), depth_image((attempt, 0)), camera_info((attempt, 0))) is not None:
            break
    return ask


def test_depth_and_camera_model_arrive_with_their_image(depth_camera):
    millimetres = (METRES * 1000).astype(np.uint16)
    millimetres[0, 0] = 0
    found = depth_camera((10, 0), depth_image((10, 0), millimetres, "16UC1"), camera_info((10, 0)))
    assert found.metres.dtype == np.float32
    np.testing.assert_allclose(found.metres, np.where(millimetres, METRES, 0), atol=1e-3)
    np.testing.assert_allclose(found.camera.intrinsics, [[60, 0, 32], [0, 60, 24], [0, 0, 1]])
    assert found.camera.distortion == (0.1, 0, 0, 0, 0)
    assert found.camera.model == "plumb_bob"


def test_unknown_depth_is_zero(depth_camera):
    values = METRES.copy()
    values[0, :4] = np.nan, np.inf, -np.inf, -1
    found = depth_camera((11, 0), depth_image((11, 0), values), camera_info())
    assert (found.metres[0, :4] == 0).all()
    np.testing.assert_array_equal(found.metres[1:], METRES[1:])


@pytest.mark.parametrize(("depth", "info", "words"), [
    (depth_image((12, 0), METRES[::2, ::2]), camera_info(), "depth has 32 x 24 pixels, the image 64 x 48"),
    (depth_image((12, 0), frame_id="depth_optical"), camera_info(), "depth is in the frame 'depth_optical'"),
    (depth_image((12, 0), METRES.astype(np.uint16), "16UC1"), camera_info(), "16UC1 must hold millimetres"),
    (depth_image((12, 0), METRES * 1000), camera_info(), "32FC1 must hold metres"),
    (depth_image((12, 0), METRES.astype(np.float64), "64FC1"), camera_info(), "must be 16UC1"),
    (depth_image((12, 0)), camera_info(width=32), "camera_info is for 32 x 48 pixels"),
    (depth_image((12, 0)), camera_info(focal=0.0), "no focal length"),
    (depth_image((12, 0)), camera_info(model="fisheye9"), "unknown distortion model 'fisheye9'"),
    (depth_image((11, 900_000_000)), camera_info(), "no depth within 0.05 s of the image"),
])
def test_wrong_depth_is_ignored_and_the_next_is_used(depth_camera, robot, node, depth, info, words):
    node.node.warnings.clear()  # Each of these warnings counts as new.
    assert depth_camera((12, 0), depth, info) is None
    robot.log(words)
    robot.clear()
    assert depth_camera((13, 0), depth_image((13, 0)), camera_info()) is not None


@pytest.fixture
def ask(robot, wait_for):
    """A function that sends a command and returns the content of ~/result, whose typed twin has the same note."""
    if Answer is not None:
        robot.listen("answer", Answer)
        robot.connect()

    def ask(text):
        robot.clear()
        robot.send_command(text)
        result = robot.answer(text)
        if Answer is not None:
            [typed] = wait_for(lambda: robot.received["answer"], what="the typed answer")
            assert typed.note == result["note"]
        return result

    yield ask
    if Answer is not None:
        robot.unlisten("answer")


@pytest.mark.parametrize(("depth", "reason"), [
    (depth_image((11, 900_000_000)), "no depth within 0.05 s of the image"),
    (depth_image((12, 0), METRES.astype(np.float64), "64FC1"),
     "depth is '64FC1'; it must be 16UC1 in millimetres or 32FC1 in metres")])
def test_an_answer_says_what_it_lacks_for_want_of_depth(depth_camera, ask, robot, depth, reason):
    assert depth_camera((11, 0), depth_image((11, 0)), camera_info()) is not None
    assert ask("the cup behind it")["note"] == ""
    assert depth_camera((12, 0), depth, camera_info()) is None
    notes = [ask(text)["note"] for text in ("the cup behind it", "the cup left of it")]
    assert notes == [f"without depth ({reason}): not located in 3-D and 'behind' judged by the picture alone",
                     f"without depth ({reason}): not located in 3-D"]
    # Where nothing is found, nothing can be located, but a relation may be the reason.
    robot.send_image(np.zeros_like(IMAGE), (13, 0))
    robot.wait(0.6)
    results = [ask(text) for text in ("the cup behind it", "the cup left of it")]
    assert not any(result["found"] for result in results)
    assert results[0]["note"].endswith("): 'behind' judged by the picture alone")
    assert results[1]["note"] == ""


def test_an_answer_says_that_depth_has_ended_but_not_that_there_never_was_any(local_node, make_robot, wait_for):
    node = local_node({"image_reliability": "reliable"}, ["-r", "__ns:=/ending"])
    robot = make_robot(namespace="ending", image_reliability="reliable")
    robot.connect()
    robot.send_image(IMAGE, (1, 0))
    robot.send_command("the cup behind it")
    assert robot.answer("the cup behind it")["note"] == ""
    depth = robot.publisher(Image, "depth")
    for second in range(2, 8):  # After discovery the first messages may still be lost.
        depth.publish(depth_image((second, 0)))
        robot.send_image(IMAGE, (second, 0))
        robot.wait(0.5)
        node.node.cameras[""].newest_frame()
    robot.node.destroy_publisher(robot.publishers.pop("depth"))
    wait_for(lambda: not node.node.count_publishers("/ending/depth"), what="the end of depth")
    robot.send_image(IMAGE, (9, 0))
    robot.wait(0.5)
    robot.clear()
    robot.send_command("the cup behind it")
    note = robot.answer("the cup behind it")["note"]
    assert note.startswith("without depth (nothing publishes /ending/depth any more): ")
    node.close()


def test_the_object_is_located_in_3d(robot):
    """A block of 0.1 m height on a table 1 m below the camera, seen on 20 x 16 pixels."""
    kinds = {"points": PointCloud2, "pose": PoseStamped, "marker": MarkerArray}
    for name, kind in kinds.items():
        robot.listen(name, kind)
    depth, info = robot.publisher(Image, "depth"), robot.publisher(CameraInfo, "camera_info")
    robot.connect()
    values, image = np.ones((HEIGHT, WIDTH), np.float32), np.zeros_like(IMAGE)
    values[16:32, 20:40], image[16:32, 20:40] = 0.9, (200, 100, 50)
    info.publish(camera_info(distorted=False))
    depth.publish(depth_image((9, 0), values))
    robot.send_image(image, (9, 0))
    robot.wait(0.2)
    robot.send_command(TEXT)
    result = robot.answer(TEXT)
    [block] = result["objects"]
    assert result["objects_frame_id"] == "camera_optical"
    np.testing.assert_allclose(block["box"]["size"], (0.3, 0.24, 0.1), atol=0.02)
    pose = robot.matching("pose", (9, 0))
    assert pose.header.frame_id == "camera_optical"
    assert pose.pose.position.z == pytest.approx(0.95, abs=0.01)
    points = robot.matching("points", (9, 0))
    assert points.width == block["points"] > 200
    [marker] = robot.received["marker"]
    assert len(marker.markers) == 5
    robot.clear()
    robot.send_image(np.zeros_like(IMAGE), (10, 0))
    depth.publish(depth_image((10, 0), values))
    robot.wait(0.2)
    robot.send_command(TEXT)
    assert robot.answer(TEXT)["objects"] == []
    assert robot.matching("points", (10, 0)).width == 0
    assert not robot.received["pose"]
    for name in kinds:
        robot.unlisten(name)
    result = robot.set("target_frame", "base_link")
    assert result.successful is bool(find_spec("tf2_ros"))
    assert result.successful or "needs tf2_ros" in result.reason
    robot.set("target_frame", "")


def test_the_depth_tolerance_can_change_while_the_node_runs(depth_camera, robot):
    assert robot.set("depth_tolerance", 0.2).successful
    assert depth_camera((14, 0), depth_image((13, 900_000_000)), camera_info()) is not None
    assert not robot.set("depth_tolerance", -1.0).successful


def test_depth_may_come_compressed(depth_camera, robot, node, wait_for):
    assert depth_camera((15, 0), depth_image((15, 0)), camera_info()) is not None
    assert robot.set("depth_transport", "compressedDepth").successful
    publisher = robot.publisher(CompressedImage, "depth/compressedDepth")
    png = cv2.imencode(".png", (METRES * 1000).astype(np.uint16))[1].tobytes()
    publisher.publish(CompressedImage(header=header((16, 0)), format="16UC1; compressedDepth png",
                                      data=array("B", bytes(12) + png)))
    robot.send_image(IMAGE, (16, 0))
    frame = wait_for(lambda: (frame := node.node.cameras[""].newest_frame()) and frame.header.stamp.sec == 16 and frame)
    np.testing.assert_allclose(frame.depth.metres, METRES, atol=1e-3)
    assert robot.set("depth_transport", "raw").successful
    robot.connect()
    assert depth_camera((17, 0), depth_image((17, 0)), camera_info()) is not None


def test_a_recording_may_start_over(depth_camera):
    for start in (100, 50):
        for second in range(start, start + 3):
            assert depth_camera((second, 0), depth_image((second, 0)), camera_info()) is not None


def test_the_image_size_may_change(depth_camera, robot):
    assert depth_camera((20, 0), depth_image((20, 0)), camera_info()) is not None
    robot.clear()
    robot.send_image(IMAGE[::2, ::2], (21, 0))
    robot.wait(0.6)
    robot.send_command(TEXT)
    assert robot.answer(TEXT)["box"] == [0, 0, 16, 24]
    assert robot.matching("mask", (21, 0)).width == 32
    robot.clear()
    assert depth_camera((22, 0), depth_image((22, 0)), camera_info()) is not None


def test_of_the_frames_during_a_job_only_the_newest_is_used(robot, node):
    robot.set("mode", "continuous")
    node.gate.clear()
    robot.send_image(IMAGE, (30, 0))
    robot.send_command(TEXT)
    robot.wait(0.5)
    for second in range(31, 41):
        robot.send_image(IMAGE, (second, 0))
    robot.wait(0.5)
    node.gate.set()
    robot.matching("mask", (40, 0))
    robot.wait(0.3)
    assert [result["stamp"]["sec"] for result in robot.results()] == [30, 40]
    robot.status("camera", lambda _, values: values["frames dropped for newer ones"] == "9")
    robot.set("mode", "on_command")


def test_an_image_in_an_unknown_encoding_is_ignored(robot, node):
    node.node.warnings.clear()
    robot.send_image(IMAGE, (50, 0), encoding="rainbow9")
    robot.log("frame ignored: unknown image encoding 'rainbow9'")
    robot.send_image(IMAGE, (51, 0))
    robot.send_command(TEXT)
    assert robot.answer(TEXT)["stamp"]["sec"] == 51


def test_rgb_images_are_not_copied(robot, node):
    robot.send_image(IMAGE, (60, 0))
    robot.send_command(TEXT)
    robot.answer(TEXT)
    base = node.node.cameras[""].newest_frame().image
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert isinstance(base.base, memoryview | array), "the pixels are in the message's own memory"


def test_quality_of_service_is_adapted_or_explained(local_node, make_robot):
    node = local_node({"image_reliability": "reliable"}, ["-r", "__ns:=/strict"])
    robot = make_robot(namespace="strict", image_reliability="best_effort")
    robot.log("offers less than this node asks for.* set image_reliability to auto or best_effort")
    assert robot.set("image_reliability", "auto").successful
    latched = robot.publisher(CameraInfo, "camera_info", durability=DurabilityPolicy.TRANSIENT_LOCAL)
    latched.publish(camera_info())
    robot.publisher(Image, "depth").publish(depth_image((5, 0)))
    robot.connect()
    robot.wait(1.2)
    robot.send_image(IMAGE, (5, 0))
    robot.send_command(TEXT)
    assert robot.answer(TEXT)["found"]
    offered = {info.topic_type: info.qos_profile.reliability.name
               for topic in ("/strict/image", "/strict/depth", "/strict/camera_info")
               for info in robot.node.get_subscriptions_info_by_topic(topic)}
    assert offered == {"sensor_msgs/msg/Image": "RELIABLE", "sensor_msgs/msg/CameraInfo": "RELIABLE"}
    node.close()
