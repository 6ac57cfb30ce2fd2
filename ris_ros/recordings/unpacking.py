"""Limits on what compressed recordings unpack to: a few kilobytes can be made to stand for many gigabytes.

The functions take the place of those of the rosbags library, which unpack whatever there is.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from bz2 import BZ2Decompressor
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, BinaryIO

from ris_ros.errors import InputError

MAX_UNPACKED_BYTES = 2**28
"""Of one chunk or message. Recorders write chunks of a few megabytes, or of one message if that is larger: an image of
40 million pixels in rgb8 has 120 million bytes."""
MAX_OPEN_BYTES = 2 * MAX_UNPACKED_BYTES
"""Of the chunks of an MCAP file that overlap in time, which are in memory at once."""
MAX_FILE_RATIO = 100
"""Size of an unpacked file by that of the compressed one. Images of cameras shrink to a half or a tenth."""
MAX_SMALL_FILE_BYTES = 2**30
"""A file that unpacks to no more than this may have any ratio."""
MAX_DISK_SHARE = 0.5
"""Of the free space of the folder for temporary files, for one unpacked file."""

_SMALL_CHUNKS = "`mcap compress` writes it with small chunks"
_SMALL_ROS1_CHUNKS = "`rosbag decompress` writes it with small chunks"
_NO_COMPRESSION = "`ros2 bag convert` writes it without compression"
_UNPACKED_FILE = "unpack it with `zstd -d`, and name the file that this writes"


def unpack_chunk(data: bytes, compression: str, size: int, crc: int) -> bytes:
    """Return the content of a chunk of an MCAP file, as rosbags' `decompress` does.

    Parameters
    ----------
    data : as they are in the file
    compression : "zstd", "lz4", or empty
    size, crc : of the content, as the file states them; a `crc` of 0 is not checked

    Raises
    ------
    InputError
        If the content is larger than MAX_UNPACKED_BYTES.

    """
    from rosbags.rosbag2.storage_mcap import decompress

    if compression in ("zstd", "lz4"):
        _check("a compressed chunk holds", size, MAX_UNPACKED_BYTES, _SMALL_CHUNKS)
        # One byte more than stated is enough for the library to refuse it.
        data, compression = _decompressor(compression).decompress(data, size + 1), ""
    return decompress(data, compression, size, crc)


def limited_chunks(read_chunk: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """Return rosbags' function `msgsrc` with a limit on the chunks that are open at once.

    Parameters
    ----------
    read_chunk : yields the start of a chunk, by which chunks are merged; then unpacks it, and yields its messages

    """
    open_bytes = 0

    def read(chunk: Any, *args: Any) -> Iterator[Any]:
        nonlocal open_bytes
        messages = read_chunk(chunk, *args)
        yield next(messages)
        open_bytes += chunk.uncompressed_size
        try:
            _check("chunks that overlap in time hold", open_bytes, MAX_OPEN_BYTES, _SMALL_CHUNKS)
            yield from messages
        finally:
            open_bytes -= chunk.uncompressed_size

    return read


def limited_ros1_decompressors() -> dict[str, Callable[[bytes], bytes]]:
    """Return rosbags' functions that unpack a chunk of a .bag file, by the name of the compression, with a limit."""
    def unpacking(compression: str) -> Callable[[bytes], bytes]:
        return lambda data: _unpack("a compressed chunk", compression, data, _SMALL_ROS1_CHUNKS)

    return {"none": lambda data: data, "bz2": unpacking("bz2"), "lz4": unpacking("lz4")}


def limited_zstd() -> SimpleNamespace:
    """Return what rosbags uses of the module zstd for bags whose messages or files are compressed, with limits."""
    def decompress(data: bytes) -> bytes:
        return _unpack("a compressed message", "zstd", data, _NO_COMPRESSION)

    return SimpleNamespace(open=_open_limited, decompress=decompress)


@contextmanager
def _open_limited(file: BinaryIO, mode: str) -> Iterator[SimpleNamespace]:
    """Open a compressed file, with a method `read` that raises an InputError where more comes than may come."""
    compressed = os.fstat(file.fileno()).st_size
    free = shutil.disk_usage(tempfile.gettempdir()).free
    limit = min(max(MAX_SMALL_FILE_BYTES, MAX_FILE_RATIO * compressed), int(MAX_DISK_SHARE * free))
    total = 0
    with _zstd().open(file, mode) as unpacked:
        def read(size: int) -> bytes:
            nonlocal total
            data: bytes = unpacked.read(size)
            total += len(data)
            _check("a compressed file holds", total, limit, _UNPACKED_FILE)
            return data

        yield SimpleNamespace(read=read)


def _unpack(what: str, compression: str, data: bytes, remedy: str) -> bytes:
    decompressor = _decompressor(compression)
    unpacked: bytes = decompressor.decompress(data, MAX_UNPACKED_BYTES + 1)
    _check(f"{what} holds", len(unpacked), MAX_UNPACKED_BYTES, remedy)
    if not decompressor.eof:
        raise InputError(f"{what} is cut off")
    return unpacked


def _check(what_holds: str, size: int, limit: int, remedy: str) -> None:
    if size > limit:
        raise InputError(f"{what_holds} more than {limit} bytes, as in a file that is made to exhaust memory or disk; "
                         f"if you trust it, {remedy}")


def _decompressor(compression: str) -> Any:
    if compression == "bz2":
        return BZ2Decompressor()
    if compression == "zstd":
        return _zstd().ZstdDecompressor()
    from lz4.frame import LZ4FrameDecompressor

    return LZ4FrameDecompressor()


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd
