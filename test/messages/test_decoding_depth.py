"""Decoding of depth messages, raw and compressed, to metres."""

import struct
from itertools import groupby
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ris_ros.errors import InputError
from ris_ros.messages import decode_depth
from ris_ros.messages.rvl import decode_rvl

METRES = np.random.default_rng(7).uniform(0.3, 3, (6, 8)).astype(np.float32)
SHAPE = METRES.shape
HEADER = SimpleNamespace(frame_id="")
"""Header of the image that the depth is registered to."""


def compressed_depth(pixels, a=0.0, b=0.0):
    return struct.pack("<iff", 0, a, b) + cv2.imencode(".png", pixels)[1].tobytes()


@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize("big_endian", [False, True])
def test_depth_is_metres_whatever_its_layout(image_message, padding, big_endian):
    message = image_message((METRES * 1000).astype(np.uint16), "16UC1", padding=padding, big_endian=big_endian)
    metres = decode_depth(message, HEADER, SHAPE)
    assert metres.dtype == np.float32
    np.testing.assert_allclose(metres, METRES, atol=1e-3)


@pytest.mark.parametrize("padding", [0, 8])
@pytest.mark.parametrize("big_endian", [False, True])
def test_float_depth_is_exact_whatever_its_layout(image_message, padding, big_endian):
    message = image_message(METRES, "32FC1", padding=padding, big_endian=big_endian)
    np.testing.assert_array_equal(decode_depth(message, HEADER, SHAPE), METRES)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1.0, 0.0])
def test_unknown_depth_is_zero(image_message, value):
    message = image_message(np.full(SHAPE, value, np.float32), "32FC1")
    assert (decode_depth(message, HEADER, SHAPE) == 0).all()


@pytest.mark.parametrize(("pixels", "encoding", "words"), [
    (np.ones(SHAPE, np.uint16), "mono16", "'mono16'; it must be 16UC1"),
    (np.ones((*SHAPE, 3), np.uint8), "rgb8", "'rgb8'; it must be 16UC1"),
    (np.ones((3, 8), np.uint16), "16UC1", "8 x 3 pixels"),
    (np.full(SHAPE, 1500, np.float32), "32FC1", "typically 1500 m cannot be right: 32FC1 must hold metres"),
    (np.full(SHAPE, 2, np.uint16), "16UC1", "typically 0.002 m cannot be right: 16UC1 must hold millimetres")])
def test_depth_with_an_implausible_unit_or_layout_is_refused(image_message, pixels, encoding, words):
    with pytest.raises(InputError, match=words):
        decode_depth(image_message(pixels, encoding), HEADER, SHAPE)


def test_depth_in_another_frame_is_refused(image_message):
    with pytest.raises(InputError, match="depth is in the frame '', the image in 'camera'"):
        decode_depth(image_message(METRES, "32FC1"), SimpleNamespace(frame_id="camera"), SHAPE)


@pytest.mark.parametrize("format_", ["16UC1; compressedDepth png", "16UC1; compressedDepth", "16UC1"])
def test_compressed_millimetres_are_metres(compressed_message, format_):
    millimetres = (METRES * 1000).astype(np.uint16)
    millimetres[0, 0] = 0
    metres = decode_depth(compressed_message(format_, compressed_depth(millimetres)), HEADER, SHAPE)
    assert metres.dtype == np.float32
    np.testing.assert_allclose(metres, np.where(millimetres, METRES, 0), atol=1e-3)


def test_compressed_float_depth_is_dequantised(compressed_message):
    # As compressed_depth_image_transport makes them with its defaults: depth_max 10, depth_quantization 100.
    a = 100 * 101.0
    b = 1 - a / 10
    quantised = (a / METRES + b).astype(np.uint16)
    quantised[0, 0] = 0
    message = compressed_message("32FC1; compressedDepth png", compressed_depth(quantised, a, b))
    metres = decode_depth(message, HEADER, SHAPE)
    assert metres[0, 0] == 0
    np.testing.assert_allclose(metres.flat[1:], METRES.flat[1:], rtol=1e-3)


