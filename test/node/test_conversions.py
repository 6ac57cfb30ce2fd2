import json
import os
import struct
import subprocess
import sys
from array import array

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("rclpy")

from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from ris_ros.errors import InputError
from ris_ros.node import conversions
from ris_ros.types import Candidate, Description, Query, Result
from ris_ros.utils.masks import mask_box

RNG = np.random.default_rng(7)
RGB = RNG.integers(0, 256, (6, 8, 3), np.uint8)
GREY = RNG.integers(0, 256, (6, 8), np.uint8)
ALPHA = RNG.integers(0, 256, (6, 8, 1), np.uint8)
BGR = RGB[..., ::-1]


def image(pixels, encoding, *, padding=0, big_endian=False):
    """A message as a driver would fill it, with `padding` bytes of rubbish after every row."""
    pixels = np.ascontiguousarray(pixels)
    if pixels.dtype == np.uint16:
        pixels = pixels.astype(">u2" if big_endian else "<u2")
    rows = pixels.view(np.uint8).reshape(len(pixels), -1)
    rows = np.hstack([rows, np.full((len(rows), padding), 0xAB, np.uint8)])
    message = Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding, step=rows.shape[1],
                    is_bigendian=int(big_endian))
    message.data = array("B", rows.tobytes())
    return message


def grey3(grey):
    return np.repeat(grey[..., None], 3, axis=2)


LAYOUTS = {
    "rgb8": (RGB, RGB), "8UC3": (RGB, RGB), "bgr8": (BGR, RGB),
    "rgba8": (np.dstack([RGB, ALPHA]), RGB), "8UC4": (np.dstack([RGB, ALPHA]), RGB),
    "bgra8": (np.dstack([BGR, ALPHA]), RGB),
    "mono8": (GREY, grey3(GREY)), "8UC1": (GREY, grey3(GREY)),
    # 255 * 257 = 65535: the whole 16-bit range is mapped onto the whole 8-bit range.
    "mono16": (GREY.astype(np.uint16) * 257, grey3(GREY)),
    "rgb16": (RGB.astype(np.uint16) * 257, RGB), "bgr16": (BGR.astype(np.uint16) * 257, RGB),
}


@pytest.mark.parametrize("padding", [0, 2, 10])
@pytest.mark.parametrize("encoding", LAYOUTS)
def test_every_encoding_gives_the_same_rgb(encoding, padding):
    pixels, expected = LAYOUTS[encoding]
    picture = conversions.to_rgb(image(pixels, encoding, padding=padding))
    assert picture.dtype == np.uint8
    assert picture.shape == (6, 8, 3)
    # cv_bridge rounds 16-bit values where rosbags-image truncates.
    np.testing.assert_allclose(picture.astype(int), expected, atol=1 if encoding.endswith("16") else 0)


@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize("encoding", ["mono16", "rgb16"])
def test_big_endian_is_swapped(encoding, padding):
    pixels, expected = LAYOUTS[encoding]
    picture = conversions.to_rgb(image(pixels, encoding, padding=padding, big_endian=True))
    np.testing.assert_allclose(picture.astype(int), expected, atol=1)


def test_the_byte_order_flag_means_nothing_for_bytes():
    np.testing.assert_array_equal(conversions.to_rgb(image(BGR, "bgr8", big_endian=True)), RGB)


@pytest.mark.parametrize("encoding", ["yuv422", "uyvy", "yuv422_yuy2", "yuyv"])
def test_yuv_of_a_uniform_grey_is_that_grey(encoding):
    luma_first = encoding in ("yuv422_yuy2", "yuyv")
    pixels = np.full((4, 6, 2), 128, np.uint8)
    pixels[..., 0 if luma_first else 1] = 126
    picture = conversions.to_rgb(image(pixels, encoding))
    np.testing.assert_allclose(picture.astype(int), round((126 - 16) * 255 / 219), atol=1)


