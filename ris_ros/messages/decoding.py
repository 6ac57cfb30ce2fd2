"""Decoding of images, depth images, camera models and transforms from ROS messages.

Messages may be of any library that names their fields as ROS 2 does, such as rclpy and rosbags.
"""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np

from ris_ros.errors import InputError, MissingError, one_line
from ris_ros.geometry import rays
from ris_ros.messages.rvl import decode_rvl, rvl_size
from ris_ros.types import CameraModel
from ris_ros.utils.images import MAX_IMAGE_PIXELS, check_size, decode, decode_rgb, encoded_size

ENCODING_ALIASES = {"8UC1": "mono8", "8UC3": "rgb8", "8UC4": "rgba8", "uyvy": "yuv422", "yuyv": "yuv422_yuy2"}
"""Other names of image encodings: what most drivers mean by encodings without colour, and newer names of old ones."""

NUM_CHANNELS = {
    "mono8": 1, "rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "yuv422": 2, "yuv422_yuy2": 2,
    "mono16": 1, "rgb16": 3, "bgr16": 3, "rgba16": 4, "bgra16": 4,
    **{f"bayer_{pattern}{bits}": 1 for bits in (8, 16) for pattern in ("rggb", "bggr", "gbrg", "grbg")}}
"""Channels of each image encoding that can be decoded; the bit depth of a channel is 16 or 8, as the name ends."""

DEPTH_UNITS: dict[str, tuple[np.dtype, float]] = {
    "16UC1": (np.dtype(np.uint16), 0.001), "32FC1": (np.dtype(np.float32), 1.0)}
"""Pixel type and unit in metres of each depth encoding (REP 118)."""

MIN_TYPICAL_DEPTH_METRES, MAX_TYPICAL_DEPTH_METRES = 0.02, 200.0
"""Range of a plausible median depth; outside of it, the unit is probably wrong."""

COMPRESSED_DEPTH_HEADER = struct.Struct("<iff")
"""Header of compressedDepth before the PNG: a format number, and the quantisation parameters A and B."""

PNG_SIGNATURE = b"\x89PNG"

CV_BRIDGE_PROBE = """
import numpy, types
from cv_bridge import CvBridge
frame = types.SimpleNamespace(height=1, width=1, encoding="bgr8", step=3, is_bigendian=0,
                              data=numpy.array([1, 2, 3], numpy.uint8))
assert CvBridge().imgmsg_to_cv2(frame, "rgb8").tolist() == [[[3, 2, 1]]]
"""
"""A test of cv_bridge for a separate process: compiled for numpy 1 it may crash the process under numpy 2."""


def decode_image(message: Any, max_pixels: int = MAX_IMAGE_PIXELS) -> np.ndarray:
    """Return the image of a message as uint8 RGB [H, W, 3]; it may share the message's memory.

    16-bit channels are scaled to 8 bits by their full range, as by cv_bridge. Row padding and the byte order of another
    machine are accounted for.

    Parameters
    ----------
    message : a sensor_msgs/Image in an encoding of NUM_CHANNELS or ENCODING_ALIASES, or a sensor_msgs/CompressedImage
    max_pixels : of the largest image that is decoded

    Raises
    ------
    InputError
        If the message is inconsistent, its image too large, its encoding unknown, or its data cannot be decoded.
    MissingError
        If the encoding needs a conversion and no library for it is installed.

    """
    if not hasattr(message, "encoding"):
        return _decompress_image(message, max_pixels)
    check_size(message.width, message.height, max_pixels)
    dtype, channels = _pixel_layout(message.encoding)
    values = _read_rows(message, dtype, channels)
    encoding = ENCODING_ALIASES.get(message.encoding, message.encoding)
    if encoding == "rgb8":
        return values.reshape(message.height, message.width, 3)
    return _convert_to_rgb(values, message.width, encoding)


def check_image_size(message: Any, max_pixels: int = MAX_IMAGE_PIXELS) -> None:
    """Raise an InputError if the image of a message is too large or has no size, without decoding it."""
    if hasattr(message, "encoding"):
        check_size(message.width, message.height, max_pixels)
    else:
        encoded_size(bytes(message.data), max_pixels)


def is_mosaic(message: Any) -> bool:
    """Return whether a sensor_msgs/CompressedImage holds the raw mosaic of a Bayer sensor, by its format."""
    return _stored_encoding(message.format).startswith("bayer_")


def _convert_to_rgb(values: np.ndarray, width: int, encoding: str) -> np.ndarray:
    """Return the uint8 RGB [H, W, 3] image of values [H, W * channels] in a known encoding."""
    unpadded = SimpleNamespace(height=len(values), width=width, encoding=encoding, step=values[0].nbytes,
                               data=values, is_bigendian=int(sys.byteorder == "big"))
    try:
        return image_converter()(unpadded, "rgb8")
    except MissingError:
        raise
    except Exception as error:  # The libraries raise TypeError, cv2.error and types of their own.
        raise InputError(f"cannot convert a {encoding} image of {width} x {len(values)} pixels: "
                         f"{one_line(error)}") from error


