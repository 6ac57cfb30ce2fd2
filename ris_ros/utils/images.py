"""Reading and writing of image files: the one place where the bytes of an image file become pixels.

The size in a file's header is compared with a limit before anything is decoded: a file of a few kilobytes may hold
billions of pixels.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image

from ris_ros.errors import InputError, one_line, reading

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
"""Of files that are taken for images when a folder is given."""

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
"""Formats of image files that are read, as Pillow names them."""

MAX_IMAGE_PIXELS = 40_000_000
"""Pixels of the largest image that is read where no setting says otherwise: as many as 8K video and most cameras have.
It is also the default of the setting `max_image_pixels`."""

EXIF_ORIENTATION = 0x0112
"""EXIF tag; with values from 5 on the image is stored rotated by a quarter turn."""

MAX_FILE_BYTES = 1 << 30
"""Size of the largest image file that is read."""

SINGLE_CHANNEL_MODES = ("1", "L", "P", "I", "I;16", "I;16L", "I;16B")
"""Modes of Pillow images with one channel."""

# Pillow's own limit only warns, at a number of pixels of its own.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def check_size(width: int, height: int, max_pixels: int = MAX_IMAGE_PIXELS) -> None:
    """Raise an InputError unless an image of this size has at least one and at most `max_pixels` pixels."""
    if width < 1 or height < 1:
        raise InputError(f"an image of {width} x {height} pixels: both must be at least 1")
    if int(width) * int(height) > max_pixels:
        raise InputError(f"an image of {width} x {height} pixels is larger than max_image_pixels, {max_pixels}: make "
                         "it smaller, or raise that setting")


def encoded_size(content: bytes, max_pixels: int = MAX_IMAGE_PIXELS) -> tuple[int, int]:
    """Return the width and height in the header of an image file, before an orientation tag is applied.

    Raises
    ------
    InputError
        If it is no PNG, JPEG, WebP, TIFF or BMP file, has more than `max_pixels` pixels, or is a damaged PNG file.

    """
    with reading("the header of the image"), _open(io.BytesIO(content), max_pixels) as image:
        size: tuple[int, int] = image.size
        if image.format == "PNG":
            image.verify()  # Of a chunk that is cut off, OpenCV allocates the length that it states: up to 4 GB.
    return size


def decode(content: bytes, max_pixels: int = MAX_IMAGE_PIXELS, flags: int = cv2.IMREAD_UNCHANGED) -> np.ndarray:
    """Return an image file's pixels, [H, W] or BGR [H, W, C], as OpenCV decodes them with these flags.

    Raises
    ------
    InputError
        As in :func:`encoded_size`, or if the file is damaged.

    """
    encoded_size(content, max_pixels)
    try:
        pixels: np.ndarray | None = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error as error:  # OpenCV has limits of its own, such as that of the longer side.
        raise InputError(f"the image cannot be decoded: {error.err}") from error
    if pixels is None:
        raise InputError("the image is damaged or incomplete")
    return pixels


def decode_rgb(content: bytes, max_pixels: int = MAX_IMAGE_PIXELS, *, upright: bool) -> np.ndarray:
    """Return an image file's pixels as RGB uint8 [H, W, 3]: 16 bits are scaled, palettes applied, alpha is dropped.

    Parameters
    ----------
    content : of the file
    max_pixels : of the largest image that is decoded
    upright : whether to rotate the pixels by the EXIF orientation, or to return them as they are stored. Pixels of a
        TIFF file are always upright

    Raises
    ------
    InputError
        As in :func:`decode`.

    """
    flags = cv2.IMREAD_COLOR if upright else cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    return cv2.cvtColor(decode(content, max_pixels, flags), cv2.COLOR_BGR2RGB)


def read_image(path: str | Path, max_pixels: int = MAX_IMAGE_PIXELS, *, upright: bool = True) -> np.ndarray:
    """Return an image file as RGB uint8 [H, W, 3].

    Parameters
    ----------
    path : of a PNG, JPEG, WebP, TIFF or BMP file
    max_pixels : of the largest image that is read
    upright : whether to rotate it by its EXIF orientation, as viewers do, or to return the pixels as they are stored,
        which the annotations of data sets such as COCO refer to

    Raises
    ------
    InputError
        If the file does not exist, is no image, is damaged, or has more pixels.

    """
    try:
        file = Path(path)
        if file.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"an image file may have {MAX_FILE_BYTES} bytes")
        return decode_rgb(file.read_bytes(), max_pixels, upright=upright)
    except (OSError, ValueError) as error:  # A path with a null character is a ValueError, and so are our own errors.
        raise InputError(f"cannot read the image {path}: {getattr(error, 'strerror', None) or error}") from error


@contextmanager
def open_image(path: str | Path, max_pixels: int = MAX_IMAGE_PIXELS) -> Iterator[Image.Image]:
    """Open an image file with Pillow; raise an InputError if it is missing, too large or damaged, also while in use."""
    try:
        with open(path, "rb") as stream, _open(stream, max_pixels) as image:
            yield image
    except FileNotFoundError as error:
        raise InputError(f"there is no {path}") from error
    except Exception as error:  # Pillow's parsers raise any exception for damaged data.
        raise InputError(f"{path} is not a readable image: {one_line(error)}") from error


def upright_size(path: str | Path) -> tuple[int, int]:
    """Return the width and height of an image file, rotated by its EXIF orientation; errors as in `open_image`."""
    with open_image(path) as image:
        width, height = image.size
        # Pillow itself turns those of TIFF files.
        is_rotated = image.format != "TIFF" and image.getexif().get(EXIF_ORIENTATION, 1) in (5, 6, 7, 8)
        return (height, width) if is_rotated else (width, height)


def read_single_channel(path: str | Path, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Return the values [H, W] of an image of one channel: labels, palette indices or millimetres of depth.

    Parameters
    ----------
    path : of the file
    shape : the height and width that it must have; None for any

    Raises
    ------
    InputError
        If the file is missing or damaged, has several channels or another shape.

    """
    # Pillow, not OpenCV: of a palette PNG, which many annotation tools write, it returns the indices, not the colours.
    with open_image(path) as image:
        if image.mode not in SINGLE_CHANNEL_MODES:
            raise InputError(f"it must have one channel, not mode {image.mode}")
        if shape is not None and image.size != shape[::-1]:
            raise InputError(f"it must have {shape[1]} x {shape[0]} pixels like its image, not {image.width} x "
                             f"{image.height}")
        values = np.array(image)
    return values.astype(np.uint8) if values.dtype == bool else values.astype(values.dtype.newbyteorder("="))


@contextmanager
def _open(stream: BinaryIO, max_pixels: int) -> Iterator[Image.Image]:
    """Open an image with Pillow, which reads its header alone; raise an InputError if it is too large."""
    try:
        image = Image.open(stream, formats=FORMATS)
    except Image.UnidentifiedImageError as error:
        raise InputError("it is not an image: give a PNG, JPEG, WebP, TIFF or BMP file") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"it is larger than max_image_pixels, {max_pixels}: make it smaller") from error
    with image:
        check_size(*image.size, max_pixels)
        yield image


def image_files(folder: Path) -> list[Path]:
    """Return the image files of a folder, sorted by name.

    Raises
    ------
    InputError
        If `folder` is not a folder or holds no image.

    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder")
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise InputError(f"no .png, .jpg or .webp file in {folder}")
    return files


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write an image, RGB uint8 [H, W, 3], in the format of the file's extension; create missing folders.

    Raises
    ------
    InputError
        If the extension is unknown or the file cannot be written.

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