@pytest.mark.parametrize("order", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("bits", [8, 16])
def test_bayer_of_a_uniform_colour_is_that_colour(order, bits):
    colour = dict(zip("rgb", (200, 120, 40), strict=True))
    tile = np.array([colour[c] for c in order], np.uint16 if bits == 16 else np.uint8).reshape(2, 2)
    pixels = np.tile(tile * (257 if bits == 16 else 1), (4, 5))
    picture = conversions.to_rgb(image(pixels, f"bayer_{order}{bits}"))
    np.testing.assert_allclose(picture[2:-2, 2:-2].astype(int), np.broadcast_to((200, 120, 40), (4, 6, 3)), atol=1)


@pytest.mark.parametrize("encoding", sorted(set(LAYOUTS) - {"8UC1", "8UC3", "8UC4"}))
def test_agrees_with_cv_bridge(encoding):
    bridge = pytest.importorskip("cv_bridge").CvBridge()
    message = image(LAYOUTS[encoding][0], encoding, padding=4)
    np.testing.assert_allclose(conversions.to_rgb(message).astype(int), bridge.imgmsg_to_cv2(message, "rgb8"), atol=1)


def broken(**changes):
    message = image(RGB, "rgb8")
    for name, value in changes.items():
        setattr(message, name, value)
    return message


@pytest.mark.parametrize(("message", "words"), [
    (broken(width=0), "0 x 6"), (broken(height=0), "8 x 0"), (Image(), "0 x 0"),
    (broken(encoding="rainbow9"), "'rainbow9'"), (broken(encoding=""), "encoding"),
    (broken(step=23), "step is 23"), (broken(step=0), "step is 0"),
    (broken(data=array("B", bytes(143))), "143 bytes"), (broken(data=array("B")), "0 bytes"),
    (broken(width=2**31, height=2**31), "step"),
    (broken(step=2**32 - 1), "data"),
])
def test_an_impossible_frame_is_refused_in_one_line(message, words):
    with pytest.raises(InputError) as refusal:
        conversions.to_rgb(message)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_the_library_cannot_convert_is_an_input_error():
    with pytest.raises(InputError, match="cannot convert a yuv422 image"):
        conversions.to_rgb(image(np.zeros((3, 3, 2), np.uint8), "yuv422"))


@settings(max_examples=200, deadline=None)
@given(width=st.integers(0, 9), height=st.integers(0, 9), step=st.integers(0, 40), size=st.integers(0, 400),
       encoding=st.sampled_from([*LAYOUTS, "yuv422", "bayer_rggb8", "32FC1", ""]), big_endian=st.booleans())
def test_any_header_gives_a_picture_or_an_input_error(width, height, step, size, encoding, big_endian):
    message = Image(width=width, height=height, step=step, encoding=encoding, is_bigendian=int(big_endian))
    message.data = array("B", bytes(size))
    try:
        picture = conversions.to_rgb(message)
    except InputError:
        return
    assert picture.shape == (height, width, 3)
    assert picture.dtype == np.uint8


def compressed(extension, pixels):
    return CompressedImage(format=extension, data=array("B", cv2.imencode(f".{extension}", pixels)[1].tobytes()))


def test_compressed_images_come_out_as_rgb():
    np.testing.assert_array_equal(conversions.to_rgb(compressed("png", BGR)), RGB)
    np.testing.assert_array_equal(conversions.to_rgb(compressed("png", GREY)), grey3(GREY))
    smooth = np.full((32, 48, 3), (10, 120, 240), np.uint8)
    np.testing.assert_allclose(conversions.to_rgb(compressed("jpeg", smooth[..., ::-1])).astype(int), smooth, atol=3)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff nothing of a picture", bytes(100)])
def test_an_undecodable_compressed_image_is_refused(data):
    with pytest.raises(InputError, match="compressed image"):
        conversions.to_rgb(CompressedImage(format="jpeg", data=array("B", data)))


@pytest.fixture
def result():
    first, second = np.zeros((2, 6, 8), bool)
    first[1:4, 2:7] = True
    second[3:6, 0:4] = True
    candidates = [Candidate(i, mask, mask_box(mask), score, {})
                  for i, (mask, score) in enumerate([(first, 0.75), (second, 0.25)])]
    query = Query("the cup", "the cup", (Description("the cup"),))
    return Result(True, first, mask_box(first), 0.75, 0.5, candidates, query)


def test_outputs_have_the_size_stamp_and_layout_of_their_source(result):
    header = Header(frame_id="camera")
    header.stamp.sec, header.stamp.nanosec = 12, 34
    mask = conversions.to_mask_image(result.mask, header)
    assert (mask.height, mask.width, mask.step, mask.encoding) == (6, 8, 8, "mono8")
    assert mask.header == header
    np.testing.assert_array_equal(np.array(mask.data).reshape(6, 8), result.mask * 255)
    ranks = conversions.to_candidates_image(result.candidates, (6, 8), header)
    assert (ranks.encoding, ranks.step, len(ranks.data)) == ("mono16", 16, 96)
    expected = np.where(result.candidates[0].mask, 1, result.candidates[1].mask * 2)
    np.testing.assert_array_equal(np.frombuffer(ranks.data, np.uint16).reshape(6, 8), expected)
    roi = conversions.to_roi(result)
    assert (roi.x_offset, roi.y_offset, roi.width, roi.height) == (2, 1, 5, 3)


def test_an_output_can_be_read_back(result):
    np.testing.assert_array_equal(conversions.to_rgb(conversions.to_image(RGB, "rgb8", Header())), RGB)
    np.testing.assert_array_equal(
        conversions.to_rgb(conversions.to_mask_image(result.mask, Header())), grey3(result.mask * np.uint8(255)))


def test_detections_hold_the_answer_or_nothing(result):
    pytest.importorskip("vision_msgs")
    header = Header(frame_id="camera")
    [detection] = conversions.to_detections(result, header).detections
    assert (detection.bbox.center.position.x, detection.bbox.center.position.y) == (4.5, 2.5)
    assert (detection.bbox.size_x, detection.bbox.size_y) == (5, 3)
    assert detection.results[0].hypothesis.class_id == "the cup"
    assert detection.header.frame_id == "camera"
    absent = Result(False, result.mask & False, np.zeros(4), 0.0, 0.0, [], result.query)
    assert not conversions.to_detections(absent, header).detections


# A cv_bridge stands in here only for its ways to fail, which need a numpy that this environment does not have.
@pytest.mark.parametrize("body", [
    "raise ImportError('numpy.core.multiarray failed to import')",
    "raise AttributeError('_ARRAY_API not found')",
    "import os; os.kill(os.getpid(), 11)",
    "class CvBridge:\n    def imgmsg_to_cv2(self, message, encoding):\n        raise SystemError('bad array')",
])
def test_a_cv_bridge_that_does_not_work_is_passed_over(tmp_path, body):
    (tmp_path / "cv_bridge.py").write_text(body)
    paths = [str(tmp_path), os.environ.get("PYTHONPATH", "")]
    code = ("import json, numpy, types\n"
            "from ris_ros.node.conversions import image_converter\n"
            "frame = types.SimpleNamespace(height=1, width=1, encoding='bgr8', step=3, is_bigendian=0,"
            " data=numpy.array([1, 2, 3], numpy.uint8))\n"
            "print(json.dumps(image_converter()(frame, 'rgb8').tolist()))")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60,
                         env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))})
    assert json.loads(run.stdout) == [[[3, 2, 1]]]


