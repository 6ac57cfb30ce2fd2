"""Recordings from anywhere: what can be read is read as by the node, and what cannot is told, with a remedy."""

import sqlite3
import struct

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("rosbags.rosbag2")

from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from ris_ros.errors import InputError
from ris_ros.messages import decode_image
from ris_ros.recordings.bag import Bag

TYPES = get_typestore(Stores.ROS2_HUMBLE)
RNG = np.random.default_rng(5)
IMAGE = RNG.integers(0, 256, (12, 16, 3), np.uint8)
MILLIMETRES = RNG.integers(500, 1500, (12, 16), np.uint16)
START = 100_000_000_000


def make(name, **fields):
    return TYPES.types[name](**fields)


def header(i=0, frame_id="camera"):
    stamp = make("builtin_interfaces/msg/Time", sec=100, nanosec=i * 100_000_000)
    return make("std_msgs/msg/Header", frame_id=frame_id, stamp=stamp)


def raw(pixels, encoding, i=0, **changes):
    fields = {"header": header(i), "height": pixels.shape[0], "width": pixels.shape[1], "encoding": encoding,
              "is_bigendian": 0, "step": pixels[0].nbytes, "data": np.ascontiguousarray(pixels).view(np.uint8).ravel()}
    return make("sensor_msgs/msg/Image", **(fields | changes))


def compressed(content, format_, i=0):
    return make("sensor_msgs/msg/CompressedImage", header=header(i), format=format_,
                data=np.frombuffer(content, np.uint8))


def info(i=0):
    roi = make("sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
    k = np.array([20.0, 0, 8, 0, 20, 6, 0, 0, 1])
    return make("sensor_msgs/msg/CameraInfo", header=header(i), height=12, width=16, distortion_model="plumb_bob",
                d=np.zeros(5), k=k, r=np.eye(3).ravel(), p=np.zeros(12), binning_x=0, binning_y=0, roi=roi)


def png(pixels):
    return cv2.imencode(".png", pixels)[1].tobytes()


def write(path, messages, plugin=StoragePlugin.MCAP):
    """Write (topic, message), each a tenth of a second after the last."""
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        connections = {}
        for i, (topic, message) in enumerate(messages):
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=TYPES)
            writer.write(connections[topic], START + i * 10_000_000, TYPES.serialize_cdr(message, kind))
    return path


GOOD = [("/camera_info", info()), ("/depth", raw(MILLIMETRES, "16UC1")), ("/image", raw(IMAGE, "rgb8")),
        ("/image", raw(IMAGE[::-1], "rgb8", 1))]


@pytest.fixture(scope="module", params=[StoragePlugin.MCAP, StoragePlugin.SQLITE3], ids=["mcap", "db3"])
def recording(request, tmp_path_factory):
    """A bag of each format, as its bytes and their suffix."""
    folder = write(tmp_path_factory.mktemp("bag") / "bag", GOOD, request.param)
    [file] = [*folder.glob("*.mcap"), *folder.glob("*.db3")]
    return file.read_bytes(), file.suffix


def read_all(path):
    """Return the frames of a bag; any error but an InputError in one line is a fault."""
    try:
        with Bag(path) as bag:
            frames = list(bag.frames())
            assert all("\n" not in line for line in bag.broken)
    except InputError as error:
        assert "\n" not in str(error) and len(str(error)) < 800
        return []
    assert all(frame.image.dtype == np.uint8 and frame.image.shape[2] == 3 for frame in frames)
    return frames


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_are_read_or_refused(recording, tmp_path, data):
    content = bytearray(recording[0])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, content[at] ^ 1]))
    path = tmp_path / f"damaged{recording[1]}"
    path.write_bytes(content)
    read_all(path)


@pytest.mark.parametrize("part", [0, 0.01, 0.3, 0.6, 0.99])
def test_a_recording_that_was_cut_off_is_told_with_a_remedy(recording, tmp_path, part):
    path = tmp_path / f"cut{recording[1]}"
    path.write_bytes(recording[0][:int(part * len(recording[0]))])
    try:
        with Bag(path) as bag:
            frames = list(bag.frames())
            assert len(frames) == 2 or bag.broken
    except InputError as error:
        assert "cut" in str(error) and ("recover" in str(error) or "no colour images" in str(error))


def test_a_folder_without_metadata_gets_a_remedy(tmp_path):
    folder = write(tmp_path / "bag", GOOD)
    (folder / "metadata.yaml").unlink()
    with pytest.raises(InputError, match=r"ros2 bag reindex .*bag\.mcap"):
        Bag(folder)
    assert len(read_all(folder / "bag.mcap")) == 2