@cache
def image_converter() -> Callable[[Any, str], np.ndarray]:
    """Return the function that converts an image message to another encoding.

    It is cv_bridge's if cv_bridge is installed and works with this numpy, otherwise that of rosbags-image.

    Raises
    ------
    MissingError
        If neither is installed.

    """
    if find_spec("cv_bridge") and not subprocess.run(
            [sys.executable, "-c", CV_BRIDGE_PROBE], capture_output=True, check=False).returncode:
        from cv_bridge import CvBridge

        convert: Callable[[Any, str], np.ndarray] = CvBridge().imgmsg_to_cv2
        return convert
    try:
        from rosbags.image import message_to_cvimage
    except ImportError as error:
        raise MissingError("images need a cv_bridge that works with this numpy, or rosbags-image: "
                           "pip install 'ris_ros[images]'") from error
    return message_to_cvimage


def decode_depth(message: Any, image_header: Any, shape: tuple[int, int]) -> np.ndarray:
    """Return the depth in a message as float32 [H, W] in metres, 0 where it is unknown.

    NaN, infinite, zero and negative values count as unknown.

    Parameters
    ----------
    message : a sensor_msgs/Image of an encoding in DEPTH_UNITS, or a sensor_msgs/CompressedImage with one of them in
        image_transport's compressedDepth format
    image_header : the std_msgs/Header of the image that the depth is registered to
    shape : height and width of that image

    Raises
    ------
    InputError
        If the message is inconsistent, does not have the image's size and frame, or cannot have the right unit.

    """
    is_compressed = not hasattr(message, "encoding")
    encoding = message.format.partition(";")[0].strip() if is_compressed else message.encoding
    if encoding not in DEPTH_UNITS:
        raise InputError(f"depth is {encoding!r}; it must be 16UC1 in millimetres or 32FC1 in metres")
    if message.header.frame_id != image_header.frame_id:
        raise InputError(f"depth is in the frame {message.header.frame_id!r}, the image in {image_header.frame_id!r}: "
                         "have the driver register depth to the colour camera")
    dtype, unit = DEPTH_UNITS[encoding]
    if is_compressed:
        values = _decompress_depth(message, shape)
    else:
        values = _read_rows(message, dtype, 1).astype(np.float32) * np.float32(unit)
    if values.shape != shape:
        raise InputError(f"depth has {values.shape[1]} x {values.shape[0]} pixels, the image {shape[1]} x {shape[0]}: "
                         "have the driver register depth to the colour camera")
    metres = np.where(np.isfinite(values) & (values > 0), values, np.float32(0))
    sample = metres[::4, ::4]
    known = sample[sample > 0]
    if known.size:
        typical = float(np.median(known))
        if not MIN_TYPICAL_DEPTH_METRES <= typical <= MAX_TYPICAL_DEPTH_METRES:
            raise InputError(f"depth of typically {typical:g} m cannot be right: {encoding} must hold "
                             f"{'millimetres' if unit != 1 else 'metres'}")
    return metres


def decode_camera_info(message: Any, shape: tuple[int, int]) -> CameraModel:
    """Return the model of the camera that took an image of `shape` (height, width).

    Raises
    ------
    InputError
        If the camera is not calibrated, its distortion model unknown, or the message is for another image size.

    """
    if (message.height, message.width) != shape:
        raise InputError(f"camera_info is for {message.width} x {message.height} pixels, the image has {shape[1]} x "
                         f"{shape[0]}")
    camera = camera_model(message)
    rays(camera, *shape)  # Raises for a model that cannot be used.
    return camera


def camera_model(message: Any) -> CameraModel:
    """Return the camera model in a sensor_msgs/CameraInfo, without validation. ROS 1 names the fields K and D."""
    intrinsics = message.k if hasattr(message, "k") else message.K
    distortion = message.d if hasattr(message, "d") else message.D
    return CameraModel(np.array(intrinsics, np.float64).reshape(3, 3), tuple(float(value) for value in distortion),
                       message.distortion_model or "plumb_bob")


def transform_to_matrix(translation: Any, rotation: Any) -> np.ndarray:
    """Return a translation with x, y, z and a quaternion with x, y, z, w as a float64 [4, 4] transform.

    Raises
    ------
    InputError
        If they are not finite, or the quaternion is zero.

    """
    quaternion = np.array([rotation.x, rotation.y, rotation.z, rotation.w], np.float64)
    norm = np.linalg.norm(quaternion)
    if not np.isfinite([norm, translation.x, translation.y, translation.z]).all() or not norm:
        raise InputError("a transform must have a finite translation and a quaternion that is not zero")
    x, y, z, w = quaternion / norm
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w), translation.x],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w), translation.y],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y), translation.z],
        [0, 0, 0, 1]])