METRES = RNG.uniform(0.3, 3, (6, 8)).astype(np.float32)


@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize("big_endian", [False, True])
def test_depth_is_metres_whatever_its_layout(padding, big_endian):
    message = image((METRES * 1000).astype(np.uint16), "16UC1", padding=padding, big_endian=big_endian)
    metres = conversions.to_metres(message, Header(), (6, 8))
    assert metres.dtype == np.float32
    np.testing.assert_allclose(metres, METRES, atol=1e-3)


def test_a_depth_image_of_nothing_is_no_error():
    message = image(np.full((6, 8), np.nan, np.float32), "32FC1")
    assert (conversions.to_metres(message, Header(), (6, 8)) == 0).all()


def compressed_depth(pixels, format, a=0.0, b=0.0):
    png = cv2.imencode(".png", pixels)[1].tobytes()
    return CompressedImage(format=format, data=array("B", struct.pack("<iff", 0, a, b) + png))


@pytest.mark.parametrize("format", ["16UC1; compressedDepth png", "16UC1; compressedDepth", "16UC1"])
def test_compressed_millimetres_are_metres(format):
    millimetres = (METRES * 1000).astype(np.uint16)
    millimetres[0, 0] = 0
    metres = conversions.to_metres(compressed_depth(millimetres, format), Header(), (6, 8))
    assert metres.dtype == np.float32
    np.testing.assert_allclose(metres, np.where(millimetres, METRES, 0), atol=1e-3)


def test_compressed_metres_come_as_quantised_inverses():
    # As compressed_depth_image_transport makes them with its defaults: depth_max 10, depth_quantization 100.
    a = 100 * 101.0
    b = 1 - a / 10
    quantised = (a / METRES + b).astype(np.uint16)
    quantised[0, 0] = 0
    metres = conversions.to_metres(compressed_depth(quantised, "32FC1; compressedDepth png", a, b), Header(), (6, 8))
    assert metres[0, 0] == 0
    np.testing.assert_allclose(metres.flat[1:], METRES.flat[1:], rtol=1e-3)


@pytest.mark.parametrize(("message", "words"), [
    (CompressedImage(format="16UC1; compressedDepth rvl", data=array("B", bytes(40))), "in PNG format"),
    (CompressedImage(format="16UC1; compressedDepth png", data=array("B", bytes(40))), "in PNG format"),
    (CompressedImage(format="16UC1; compressedDepth png"), "0 bytes"),
    (compressed_depth(np.zeros((6, 8), np.uint8), "16UC1; compressedDepth png"), "in PNG format"),
    (compressed_depth(np.ones((3, 8), np.uint16), "16UC1; compressedDepth png"), "8 x 3 pixels"),
    (CompressedImage(format="jpeg"), "'jpeg'")])
def test_compressed_depth_that_cannot_be_used_is_refused(message, words):
    with pytest.raises(InputError, match=words):
        conversions.to_metres(message, Header(), (6, 8))
