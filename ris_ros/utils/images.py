"""Picture files, and depth as image_transport compresses it."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np

from ris_ros.errors import InputError


def read_image(path: str | Path) -> np.ndarray:
    """A picture file as RGB uint8 [H, W, 3], upright as its EXIF data says.

    Raises
    ------
    InputError
        When there is no such file, or it is no picture that OpenCV reads.

    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"cannot read the image {path}: {error.strerror or error}") from error
    image = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if image is None:
        raise InputError(f"{path} is not a picture: give a PNG, JPEG, WebP, TIFF or BMP file")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write RGB uint8 [H, W, 3] to a file in the format its ending names.

    Raises
    ------
    InputError
        When the ending is unknown or the file cannot be written.

    """
    path = Path(path)
    try:
        _, content = cv2.imencode(path.suffix or ".", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        path.parent.mkdir(parents=True, exist_ok=True)
        content.tofile(path)
    except cv2.error as error:
        raise InputError(f"cannot write {path}: end its name in .png or .jpg") from error
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error


def decode_depth(data: np.ndarray, format: str) -> np.ndarray:
    """Depth, float32 [H, W] in metres, of a message of image_transport's compressedDepth.

    Parameters
    ----------
    data : uint8 [N]: a header of 12 bytes (a kind, and two floats A and B), then a PNG of 16 bits, which holds
        millimetres, or for 32FC1 the numbers q of depths A / (q - B), 0 where the depth is unknown
    format : of the message: "16UC1; compressedDepth png", "32FC1; compressedDepth"

    Raises
    ------
    InputError
        When that is not what the data holds, or it is compressed otherwise (as by RVL).

    """
    picture = cv2.imdecode(data[12:], cv2.IMREAD_UNCHANGED) if data.size > 12 and "rvl" not in format else None
    if picture is None or picture.dtype != np.uint16 or picture.ndim != 2:
        raise InputError(f"depth compressed as {format!r}, {data.size} bytes, cannot be decoded: have it published as "
                         "compressedDepth in PNG format")
    if not format.startswith("32FC1"):
        return picture.astype(np.float32) * np.float32(0.001)
    a, b = struct.unpack("<ff", data[4:12].tobytes())
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(picture > 0, a / (picture.astype(np.float32) - b), np.nan).astype(np.float32)