METADATA = [b"", b"\x00\xff", b"[1, 2]", b"rosbag2_bagfile_information: 3", b"a: &a [*a]", b"[" * 300,
            b"a: 2024-99-99", b"!!python/object:os.system {}"]


@pytest.mark.parametrize("content", METADATA, ids=lambda content: str(content)[:12])
def test_damaged_metadata_is_refused_in_one_line(tmp_path, content):
    folder = write(tmp_path / "bag", GOOD)
    (folder / "metadata.yaml").write_bytes(content)
    with pytest.raises(InputError, match=r"cannot read the bag .*such as bag\.mcap"):
        Bag(folder)


def test_other_values_in_metadata_are_read_or_refused(tmp_path):
    folder = write(tmp_path / "bag", GOOD)
    lines = (folder / "metadata.yaml").read_text().splitlines()
    for i, line in enumerate(lines):
        name = line.partition(":")[0]
        (folder / "metadata.yaml").write_text("\n".join([*lines[:i], f"{name}: [x]", *lines[i + 1:]]))
        read_all(folder)


def record(opcode, content):
    return bytes([opcode]) + struct.pack("<Q", len(content)) + content


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<I", len(value)) + value


def mcap(channels, profile="ros2"):
    """Return an MCAP file without an index; channels are (topic, schema name, schema encoding, schema, data...)."""
    content = b"\x89MCAP0\r\n" + record(1, text(profile) + text("test"))
    for i, (topic, name, encoding, schema, message_encoding, *messages) in enumerate(channels, 1):
        content += record(3, struct.pack("<H", i) + text(name) + text(encoding) + text(schema))
        content += record(4, struct.pack("<HH", i, i) + text(topic) + text(message_encoding) + text(b""))
        for data in messages:
            content += record(5, struct.pack("<HIQQ", i, 0, START, START) + data)
    return content + record(15, bytes(4)) + record(2, bytes(20)) + b"\x89MCAP0\r\n"


IMAGE_SCHEMA, _ = TYPES.generate_msgdef("sensor_msgs/msg/Image", ros_version=2)
IMAGE_CHANNEL = ("/image", "sensor_msgs/msg/Image", "ros2msg", IMAGE_SCHEMA, "cdr",
                 bytes(TYPES.serialize_cdr(raw(IMAGE, "rgb8"), "sensor_msgs/msg/Image")))
FOREIGN = {
    "protobuf": ("/foreign", "foxglove.Pose", "protobuf", b"\x0a\xff\xfe\x80 no text", "protobuf", b"\x0a\x00"),
    "json": ("/foreign", "Pose", "jsonschema", '{"type": "object"}', "json", b"{}"),
    "flatbuffer": ("/foreign", "Pose", "flatbuffer", b"\x80\x81", "flatbuffer", b"\x00"),
    "without definition": ("/foreign", "custom/msg/Pose", "", "", "cdr", b"\x00\x01\x00\x00"),
    "unreadable definition": ("/foreign", "custom/msg/Pose", "ros2msg", "float64[[ x", "cdr", b"\x00\x01\x00\x00"),
    "unreadable IDL": ("/foreign", "custom/msg/Pose", "ros2idl", "module {{", "cdr", b"\x00\x01\x00\x00")}


@pytest.mark.parametrize("profile", ["ros2", ""])
@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_channel_does_not_hinder_the_others(tmp_path, foreign, profile):
    (tmp_path / "mixed.mcap").write_bytes(mcap([foreign, IMAGE_CHANNEL], profile))
    [frame] = read_all(tmp_path / "mixed.mcap")
    np.testing.assert_array_equal(frame.image, IMAGE)


def test_a_type_with_other_fields_is_told(tmp_path):
    channel = ("/image", "sensor_msgs/msg/Image", "ros2msg", "uint8 x", "cdr", b"\x00\x01\x00\x00\x07")
    (tmp_path / "other.mcap").write_bytes(mcap([channel]))
    with pytest.raises(InputError, match="no colour images"):
        Bag(tmp_path / "other.mcap")
    with Bag(tmp_path / "other.mcap", topic="/image") as bag:
        assert not list(bag.frames())
        assert "has no header" in bag.broken[0]


def padded(pixels, encoding, padding):
    rows = np.hstack([pixels.reshape(len(pixels), -1), np.full((len(pixels), padding), 0xAB, np.uint8)])
    return raw(rows, encoding, width=pixels.shape[1])


