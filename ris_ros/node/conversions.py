"""ROS messages to numpy arrays and back."""

from __future__ import annotations

import subprocess
import sys
from array import array
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, RegionOfInterest

from ris_ros.errors import InputError, MissingError
from ris_ros.geometry import camera_model, rays
from ris_ros.utils.images import decode_depth
from ris_ros.utils.masks import box_to_list

if TYPE_CHECKING:
    from std_msgs.msg import Header

    from ris_ros.types import CameraModel, Candidate, Result

# Encodings that say nothing about colour, as what most drivers mean by them, and newer names of older encodings.
_SAME_AS = {"8UC1": "mono8", "8UC3": "rgb8", "8UC4": "rgba8", "uyvy": "yuv422", "yuyv": "yuv422_yuy2"}
# Channels by encoding; 16-bit images are scaled to 8 bits by their whole range, as cv_bridge does.
_CHANNELS = {
    "mono8": 1, "rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "yuv422": 2, "yuv422_yuy2": 2,
    "mono16": 1, "rgb16": 3, "bgr16": 3, "rgba16": 4, "bgra16": 4,
    **{f"bayer_{order}{bits}": 1 for bits in (8, 16) for order in ("rggb", "bggr", "gbrg", "grbg")}}

# numpy type and metres of a unit by encoding (REP 118).
_DEPTH_UNITS = {"16UC1": (np.uint16, 0.001), "32FC1": (np.float32, 1.0)}
# Metres that the middle of a depth image can be away; outside, its unit was mistaken.
_NEAREST, _FARTHEST = 0.02, 200.0

# Runs in a process of its own: a cv_bridge that was compiled for numpy 1 may crash under numpy 2, not only raise.
_CV_BRIDGE_PROBE = """
import numpy, types
from cv_bridge import CvBridge
frame = types.SimpleNamespace(height=1, width=1, encoding="bgr8", step=3, is_bigendian=0,
                              data=numpy.array([1, 2, 3], numpy.uint8))
assert CvBridge().imgmsg_to_cv2(frame, "rgb8").tolist() == [[[3, 2, 1]]]
"""


def to_rgb(message: Image | CompressedImage) -> np.ndarray:
    """The picture of an image message, uint8 RGB [H, W, 3]; it may share the message's memory.

    8UC3 counts as rgb8 and 8UC4 as rgba8. Row padding and foreign byte order are dealt with.

    Raises
    ------
    InputError
        When the message is inconsistent, in an unknown encoding, or its data cannot be decoded.

    """
    if isinstance(message, CompressedImage):
        return _decompressed(message)
    if not message.width or not message.height:
        raise InputError(f"image of {message.width} x {message.height} pixels: both must be at least 1")
    dtype, channels = _pixel(message.encoding)
    pixels = _rows(message, dtype, channels)
    encoding = _SAME_AS.get(message.encoding, message.encoding)
    if encoding == "rgb8":
        return pixels.reshape(message.height, message.width, 3)
    plain = SimpleNamespace(height=message.height, width=message.width, encoding=encoding,
                            step=pixels[0].nbytes, data=pixels, is_bigendian=int(sys.byteorder == "big"))
    try:
        return image_converter()(plain, "rgb8")
    except MissingError:
        raise
    except Exception as error:  # The libraries raise TypeError, cv2.error and types of their own.
        raise InputError(f"cannot convert a {message.encoding} image of {message.width} x {message.height} pixels: "
                         f"{' '.join(str(error).split())}") from error


def to_metres(message: Image | CompressedImage, image: Header, shape: tuple[int, int]) -> np.ndarray:
    """The distances of a depth image, float32 [H, W] in metres, 0 where they are unknown.

    Parameters
    ----------
    message : 16UC1 in millimetres or 32FC1 in metres (REP 118), raw or as image_transport's compressedDepth
    image, shape : the header and (H, W) of the image that it belongs to

    Raises
    ------
    InputError
        When the message is inconsistent, does not lie over the image, or its unit cannot be right.

    """
    compressed = isinstance(message, CompressedImage)
    encoding = message.format.partition(";")[0] if compressed else message.encoding
    if encoding not in _DEPTH_UNITS:
        raise InputError(f"depth is {encoding!r}; it must be 16UC1 in millimetres or 32FC1 in metres")
    if message.header.frame_id != image.frame_id:
        raise InputError(f"depth is in the frame {message.header.frame_id!r}, the image in {image.frame_id!r}: have "
                         "the driver register depth to the colour camera")
    dtype, unit = _DEPTH_UNITS[encoding]
    if compressed:
        values = decode_depth(np.frombuffer(message.data, np.uint8), message.format)
    else:
        values = _rows(message, np.dtype(dtype), 1).astype(np.float32) * np.float32(unit)
    if values.shape != shape:
        raise InputError(f"depth has {values.shape[1]} x {values.shape[0]} pixels, the image {shape[1]} x {shape[0]}: "
                         "have the driver register depth to the colour camera")
    metres = np.where(np.isfinite(values) & (values > 0), values, np.float32(0))
    known = metres[::4, ::4][metres[::4, ::4] > 0]
    if known.size and not _NEAREST <= (typical := float(np.median(known))) <= _FARTHEST:
        raise InputError(f"depth of typically {typical:g} m cannot be right: {encoding} must hold "
                         f"{'millimetres' if unit != 1 else 'metres'}")
    return metres


