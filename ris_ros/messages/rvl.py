"""Decoding of RVL, the lossless compression of depth images that compressed_depth_image_transport offers beside PNG."""

from __future__ import annotations

import struct

import numpy as np

from ris_ros.errors import InputError

_SIZE = struct.Struct("<II")
_MAX_NIBBLES = 11
"""Nibbles of a number: three bits each, for 32 bits at most."""


def rvl_size(data: bytes) -> tuple[int, int]:
    """Return width and height that RVL data begin with.

    Raises an InputError if the data are shorter than that.
    """
    if len(data) < _SIZE.size:
        raise InputError("RVL data begin with width and height, 8 bytes")
    width, height = _SIZE.unpack_from(data)
    return width, height


def decode_rvl(data: bytes) -> np.ndarray:
    """Decode an image in RVL (Wilson, "Fast Lossless Depth Image Compression", 2017).

    After the size come numbers: how many pixels in a row are zero, how many are not, for each of the latter its
    difference from the last pixel that was not zero, and so on until the image is full.

    Parameters
    ----------
    data : with the size in front, as in the transport's messages. The image is as large as that says: check
        :func:`rvl_size` first

    Returns
    -------
    uint16 [H, W].

    Raises
    ------
    InputError
        If the data end too early, or do not fill the image exactly.

    """
    width, height = rvl_size(data)
    numbers, total = _numbers(data[_SIZE.size:]), width * height
    differences, is_set = np.zeros(total, np.int64), np.zeros(total, bool)
    pixel = index = 0
    while pixel < total:
        zeros, nonzeros = numbers[index:index + 2].tolist() if index + 2 <= len(numbers) else (0, 0)
        pixel, index = pixel + zeros, index + 2
        if zeros + nonzeros == 0 or pixel + nonzeros > total or index + nonzeros > len(numbers):
            raise InputError(f"its RVL data do not make an image of {width} x {height} pixels")
        differences[pixel:pixel + nonzeros] = numbers[index:index + nonzeros]
        is_set[pixel:pixel + nonzeros] = True
        pixel, index = pixel + nonzeros, index + nonzeros
    # The lowest bit is the sign.
    differences = (differences >> 1) ^ -(differences & 1)
    pixels: np.ndarray = np.where(is_set, differences.cumsum(), 0).astype(np.uint16)
    return pixels.reshape(height, width)


def _numbers(data: bytes) -> np.ndarray:
    """Return the numbers, int64 [N], that 32-bit words hold from the highest nibble on, the lowest bits first.

    The highest bit of a nibble says that the number goes on in the next one.
    """
    words = np.frombuffer(data, "<u4", len(data) // 4)
    nibbles = (words[:, None] >> np.arange(28, -1, -4, dtype=np.uint32) & 15).ravel().astype(np.int64)
    ends = np.flatnonzero(nibbles < 8)
    if not len(ends):
        return ends
    nibbles, starts = nibbles[:ends[-1] + 1], np.concatenate([[0], ends[:-1] + 1])
    place = np.arange(len(nibbles)) - np.repeat(starts, np.diff(starts, append=len(nibbles)))
    if (place >= _MAX_NIBBLES).any():
        raise InputError("its RVL data hold a number of more than 32 bits")
    return np.add.reduceat((nibbles & 7) << 3 * place, starts)