def encode_rvl(pixels):
    """Compress uint16 [H, W] nibble by nibble, as the format's paper describes it."""
    nibbles, flat, previous = [], pixels.ravel().tolist(), 0

    def put(number):
        while number > 7:
            nibbles.append(8 | number & 7)
            number >>= 3
        nibbles.append(number)

    for is_set, run in groupby([0, *flat] if flat[0] else flat, bool):
        run = list(run)
        # A leading zero stands for a run of none.
        put(len(run) - (flat[0] != 0 and not nibbles))
        for value in run if is_set else ():
            difference, previous = value - previous, value
            put(2 * difference if difference >= 0 else -2 * difference - 1)
    if not flat[-1]:
        put(0)
    nibbles += [0] * (-len(nibbles) % 8)
    words = [int("".join(f"{nibble:x}" for nibble in nibbles[i:i + 8]), 16) for i in range(0, len(nibbles), 8)]
    height, width = pixels.shape
    return struct.pack("<II", width, height) + struct.pack(f"<{len(words)}I", *words)


def test_an_example_of_rvl_by_hand():
    # Two zeros, two others: 3 and 3 - 2, whose differences are stored as 6 and 2 * 2 - 1; nibbles 2 2 6 3.
    assert encode_rvl(np.array([[0, 0, 3, 1]], np.uint16)) == struct.pack("<III", 4, 1, 0x22630000)
    np.testing.assert_array_equal(decode_rvl(struct.pack("<III", 4, 1, 0x22630000)), [[0, 0, 3, 1]])
    # 100 pixels are 4 + 8 * 4 + 64: the nibbles c c 1.
    assert not decode_rvl(struct.pack("<III", 10, 10, 0xCC100000)).any()


@given(arrays(np.uint16, array_shapes(min_dims=2, max_dims=2, max_side=12),
              elements=st.sampled_from([0, 0, 1, 7, 8, 500, 501, 65535]) | st.integers(0, 65535)))
def test_rvl_is_lossless(pixels):
    decoded = decode_rvl(encode_rvl(pixels))
    assert decoded.dtype == np.uint16
    np.testing.assert_array_equal(decoded, pixels)


@given(st.binary(max_size=60), st.integers(0, 9), st.integers(0, 9))
def test_any_bytes_are_an_image_in_rvl_or_refused(data, width, height):
    try:
        decoded = decode_rvl(struct.pack("<II", width, height) + data)
    except InputError:
        return
    assert decoded.shape == (height, width)


def test_rvl_in_a_message_is_metres(compressed_message):
    millimetres = (METRES * 1000).astype(np.uint16)
    millimetres[0, :3] = millimetres[-1, -1] = 0
    metres = decode_depth(compressed_message("16UC1; compressedDepth rvl", bytes(12) + encode_rvl(millimetres)),
                          HEADER, SHAPE)
    np.testing.assert_allclose(metres, millimetres * 0.001, atol=1e-6)


@pytest.mark.parametrize(("format_", "data", "words"), [
    ("16UC1; compressedDepth rvl", bytes(40), "0 x 0 pixels"),
    ("16UC1; compressedDepth rvl", bytes(15), "begin with width and height"),
    ("16UC1; compressedDepth rvl", bytes(12) + struct.pack("<II", 8, 3), "8 x 3 pixels"),
    ("16UC1; compressedDepth rvl", bytes(12) + struct.pack("<II", 8, 6), "do not make an image of 8 x 6 pixels"),
    ("16UC1; compressedDepth rvl", bytes(12) + struct.pack("<II", 8, 6) + b"\xff" * 40, "do not make an image"),
    ("16UC1; compressedDepth rvl", bytes(12) + struct.pack("<II", 8, 6) + b"\xff\xff\xff\xff\0\xff\xff\xff",
     "more than 32 bits"),
    ("16UC1; compressedDepth png", bytes(40), "in PNG or RVL format"),
    ("16UC1; compressedDepth png", b"", "0 bytes"),
    ("16UC1; compressedDepth png", compressed_depth(np.zeros(SHAPE, np.uint8)), "in PNG or RVL format"),
    ("16UC1; compressedDepth png", compressed_depth(np.ones((3, 8), np.uint16)), "8 x 3 pixels"),
    ("jpeg", b"", "'jpeg'")])
def test_unusable_compressed_depth_is_refused(compressed_message, format_, data, words):
    with pytest.raises(InputError, match=words):
        decode_depth(compressed_message(format_, data), HEADER, SHAPE)
