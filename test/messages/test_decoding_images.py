"""Decoding of image messages of every encoding to RGB arrays."""

import json
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ris_ros.errors import InputError
from ris_ros.messages import MessageBuilder, decode_image

RNG = np.random.default_rng(7)
RGB = RNG.integers(0, 256, (6, 8, 3), np.uint8)
GREY = RNG.integers(0, 256, (6, 8), np.uint8)
ALPHA = RNG.integers(0, 256, (6, 8, 1), np.uint8)
BGR = RGB[..., ::-1]


def grey3(grey):
    return np.repeat(grey[..., None], 3, axis=2)


LAYOUTS = {
    "rgb8": (RGB, RGB), "8UC3": (RGB, RGB), "bgr8": (BGR, RGB),
    "rgba8": (np.dstack([RGB, ALPHA]), RGB), "8UC4": (np.dstack([RGB, ALPHA]), RGB),
    "bgra8": (np.dstack([BGR, ALPHA]), RGB),
    "mono8": (GREY, grey3(GREY)), "8UC1": (GREY, grey3(GREY)),
    # 255 * 257 = 65535: the full 16-bit range is mapped to the full 8-bit range.
    "mono16": (GREY.astype(np.uint16) * 257, grey3(GREY)),
    "rgb16": (RGB.astype(np.uint16) * 257, RGB), "bgr16": (BGR.astype(np.uint16) * 257, RGB),
}


@pytest.mark.parametrize("padding", [0, 2, 10])
@pytest.mark.parametrize("encoding", LAYOUTS)
def test_every_encoding_gives_the_same_rgb(image_message, encoding, padding):
    pixels, expected = LAYOUTS[encoding]
    image = decode_image(image_message(pixels, encoding, padding=padding))
    assert image.dtype == np.uint8
    assert image.shape == (6, 8, 3)
    # cv_bridge rounds 16-bit values, rosbags-image truncates them.
    np.testing.assert_allclose(image.astype(int), expected, atol=1 if encoding.endswith("16") else 0)


@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize("encoding", ["mono16", "rgb16"])
def test_big_endian_is_swapped(image_message, encoding, padding):
    pixels, expected = LAYOUTS[encoding]
    image = decode_image(image_message(pixels, encoding, padding=padding, big_endian=True))
    np.testing.assert_allclose(image.astype(int), expected, atol=1)


def test_the_byte_order_flag_is_ignored_for_8_bit_channels(image_message):
    np.testing.assert_array_equal(decode_image(image_message(BGR, "bgr8", big_endian=True)), RGB)


def test_rgb8_is_not_copied(image_message):
    message = image_message(RGB, "rgb8")
    assert np.shares_memory(decode_image(message), np.frombuffer(message.data, np.uint8))


@pytest.mark.parametrize("encoding", ["yuv422", "uyvy", "yuv422_yuy2", "yuyv"])
def test_yuv_of_a_uniform_grey_is_that_grey(image_message, encoding):
    luma_first = encoding in ("yuv422_yuy2", "yuyv")
    pixels = np.full((4, 6, 2), 128, np.uint8)
    pixels[..., 0 if luma_first else 1] = 126
    image = decode_image(image_message(pixels, encoding))
    np.testing.assert_allclose(image.astype(int), round((126 - 16) * 255 / 219), atol=1)


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("bits", [8, 16])
def test_bayer_of_a_uniform_colour_is_that_colour(image_message, pattern, bits):
    colour = dict(zip("rgb", (200, 120, 40), strict=True))
    tile = np.array([colour[c] for c in pattern], np.uint16 if bits == 16 else np.uint8).reshape(2, 2)
    pixels = np.tile(tile * (257 if bits == 16 else 1), (4, 5))
    image = decode_image(image_message(pixels, f"bayer_{pattern}{bits}"))
    np.testing.assert_allclose(image[2:-2, 2:-2].astype(int), np.broadcast_to((200, 120, 40), (4, 6, 3)), atol=1)


@pytest.mark.parametrize("encoding", sorted(set(LAYOUTS) - {"8UC1", "8UC3", "8UC4"}))
def test_agrees_with_cv_bridge(image_message, encoding):
    bridge = pytest.importorskip("cv_bridge").CvBridge()
    message = image_message(LAYOUTS[encoding][0], encoding, padding=4)
    np.testing.assert_allclose(decode_image(message).astype(int), bridge.imgmsg_to_cv2(message, "rgb8"), atol=1)


