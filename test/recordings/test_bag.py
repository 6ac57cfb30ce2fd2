"""The frames of a bag: choice of topics, decoding, and reports of unusable messages."""

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin

from ris_ros.errors import InputError
from ris_ros.recordings.bag import Bag

FRAMES = 6


@pytest.mark.parametrize("form", ["folder", "mcap", "db3"])
def test_frames_are_read_with_their_depth(recorder, renderings, recording, tmp_path, form):
    if form == "db3":
        path = next(recorder.write(tmp_path / "db", recorder.raw(renderings), StoragePlugin.SQLITE3).glob("*.db3"))
    else:
        path = recording if form == "folder" else next(recording.glob("*.mcap"))
    with Bag(path) as bag:
        assert (bag.topic, bag.depth, bag.camera_info, len(bag)) == (
            "/cam/color/image_raw", "/cam/aligned/image_raw", "/cam/color/camera_info", FRAMES)
        frames = list(bag.frames())
    assert [frame.number for frame in frames] == list(range(FRAMES))
    for i, (frame, rendering) in enumerate(zip(frames, renderings, strict=True)):
        np.testing.assert_array_equal(frame.image, rendering.image)
        np.testing.assert_allclose(frame.depth.metres, rendering.depth, atol=0.0011)
        np.testing.assert_array_equal(frame.depth.camera.intrinsics, rendering.intrinsics)
        assert (frame.stamp, frame.frame_id) == ((100, i * 100_000_000), "camera_optical")


def test_every_second_frame(recording):
    with Bag(recording) as bag:
        assert [(frame.number, frame.stamp[1]) for frame in bag.frames(2)] == [(0, 0), (2, 2 * 10**8), (4, 4 * 10**8)]


def test_compressed_images_and_depth(recorder, renderings, tmp_path):
    def messages():
        for i, rendering in enumerate(renderings):
            yield i, "/cam/camera_info", recorder.info(i, rendering)
            jpeg = cv2.imencode(".jpg", rendering.image[..., ::-1])[1]
            yield i, "/cam/image_raw/compressed", recorder.compressed(i, jpeg, "bgr8; jpeg compressed bgr8")
            png = cv2.imencode(".png", (rendering.depth * 1000).astype(np.uint16))[1].tobytes()
            yield i, "/cam/depth/compressedDepth", recorder.compressed(i, bytes(12) + png, "16UC1; compressedDepth png")
    with Bag(recorder.write(tmp_path / "small", messages()), topic="/cam/image_raw") as bag:
        assert bag.depth == "/cam/depth/compressedDepth"
        frame = next(bag.frames())
    assert np.abs(frame.image.astype(int) - renderings[0].image).mean() < 4
    np.testing.assert_allclose(frame.depth.metres, renderings[0].depth, atol=0.0011)


def test_quantised_float_depth_is_read(recorder, renderings, tmp_path):
    a, b = np.float32(4000.0), np.float32(10.0)
    quantised = (a / renderings[0].depth + b).astype(np.uint16)
    quantised[0] = 0
    data = bytes(4) + a.tobytes() + b.tobytes() + cv2.imencode(".png", quantised)[1].tobytes()
    messages = [(0, "/image", recorder.image(0, renderings[0].image, "rgb8")),
                (0, "/camera_info", recorder.info(0, renderings[0])),
                (0, "/depth", recorder.compressed(0, data, "32FC1; compressedDepth png"))]
    with Bag(recorder.write(tmp_path / "quantised", messages)) as bag:
        [frame] = bag.frames()
    assert (frame.depth.metres[0] == 0).all()
    np.testing.assert_allclose(frame.depth.metres[1:], renderings[0].depth[1:], rtol=0.001)


