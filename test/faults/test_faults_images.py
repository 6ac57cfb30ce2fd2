"""Images, compressed images, depth and camera models of every kind."""

from __future__ import annotations

import json
import re
import struct
import zlib
from array import array

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("rclpy")

from builtin_interfaces.msg import Time
from rclpy.serialization import deserialize_message, serialize_message
from ros_fixtures import is_plain_line
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header, String

from ris_ros.errors import InputError
from ris_ros.geometry import locate
from ris_ros.messages import decode_camera_info, decode_depth, decode_image
from ris_ros.serialization import to_json
from ris_ros.types import Depth

HEIGHT, WIDTH = 48, 64
PIXELS = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
HUGE = 2**32 - 1
ENCODINGS = ["rgb8", "bgr8", "mono8", "mono16", "rgba8", "bayer_rggb8", "yuv422", "16UC1", "32FC1", "8UC3", "",
             "\x1b[31m", "rgb8\nfake", "ä"]
ODD_TEXTS = ["", "camera", "\x1b[2J", "a\nb", "\u202e", "x" * 1000, "/camera", "杯子"]


def image(values=PIXELS, encoding="rgb8", **changes):
    message = Image(height=values.shape[0], width=values.shape[1], encoding=encoding, step=values[0].nbytes,
                    data=array("B", values.tobytes()))
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def stamped(sec=1, nanosec=0, frame_id="camera_optical"):
    return Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id=frame_id)