MOSAIC = np.tile(np.array([[200, 120], [120, 40]], np.uint8), (6, 8))
MESSAGES = {
    "padded": padded(IMAGE, "rgb8", 5), "big-endian": raw(IMAGE[..., 0].astype(">u2") * 257, "mono16", is_bigendian=1),
    "mosaic": raw(MOSAIC, "bayer_rggb8"), "mosaic in a PNG": compressed(png(MOSAIC), "bayer_rggb8; png compressed "),
    "grey": compressed(png(IMAGE[..., 0].astype(np.uint16) * 257), "mono16; png compressed mono16"),
    "alpha": compressed(png(np.dstack([IMAGE, IMAGE[..., :1]])), "rgba8; png compressed bgr8"),
    "nv12": raw(IMAGE[..., 0], "nv12"), "large": raw(IMAGE, "rgb8", height=10_000, width=10_000, step=30_000),
    "depth": compressed(png(MILLIMETRES), "16UC1; png compressed "), "cut": compressed(png(IMAGE)[:40], "png")}


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_a_bag_and_a_message_are_read_alike(tmp_path, message):
    with Bag(write(tmp_path / "bag", [("/image", message)]), topic="/image") as bag:
        frames = list(bag.frames())
        broken = bag.broken
    try:
        expected = decode_image(message)
    except InputError as error:
        assert not frames and broken == [f"/image at 100.000 s: {error}"]
    else:
        np.testing.assert_array_equal(frames[0].image, expected)


def test_the_limit_of_pixels_counts_for_bags(tmp_path):
    with Bag(write(tmp_path / "bag", [("/image", raw(IMAGE, "rgb8"))]), max_pixels=191) as bag:
        assert not list(bag.frames())
        assert "max_image_pixels, 191" in bag.broken[0]


FLOAT_FRAME = raw(MILLIMETRES, "16UC1", header=header(frame_id="other"))
DROPPED = {
    "another frame": ([("/d", FLOAT_FRAME)], "depth is in the frame 'other'"),
    "RVL": ([("/d", compressed(bytes(40), "16UC1; compressedDepth rvl"))], "in PNG or RVL format"),
    "JPEG": ([("/d", compressed(b"\xff\xd8\xff", "16UC1; jpeg compressed "))], "in PNG or RVL format"),
    "another size": ([("/d", compressed(bytes(12) + png(MILLIMETRES[::2]), "16UC1; compressedDepth png"))],
                     "16 x 6 pixels"),
    "too old": ([("/d", raw(MILLIMETRES, "16UC1", 9))], "no depth within"),
    "two": ([("/d", raw(MILLIMETRES, "16UC1")), ("/e", raw(MILLIMETRES, "16UC1"))], "choose one with --depth")}


@pytest.mark.parametrize(("depth", "words"), DROPPED.values(), ids=DROPPED)
def test_depth_that_is_not_used_is_told(tmp_path, depth, words):
    messages = [("/camera_info", info()), *depth, ("/image", raw(IMAGE, "rgb8"))]
    with Bag(write(tmp_path / "bag", messages)) as bag:
        [frame] = bag.frames()
        assert frame.depth is None
        assert any(words in line for line in bag.broken), bag.broken


@pytest.mark.parametrize("infos", [[], ["/a/camera_info", "/b/camera_info"]], ids=["none", "several"])
def test_a_missing_camera_model_is_told(tmp_path, infos):
    messages = [*((name, info()) for name in infos), ("/depth", raw(MILLIMETRES, "16UC1")),
                ("/cam/image", raw(IMAGE, "rgb8"))]
    with Bag(write(tmp_path / "bag", messages)) as bag:
        assert [frame.depth for frame in bag.frames()] == [None]
        assert any("camera_info" in line for line in bag.broken)


def test_png_depth_of_the_transport_compressed_is_used(tmp_path):
    depth = compressed(png(MILLIMETRES), "16UC1; png compressed ")
    messages = [("/camera_info", info()), ("/depth/compressed", depth), ("/image", raw(IMAGE, "rgb8"))]
    with Bag(write(tmp_path / "bag", messages)) as bag:
        [frame] = bag.frames()
    np.testing.assert_allclose(frame.depth.metres, MILLIMETRES / 1000, atol=1e-6)


@pytest.mark.parametrize("value", [None, "text", -1, 2**63 - 1])
def test_other_values_in_a_database_are_told(tmp_path, value):
    folder = write(tmp_path / "bag", GOOD, StoragePlugin.SQLITE3)
    [file] = folder.glob("*.db3")
    for column in ("timestamp", "data", "topic_id"):
        with sqlite3.connect(file) as database:
            database.execute("ALTER TABLE messages RENAME TO old")
            database.execute("CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id, timestamp, data)")
            database.execute("INSERT INTO messages SELECT * FROM old")
            database.execute("DROP TABLE old")
            database.execute(f"UPDATE messages SET {column} = ? WHERE id = 3", (value,))
        database.close()
        read_all(file)