def to_camera_model(message: CameraInfo, shape: tuple[int, int]) -> CameraModel:
    """The camera that took an image of `shape`, (H, W).

    Raises
    ------
    InputError
        When the camera is not calibrated, or the message tells of another image size or an unknown distortion.

    """
    if (message.height, message.width) != shape:
        raise InputError(f"camera_info is for {message.width} x {message.height} pixels, the image has {shape[1]} x "
                         f"{shape[0]}")
    camera = camera_model(message)
    rays(camera, *shape)  # Raises for a model that cannot be used.
    return camera


@cache
def image_converter() -> Callable[[Any, str], np.ndarray]:
    """The function that changes an image's encoding: cv_bridge's where it is installed and works, else rosbags-image's.

    Raises
    ------
    MissingError
        When neither is installed.

    """
    if find_spec("cv_bridge") and not subprocess.run(
            [sys.executable, "-c", _CV_BRIDGE_PROBE], capture_output=True, check=False).returncode:
        from cv_bridge import CvBridge

        return CvBridge().imgmsg_to_cv2
    try:
        from rosbags.image import message_to_cvimage
    except ImportError as error:
        raise MissingError("images need a cv_bridge that works with this numpy, or rosbags-image: "
                           "pip install 'ris_ros[images]'") from error
    return message_to_cvimage


def to_image(pixels: np.ndarray, encoding: str, header: Header) -> Image:
    """An image message from uint8 or uint16 pixels [H, W] or [H, W, C] that are laid out as `encoding` says."""
    message = Image(header=header, height=pixels.shape[0], width=pixels.shape[1], encoding=encoding,
                    step=pixels[0].nbytes, is_bigendian=int(sys.byteorder == "big"))
    message.data = array("B", pixels.tobytes())
    return message


def to_mask_image(mask: np.ndarray, header: Header) -> Image:
    """A mono8 image, 255 where the bool mask [H, W] holds."""
    return to_image(mask.astype(np.uint8) * 255, "mono8", header)


def to_candidates_image(candidates: list[Candidate], shape: tuple[int, int], header: Header) -> Image:
    """A mono16 image [H, W] of ranks: 1 where the best candidate is, 2 for the next, 0 for none.

    Where candidates overlap the better one is seen.
    """
    ranks = np.zeros(shape, np.uint16)
    for rank in range(len(candidates), 0, -1):
        ranks[candidates[rank - 1].mask] = rank
    return to_image(ranks, "mono16", header)


def to_roi(result: Result) -> RegionOfInterest:
    """The found box; zeros when nothing was found."""
    x1, y1, x2, y2 = box_to_list(result.box)
    return RegionOfInterest(x_offset=x1, y_offset=y1, width=x2 - x1, height=y2 - y1)


def to_detections(result: Result, header: Header) -> Any:
    """A vision_msgs/Detection2DArray: one detection, whose class is the command's text, or none."""
    from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

    message = Detection2DArray(header=header)
    if result.found:
        x1, y1, x2, y2 = (float(edge) for edge in result.box)
        detection = Detection2D(header=header)
        detection.bbox.center.position.x = (x1 + x2) / 2
        detection.bbox.center.position.y = (y1 + y2) / 2
        detection.bbox.size_x = x2 - x1
        detection.bbox.size_y = y2 - y1
        hypothesis = ObjectHypothesisWithPose()
        hypothesis.hypothesis.class_id = result.query.text
        hypothesis.hypothesis.score = float(result.confidence)
        detection.results = [hypothesis]
        message.detections = [detection]
    return message


def _rows(message: Image, dtype: np.dtype, channels: int) -> np.ndarray:
    """The message's values [H, W * channels] without padding, in this machine's byte order; a view where that can be.

    Raises an InputError when the header cannot be true.
    """
    row = message.width * channels * dtype.itemsize
    if message.step < row:
        raise InputError(f"image step is {message.step} bytes, but a row of {message.width} {message.encoding} "
                         f"pixels takes {row}")
    if len(message.data) < message.height * message.step:
        raise InputError(f"image data is {len(message.data)} bytes, but {message.height} rows of {message.step} bytes "
                         f"take {message.height * message.step}")
    rows = np.frombuffer(message.data, np.uint8, message.height * message.step)
    values = np.ascontiguousarray(rows.reshape(message.height, message.step)[:, :row]).view(dtype)
    return values if bool(message.is_bigendian) == (sys.byteorder == "big") else values.byteswap()


def _pixel(encoding: str) -> tuple[np.dtype, int]:
    name = _SAME_AS.get(encoding, encoding)
    if name not in _CHANNELS:
        raise InputError(f"unknown image encoding {encoding!r}; known are {', '.join([*_CHANNELS, *_SAME_AS])}")
    return np.dtype(np.uint16 if name.endswith("16") else np.uint8), _CHANNELS[name]


def _decompressed(message: CompressedImage) -> np.ndarray:
    import cv2

    if not message.data:
        raise InputError("compressed image without data")
    # The camera model describes the pixels as they were taken: an orientation tag must not turn them.
    picture = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        raise InputError(f"compressed image ({message.format or 'no format given'}, {len(message.data)} bytes) cannot "
                         "be decoded")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