@pytest.mark.parametrize(("changes", "words"), [
    ({"width": 0}, "0 x 6"), ({"height": 0}, "8 x 0"), ({"width": 0, "height": 0}, "0 x 0"),
    ({"encoding": "rainbow9"}, "'rainbow9'"), ({"encoding": ""}, "encoding"), ({"encoding": "nv12"}, "'nv12'"),
    ({"step": 23}, "step is 23"), ({"step": 0}, "step is 0"),
    ({"data": np.zeros(143, np.uint8)}, "143 bytes"), ({"data": np.zeros(0, np.uint8)}, "0 bytes"),
    ({"width": 2**31, "height": 2**31}, "larger than max_image_pixels"),
    ({"step": 2**32 - 1}, "data"),
], ids=str)
def test_an_inconsistent_message_is_refused_in_one_line(image_message, changes, words):
    with pytest.raises(InputError) as refusal:
        decode_image(image_message(RGB, "rgb8", **changes))
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_empty_message_is_refused(factory):
    with pytest.raises(InputError, match="0 x 0"):
        decode_image(factory.create("sensor_msgs/msg/Image"))


def test_a_failed_conversion_is_an_input_error(image_message):
    with pytest.raises(InputError, match="cannot convert a yuv422 image"):
        decode_image(image_message(np.zeros((3, 3, 2), np.uint8), "yuv422"))


@settings(max_examples=200, deadline=None)
@given(width=st.integers(0, 9), height=st.integers(0, 9), step=st.integers(0, 40), size=st.integers(0, 400),
       encoding=st.sampled_from([*LAYOUTS, "yuv422", "bayer_rggb8", "32FC1", ""]), big_endian=st.booleans())
def test_any_header_gives_an_image_or_an_input_error(factory, width, height, step, size, encoding, big_endian):
    message = factory.create("sensor_msgs/msg/Image", width=width, height=height, step=step, encoding=encoding,
                             is_bigendian=int(big_endian), data=np.zeros(size, np.uint8))
    try:
        image = decode_image(message)
    except InputError:
        return
    assert image.shape == (height, width, 3)
    assert image.dtype == np.uint8


def test_compressed_images_are_decoded_to_rgb(compressed_message):
    def decoded(extension, pixels):
        return decode_image(compressed_message(extension, cv2.imencode(f".{extension}", pixels)[1].tobytes()))

    np.testing.assert_array_equal(decoded("png", BGR), RGB)
    np.testing.assert_array_equal(decoded("png", GREY), grey3(GREY))
    smooth = np.full((32, 48, 3), (10, 120, 240), np.uint8)
    np.testing.assert_allclose(decoded("jpeg", smooth[..., ::-1]).astype(int), smooth, atol=3)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff nothing of an image", bytes(100)])
def test_an_undecodable_compressed_image_is_refused(compressed_message, data):
    with pytest.raises(InputError, match="compressed image"):
        decode_image(compressed_message("jpeg", data))


def test_an_output_can_be_read_back(factory):
    build, mask = MessageBuilder(factory), GREY > 99
    header = build.header((0, 0), "camera")
    np.testing.assert_array_equal(decode_image(build.image(RGB, "rgb8", header)), RGB)
    np.testing.assert_array_equal(decode_image(build.mask_image(mask, header)), grey3(mask * np.uint8(255)))


# A cv_bridge is imitated here only in the ways it fails, which need a numpy that this environment does not have.
@pytest.mark.parametrize("body", [
    "raise ImportError('numpy.core.multiarray failed to import')",
    "raise AttributeError('_ARRAY_API not found')",
    "import os; os.kill(os.getpid(), 11)",
    "class CvBridge:\n    def imgmsg_to_cv2(self, message, encoding):\n        raise SystemError('bad array')",
])
def test_a_cv_bridge_that_does_not_work_is_not_used(tmp_path, body):
    (tmp_path / "cv_bridge.py").write_text(body)
    paths = [str(tmp_path), os.environ.get("PYTHONPATH", "")]
    code = ("import json, numpy, types\n"
            "from ris_ros.messages import image_converter\n"
            "frame = types.SimpleNamespace(height=1, width=1, encoding='bgr8', step=3, is_bigendian=0,"
            " data=numpy.array([1, 2, 3], numpy.uint8))\n"
            "print(json.dumps(image_converter()(frame, 'rgb8').tolist()))")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60,
                         env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))})
    assert json.loads(run.stdout) == [[[3, 2, 1]]]


def test_messages_need_neither_rclpy_nor_ros_packages():
    code = ("import sys, ris_ros.messages\n"
            "print([name for name in sys.modules if name == 'rclpy' or name.endswith('_msgs')"
            " or name.startswith('rosbags')])")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "[]"