def _pixel_layout(encoding: str) -> tuple[np.dtype, int]:
    """Return the type and the number of the channels of an image encoding."""
    name = ENCODING_ALIASES.get(encoding, encoding)
    if name not in NUM_CHANNELS:
        raise InputError(f"unknown image encoding {encoding!r}; known are "
                         f"{', '.join([*NUM_CHANNELS, *ENCODING_ALIASES])}")
    return np.dtype(np.uint16 if name.endswith("16") else np.uint8), NUM_CHANNELS[name]


def _read_rows(message: Any, dtype: np.dtype, channels: int) -> np.ndarray:
    """Return an image's values [H, W * channels] without padding in native byte order, as a view where possible.

    Raises an InputError if width, height, step and data are inconsistent.
    """
    row_bytes = message.width * channels * dtype.itemsize
    if message.step < row_bytes:
        raise InputError(f"image step is {message.step} bytes, but a row of {message.width} {message.encoding} "
                         f"pixels takes {row_bytes}")
    total_bytes = message.height * message.step
    if len(message.data) < total_bytes:
        raise InputError(f"image data is {len(message.data)} bytes, but {message.height} rows of {message.step} bytes "
                         f"take {total_bytes}")
    rows = np.frombuffer(message.data, np.uint8, total_bytes).reshape(message.height, message.step)
    values = np.ascontiguousarray(rows[:, :row_bytes]).view(dtype)
    return values if bool(message.is_bigendian) == (sys.byteorder == "big") else values.byteswap()


def _stored_encoding(format_: str) -> str:
    """Return the encoding of the pixels in a compressed image's file, as image_transport writes it into the format.

    The format is "ENCODING; png compressed TARGET": the file holds the image converted to the encoding TARGET, or where
    there is none, as it was in ENCODING. Other publishers write "jpeg" or "png" alone.
    """
    original, _, codec = format_.lower().partition(";")
    return codec.partition("compressed")[2].strip() or original.strip()


def _decompress_image(message: Any, max_pixels: int) -> np.ndarray:
    """Return the uint8 RGB [H, W, 3] image of a sensor_msgs/CompressedImage."""
    content, encoding = bytes(message.data), _stored_encoding(message.format)
    if encoding.upper() in DEPTH_UNITS or "compressedDepth" in message.format:
        raise InputError(f"compressed image of the format {message.format!r}: this is depth, no colour image")
    try:
        if encoding.startswith("bayer_"):
            mosaic = decode(content, max_pixels)
            name = f"{encoding.rstrip('0123456789')}{8 * mosaic.itemsize}"
            if mosaic.ndim == 2 and name in NUM_CHANNELS:
                return _convert_to_rgb(mosaic, mosaic.shape[1], name)
        # The camera model describes the pixels as they were taken, so an orientation tag must not rotate them.
        return decode_rgb(content, max_pixels, upright=False)
    except InputError as error:
        raise InputError(f"compressed image ({message.format or 'no format given'}, {len(content)} bytes): {error}"
                         ) from error


def _decompress_depth(message: Any, shape: tuple[int, int]) -> np.ndarray:
    """Return the depth in a message of image_transport, float32 [H, W] in metres; unknown: 0 or NaN.

    Of compressedDepth the data are COMPRESSED_DEPTH_HEADER and a 16-bit image, in RVL if the format ends with that,
    else in PNG. It holds millimetres if the format begins with 16UC1. If it begins with 32FC1, it holds the quantised
    inverse q of a depth A / (q - B), 0 where the depth is unknown. The transport "compressed" sends the PNG of
    millimetres alone.

    Raises an InputError for other data, and for another shape (height, width).
    """
    data, format_ = bytes(message.data), message.format
    is_float = format_.startswith("32FC1")
    is_rvl = format_.rstrip().endswith("rvl")
    start = 0 if data.startswith(PNG_SIGNATURE) and not is_float else COMPRESSED_DEPTH_HEADER.size
    try:
        max_pixels = max(MAX_IMAGE_PIXELS, shape[0] * shape[1])
        width, height = rvl_size(data[start:]) if is_rvl else encoded_size(data[start:], max_pixels)
        if (height, width) != shape:
            raise InputError(f"it has {width} x {height} pixels, the image {shape[1]} x {shape[0]}")
        pixels = decode_rvl(data[start:]) if is_rvl else decode(data[start:], max_pixels)
        if pixels.dtype != np.uint16 or pixels.ndim != 2:
            raise InputError("it is no 16-bit image of one channel")
    except InputError as error:
        raise InputError(f"depth compressed as {format_!r}, {len(data)} bytes, cannot be decoded: {error}; have it "
                         "published as compressedDepth in PNG or RVL format, registered to the colour "
                         "camera") from error
    if not is_float:
        return pixels.astype(np.float32) * np.float32(0.001)
    _, a, b = COMPRESSED_DEPTH_HEADER.unpack(data[:start])
    with np.errstate(all="ignore"):
        return np.where(pixels > 0, a / (pixels.astype(np.float32) - b), np.nan).astype(np.float32)