def test_a_truncated_bag_is_refused_in_one_line(recording, tmp_path):
    data = next(recording.glob("*.mcap")).read_bytes()
    (tmp_path / "cut.mcap").write_bytes(data[:len(data) // 2])
    with pytest.raises(InputError, match=r"cannot read the bag .*cut\.mcap"):
        Bag(tmp_path / "cut.mcap")


@pytest.mark.parametrize("path", ["nowhere", "nowhere.mcap", "."])
def test_a_path_that_is_not_a_bag_is_refused(tmp_path, path):
    with pytest.raises(InputError, match="cannot read the bag"):
        Bag(tmp_path / path)


def test_an_ambiguous_topic_choice_lists_the_topics(recorder, renderings, tmp_path):
    messages = [(0, f"/{side}/image_raw", recorder.image(0, renderings[0].image, "rgb8")) for side in ("left", "right")]
    path = recorder.write(tmp_path / "two", messages)
    with pytest.raises(InputError, match="/left/image_raw, /right/image_raw: choose with --topic"):
        Bag(path)
    with Bag(path, topic="/left/image_raw") as bag:
        assert next(bag.frames()).depth is None
    with pytest.raises(InputError, match="no images on /front; it has /left"):
        Bag(path, topic="/front")
    with pytest.raises(InputError, match="camera_info"):
        Bag(path, topic="/left/image_raw", depth="/right/image_raw")


@pytest.mark.parametrize(("changes", "words"), [
    ({"k": np.zeros(9)}, "the camera matrix has no focal length"),
    ({"height": 480, "width": 640}, "camera_info is for 640 x 480 pixels, the image has 320 x 240")], ids=str)
@pytest.mark.parametrize("topic", [None, "/cam/depth"], ids=["chosen", "named"])
def test_without_a_usable_camera_model_there_is_no_depth(recorder, renderings, tmp_path, changes, words, topic):
    def messages():
        for i, rendering in enumerate(renderings):
            yield i, "/cam/camera_info", recorder.info(i, rendering, **changes)
            yield i, "/cam/depth", recorder.image(i, rendering.depth, "32FC1")
            yield i, "/cam/image", recorder.image(i, rendering.image, "rgb8")
    with Bag(recorder.write(tmp_path / "uncalibrated", messages()), depth=topic) as bag:
        assert [frame.depth for frame in bag.frames()] == [None] * len(renderings)
        assert bag.depth is None and bag.broken_count == 1
    [line] = bag.broken
    assert line.startswith(f"/cam/camera_info at 100.000 s: depth ignored: {words}")


def test_an_unusable_camera_model_is_not_reported_without_depth(recorder, renderings, tmp_path):
    messages = [(0, "/camera_info", recorder.info(0, renderings[0], k=np.zeros(9))),
                (0, "/image", recorder.image(0, renderings[0].image, "rgb8"))]
    with Bag(recorder.write(tmp_path / "webcam", messages)) as bag:
        assert len(list(bag.frames())) == 1
        assert not bag.broken


def test_registered_depth_is_chosen_among_others(recorder, renderings, tmp_path):
    depth = (renderings[0].depth * 1000).astype(np.uint16)
    messages = [(0, "/camera_info", recorder.info(0, renderings[0])),
                (0, "/image", recorder.image(0, renderings[0].image, "rgb8")),
                (0, "/depth/small", recorder.image(0, depth[::2, ::2], "16UC1")),
                (0, "/depth/raw", recorder.image(0, depth, "16UC1", header=recorder.header(0, "depth_optical"))),
                (0, "/depth/aligned", recorder.image(0, depth, "16UC1"))]
    with Bag(recorder.write(tmp_path / "several", messages)) as bag:
        assert bag.depth == "/depth/aligned"
        assert not bag.broken


def test_an_unusable_message_is_counted_once(recorder, renderings, tmp_path):
    def messages():
        for i, rendering in enumerate(renderings):
            depth = recorder.image(i, rendering.depth, "32FC1")
            cut = bytes(recorder.types.serialize_cdr(depth, "sensor_msgs/msg/Image"))[:400]
            yield i, "/camera_info", recorder.info(i, rendering)
            yield i, "/depth", cut if i == 2 else depth
            yield i, "/image", recorder.image(i, rendering.image, "rgb8")
    with Bag(recorder.write(tmp_path / "cut", messages())) as bag:
        with_depth = [frame.depth is not None for frame in bag.frames()]
    assert with_depth == [True, True, False, True, True, True]
    assert bag.broken_count == 1 and bag.broken[0].startswith("/depth at 100.200 s: ")


def test_a_bag_whose_first_image_is_broken_is_read(recorder, renderings, tmp_path):
    def messages():
        for i, rendering in enumerate(renderings):
            yield i, "/camera_info", recorder.info(i, rendering)
            yield i, "/depth", recorder.image(i, rendering.depth, "32FC1")
            yield i, "/image", recorder.image(i, rendering.image, "rgb8", **({} if i else {"step": 3}))
    with Bag(recorder.write(tmp_path / "late", messages())) as bag:
        assert bag.depth == "/depth"
        assert [frame.number for frame in bag.frames()] == [1, 2, 3, 4, 5]
        assert bag.broken_count == 1


def test_ros_1_bags_are_read_with_depth(recorder, renderings, tmp_path):
    from rosbags.rosbag1 import Writer
    from rosbags.typesys import Stores, get_typestore

    types = get_typestore(Stores.ROS1_NOETIC)

    def header(recorded):
        time = types.types["builtin_interfaces/msg/Time"](sec=recorded.stamp.sec, nanosec=recorded.stamp.nanosec)
        return types.types["std_msgs/msg/Header"](seq=0, stamp=time, frame_id=recorded.frame_id)

    def converted(message):
        fields = dict(vars(message)) | {"header": header(message.header)}
        if "k" in fields:
            fields = {name.upper() if len(name) == 1 else name: value for name, value in fields.items()}
        return types.types[message.__msgtype__](**fields)

    with Writer(tmp_path / "old.bag") as writer:
        connections = {}
        for i, topic, message in recorder.raw(renderings):
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=types)
            writer.write(connections[topic], 100_000_000_000 + i * 100_000_000,
                         types.serialize_ros1(converted(message), kind))
    with Bag(tmp_path / "old.bag") as bag:
        frames = list(bag.frames())
    assert len(frames) == len(renderings)
    np.testing.assert_array_equal(frames[0].depth.camera.intrinsics, renderings[0].intrinsics)
    np.testing.assert_allclose(frames[0].depth.metres, renderings[0].depth, atol=0.0011)
