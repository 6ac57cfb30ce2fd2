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
from sensor_msgs.msg import CompressedImage, Image, RegionOfInterest

from ris_ros.errors import InputError, MissingError
from ris_ros.report import box_to_list

if TYPE_CHECKING:
    from std_msgs.msg import Header

    from ris_ros.types import Candidate, Result

# Encodings that say nothing about colour, as what most drivers mean by them, and newer names of older encodings.
_SAME_AS = {"8UC1": "mono8", "8UC3": "rgb8", "8UC4": "rgba8", "uyvy": "yuv422", "yuyv": "yuv422_yuy2"}
# Channels by encoding; 16-bit images are scaled to 8 bits by their whole range, as cv_bridge does.
_CHANNELS = {
    "mono8": 1, "rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "yuv422": 2, "yuv422_yuy2": 2,
    "mono16": 1, "rgb16": 3, "bgr16": 3, "rgba16": 4, "bgra16": 4,
    **{f"bayer_{order}{bits}": 1 for bits in (8, 16) for order in ("rggb", "bggr", "gbrg", "grbg")}}

# Runs in a process of its own: a cv_bridge that was compiled for numpy 1 may crash under numpy 2, not only raise.
_CV_BRIDGE_PROBE = """
import numpy, types
from cv_bridge import CvBridge
frame = types.SimpleNamespace(height=1, width=1, encoding="bgr8", step=3, is_bigendian=0,
                              data=numpy.array([1, 2, 3], numpy.uint8))
assert CvBridge().imgmsg_to_cv2(frame, "rgb8").tolist() == [[[3, 2, 1]]]
"""


def check_image(message: Image | CompressedImage) -> None:
    """Raise an InputError when an image's header cannot be true; cheap enough for every frame that arrives."""
    if isinstance(message, CompressedImage):
        if not message.data:
            raise InputError("compressed image without data")
        return
    if not message.width or not message.height:
        raise InputError(f"image of {message.width} x {message.height} pixels: both must be at least 1")
    dtype, channels = _pixel(message.encoding)
    row = message.width * channels * dtype.itemsize
    if message.step < row:
        raise InputError(f"image step is {message.step} bytes, but a row of {message.width} {message.encoding} "
                         f"pixels takes {row}")
    if len(message.data) < message.height * message.step:
        raise InputError(f"image data is {len(message.data)} bytes, but {message.height} rows of {message.step} bytes "
                         f"take {message.height * message.step}")


def to_rgb(message: Image | CompressedImage) -> np.ndarray:
    """The picture of an image message, uint8 RGB [H, W, 3]; it may share the message's memory.

    8UC3 counts as rgb8 and 8UC4 as rgba8. Row padding and foreign byte order are dealt with.

    Raises
    ------
    InputError
        When the message is inconsistent, in an unknown encoding, or its data cannot be decoded.

    """
    check_image(message)
    if isinstance(message, CompressedImage):
        return _decompressed(message)
    dtype, channels = _pixel(message.encoding)
    row = message.width * channels * dtype.itemsize
    rows = np.frombuffer(message.data, np.uint8, message.height * message.step)
    pixels = np.ascontiguousarray(rows.reshape(message.height, message.step)[:, :row]).view(dtype)
    if bool(message.is_bigendian) != (sys.byteorder == "big"):
        pixels = pixels.byteswap()
    encoding = _SAME_AS.get(message.encoding, message.encoding)
    if encoding == "rgb8":
        return pixels.reshape(message.height, message.width, 3)
    plain = SimpleNamespace(height=message.height, width=message.width, encoding=encoding, step=row, data=pixels,
                            is_bigendian=int(sys.byteorder == "big"))
    try:
        return image_converter()(plain, "rgb8")
    except MissingError:
        raise
    except Exception as error:  # The libraries raise TypeError, cv2.error and types of their own.
        raise InputError(f"cannot convert a {message.encoding} image of {message.width} x {message.height} pixels: "
                         f"{' '.join(str(error).split())}") from error


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


def _pixel(encoding: str) -> tuple[np.dtype, int]:
    name = _SAME_AS.get(encoding, encoding)
    if name not in _CHANNELS:
        raise InputError(f"unknown image encoding {encoding!r}; known are {', '.join([*_CHANNELS, *_SAME_AS])}")
    return np.dtype(np.uint16 if name.endswith("16") else np.uint8), _CHANNELS[name]


def _decompressed(message: CompressedImage) -> np.ndarray:
    import cv2

    # The camera model describes the pixels as they were taken: an orientation tag must not turn them.
    picture = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        raise InputError(f"compressed image ({message.format or 'no format given'}, {len(message.data)} bytes) cannot "
                         "be decoded")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