def png_that_unpacks_to(width, height):
    """Return a small PNG file that claims to be a large black image."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = zlib.compress(bytes(1000))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def bytes_of(message):
    return bytes(serialize_message(message))


BROKEN = {
    "no bytes": b"",
    "one byte": b"\x00",
    "only the encapsulation": b"\x00\x01\x00\x00",
    "half a stamp": b"\x00\x01\x00\x00\x01\x00\x00\x00\x02",
    "only a stamp": b"\x00\x01\x00\x00" + struct.pack("<iI", 5, 0),
    "a frame_id of 4 GB": b"\x00\x01\x00\x00" + struct.pack("<iII", 5, 0, HUGE),
    "an unknown encapsulation": b"\xff\xff\xff\xff" + bytes(100),
    "cut in the middle": bytes_of(image())[:200],
    "cut before the end": bytes_of(image())[:-1],
    "data of 4 GB": bytes_of(image()).replace(struct.pack("<I", PIXELS.nbytes), struct.pack("<I", HUGE)),
    "a text as image": bytes_of(String(data="the red cup " * 20)),
    "no pixels": bytes_of(image(width=0, height=0)),
    "no rows": bytes_of(image(height=0)),
    "a width of 4 G": bytes_of(image(width=HUGE)),
    "a height of 4 G": bytes_of(image(height=HUGE)),
    "a step of 4 G": bytes_of(image(step=HUGE)),
    "no step": bytes_of(image(step=0)),
    "everything at its largest": bytes_of(image(width=HUGE, height=HUGE, step=HUGE)),
    "too few data": bytes_of(image(data=array("B", b"abc"))),
    "an unknown encoding": bytes_of(image(encoding="rainbow9")),
    "an encoding that forges a log line": bytes_of(image(encoding="x\n[FATAL] [ris]: forged")),
    "an encoding with ESC": bytes_of(image(encoding="\x1b[2J")),
    "an encoding of a million characters": bytes_of(image(encoding="x" * 1_000_000)),
    "an encoding that is no UTF-8": bytes_of(image()).replace(b"rgb8", b"\xff\xfe\xed\xa0"),
    "odd YUV": bytes_of(image(np.zeros((3, 5, 2), np.uint8), "yuv422")),
}
ODD_HEADERS = {
    "a negative stamp": stamped(-5), "the first stamp": stamped(-2**31), "the last stamp": stamped(2**31 - 1, HUGE),
    "more nanoseconds than a second has": stamped(3, HUGE), "no stamp": stamped(0),
    **{f"frame_id {number}": stamped(4, 0, text) for number, text in enumerate(ODD_TEXTS)}}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_image_is_ignored_with_one_line(robot, node, assert_well, data):
    node.node.warnings.clear()
    for _ in range(3):
        robot.camera.publish(data)
    robot.log("ignored: ", 5)
    assert all(map(is_plain_line, robot.logs))
    assert_well()


@pytest.mark.parametrize("header", ODD_HEADERS.values(), ids=ODD_HEADERS)
def test_an_image_with_an_odd_header_is_answered_with_that_header(robot, assert_well, header):
    assert_well()
    robot.clear()
    bright = PIXELS.copy()
    bright[:, 40:] = 250
    robot.send_image(bright, header=header)
    robot.wait(0.1)
    robot.send_command("the bright part")
    result = robot.answer("the bright part")
    assert result["box"] == [40, 0, 64, 48]
    assert result["stamp"] == {"sec": header.stamp.sec, "nanosec": header.stamp.nanosec}
    assert result["frame_id"] == header.frame_id
    assert robot.matching("mask", (header.stamp.sec, header.stamp.nanosec)).header == header
    assert_well()


def every_field(message_type, **fields):
    """Return a strategy for messages of a type, with any value in every field; some by strategies of their own."""
    def strategy(type_name):
        if type_name in ("uint8", "octet", "byte"):
            return st.integers(0, 255)
        if match := re.fullmatch(r"(u?)int(\d+)", type_name):
            bits = int(match[2])
            low, high = (0, 2**bits - 1) if match[1] else (-2**(bits - 1), 2**(bits - 1) - 1)
            return st.integers(low, high) | st.sampled_from([low, high, 0, 1, HEIGHT, WIDTH])
        if type_name in ("double", "float"):
            return st.floats() | st.sampled_from([0.0, 1.0, 60.0, np.nan, np.inf, -np.inf, 1e308])
        if type_name == "boolean":
            return st.booleans()
        if type_name == "string":
            return st.sampled_from(ODD_TEXTS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
        if match := re.fullmatch(r"(\w+)\[(\d+)\]", type_name):
            return st.lists(strategy(match[1]), min_size=int(match[2]), max_size=int(match[2]))
        if match := re.fullmatch(r"sequence<(.+)>", type_name):
            return st.lists(strategy(match[1]), max_size=12)
        package, name = type_name.split("/")
        return every_field(getattr(__import__(f"{package}.msg", fromlist=[name]), name))

    types = message_type.get_fields_and_field_types()
    return st.builds(lambda **values: message_type(**values), **{
        name: fields[name] if name in fields else strategy(type_name) for name, type_name in types.items()})


SMALL = st.integers(0, 9)
DATA = st.binary(max_size=300).map(lambda data: array("B", data))
IMAGES = every_field(Image, encoding=st.sampled_from(ENCODINGS), data=DATA) | every_field(
    Image, encoding=st.sampled_from(ENCODINGS), height=SMALL, width=SMALL, step=st.integers(0, 40), data=DATA)
ENCODED = [cv2.imencode(kind, PIXELS)[1].tobytes() for kind in (".png", ".jpg", ".tiff", ".bmp", ".webp")]


@st.composite
def damaged_files(draw):
    data = bytearray(draw(st.sampled_from(ENCODED)))
    for place, value in draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255)), max_size=5)):
        data[place] = value
    return array("B", bytes(data[draw(st.integers(0, 20)) % 7:draw(st.integers(1, len(data)))]))


COMPRESSED = every_field(CompressedImage, data=DATA | damaged_files(), format=st.sampled_from(
    ["", "jpeg", "png", "16UC1; compressedDepth png", "32FC1; compressedDepth", "16UC1; compressedDepth rvl", "\x1b"]))
CAMERAS = every_field(CameraInfo) | every_field(
    CameraInfo, height=st.just(HEIGHT), width=st.just(WIDTH),
    distortion_model=st.sampled_from(["plumb_bob", "rational_polynomial", "equidistant", "", "fisheye9"]))


def transmitted(message):
    return deserialize_message(serialize_message(message), type(message))


@settings(deadline=None, max_examples=100)
@given(IMAGES | COMPRESSED)
def test_any_image_is_decoded_or_refused_in_one_line(message):
    try:
        decoded = decode_image(transmitted(message))
    except InputError as error:
        assert is_plain_line(str(error))
    else:
        assert decoded.dtype == np.uint8
        assert decoded.ndim == 3
        assert decoded.shape[2] == 3


@settings(deadline=None, max_examples=100)
@given(IMAGES | COMPRESSED)
def test_any_depth_is_decoded_or_refused_in_one_line(message):
    message = transmitted(message)
    shape = (message.height, message.width) if isinstance(message, Image) else (HEIGHT, WIDTH)
    try:
        metres = decode_depth(message, message.header, shape)
    except InputError as error:
        assert is_plain_line(str(error))
    else:
        assert metres.shape == shape
        assert np.isfinite(metres).all()
        assert (metres >= 0).all()


@settings(deadline=None, max_examples=100)
@given(CAMERAS)
def test_any_camera_model_is_read_or_refused_in_one_line(message):
    try:
        decode_camera_info(transmitted(message), (HEIGHT, WIDTH))
    except InputError as error:
        assert is_plain_line(str(error))


@pytest.mark.parametrize("size", [(30_000, 30_000), (2**31 - 1, 2**31 - 1), (9000, 9000)])
def test_a_small_file_that_unpacks_to_gigabytes_is_refused(size):
    data = array("B", png_that_unpacks_to(*size))
    for decode, message in (
            (decode_image, CompressedImage(format="png", data=data)),
            (lambda message: decode_depth(message, Header(), (HEIGHT, WIDTH)),
             CompressedImage(format="16UC1; compressedDepth png", data=array("B", bytes(12)) + data))):
        with pytest.raises(InputError, match="larger than max_image_pixels"):
            decode(message)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(IMAGES.map(bytes_of) | st.binary(max_size=100), min_size=1, max_size=5))
def test_after_any_images_the_node_answers(robot, assert_well, images):
    robot.clear()
    for data in images:
        robot.camera.publish(data)
    assert_well()


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["depth", "camera_info"]), IMAGES.map(bytes_of) | CAMERAS.map(bytes_of)
                          | st.sampled_from(list(BROKEN.values()))), min_size=1, max_size=5))
def test_after_any_depth_and_camera_models_the_node_answers(robot, assert_well, messages):
    robot.clear()
    for topic, data in messages:
        robot.publisher(Image if topic == "depth" else CameraInfo, topic).publish(data)
    assert_well()


def test_depth_that_cannot_be_read_costs_the_depth_alone(robot, node, assert_well):
    depth, info = robot.publisher(Image, "depth"), robot.publisher(CameraInfo, "camera_info")
    for number, (topic, data) in enumerate([(depth, data) for data in BROKEN.values()] + [
            (info, b"\x00\x01\x00\x00" + struct.pack("<iI", 5, 0))]):
        node.node.warnings.clear()
        topic.publish(data)
        robot.send_image(PIXELS + np.uint8(200) * (np.arange(WIDTH) < 32)[:, None].astype(np.uint8), (500 + number, 0))
        robot.send_command(f"the part {number}")
        assert robot.answer(f"the part {number}")["found"]
    assert all(map(is_plain_line, robot.logs))
    assert_well()


@st.composite
def depths(draw):
    values = np.full((HEIGHT, WIDTH), draw(st.sampled_from([0.03, 0.5, 1.0, 150.0])), np.float32)
    for y, x, value in draw(st.lists(st.tuples(st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1), st.floats(
            width=32)), max_size=20)):
        values[y, x] = value
    message = image(values, "32FC1")
    return decode_depth(message, message.header, values.shape)


NUMBERS = st.floats() | st.sampled_from([0.0, 1.0, -1.0, 60.0, 32.0, 24.0, 1e-30, 1e30])


@settings(deadline=None, max_examples=100)
@given(depths(), st.just(60.0) | NUMBERS, st.just(60.0) | NUMBERS, NUMBERS,
       st.just([]) | st.lists(NUMBERS, max_size=14),
       st.sampled_from(["plumb_bob", "rational_polynomial", "equidistant", ""]))
def test_an_object_is_located_by_finite_numbers_or_the_reason_why_not_is_given(metres, focal, other, centre, d, model):
    message = CameraInfo(height=HEIGHT, width=WIDTH, distortion_model=model, d=d,
                         k=[focal, 0.0, centre, 0.0, other, 24.0, 0.0, 0.0, 1.0])
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[10:30, 10:30] = True
    try:
        found = locate(mask, Depth(metres, decode_camera_info(message, (HEIGHT, WIDTH))), PIXELS)
    except InputError as error:
        assert is_plain_line(str(error))
    else:
        assert to_json(found.to_dict()) == json.dumps(found.to_dict(), ensure_ascii=False)
