"""Decoding of depth messages, raw and compressed, to metres."""

import struct
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.messages import decode_depth

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


@pytest.mark.parametrize(("format_", "data", "words"), [
    ("16UC1; compressedDepth rvl", bytes(40), "in PNG format"),
    ("16UC1; compressedDepth png", bytes(40), "in PNG format"),
    ("16UC1; compressedDepth png", b"", "0 bytes"),
    ("16UC1; compressedDepth png", compressed_depth(np.zeros(SHAPE, np.uint8)), "in PNG format"),
    ("16UC1; compressedDepth png", compressed_depth(np.ones((3, 8), np.uint16)), "8 x 3 pixels"),
    ("jpeg", b"", "'jpeg'")])
def test_unusable_compressed_depth_is_refused(compressed_message, format_, data, words):
    with pytest.raises(InputError, match=words):
        decode_depth(compressed_message(format_, data), HEADER, SHAPE)
