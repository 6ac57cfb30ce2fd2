"""Compressed recordings that unpack to more than they should: refused in one line, in little memory."""

from __future__ import annotations

import struct
import subprocess
import sys

import lz4.frame
import numpy as np
import pytest

pytest.importorskip("rosbags.rosbag2")

from rosbags.rosbag1 import Writer as Ros1Writer
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from ris_ros.errors import InputError
from ris_ros.recordings import unpacking
from ris_ros.recordings.bag import Bag

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

IMAGE_TYPE = "sensor_msgs/msg/Image"
TYPES, ROS1_TYPES = get_typestore(Stores.ROS2_HUMBLE), get_typestore(Stores.ROS1_NOETIC)
START = 100_000_000_000
MEBIBYTE = 2**20
PIXELS = np.zeros((1024, 1024, 3), np.uint8)
"""An image of three mebibytes, which shrinks to some hundred bytes."""
PIXELS[:4, :4] = np.random.default_rng(3).integers(0, 256, (4, 4, 3))


def image(types=TYPES, **more):
    stamp = types.types["builtin_interfaces/msg/Time"](sec=100, nanosec=0)
    header = types.types["std_msgs/msg/Header"](frame_id="camera", stamp=stamp, **more)
    return types.types[IMAGE_TYPE](
        header=header, height=PIXELS.shape[0], width=PIXELS.shape[1], encoding="rgb8", is_bigendian=0,
        step=PIXELS[0].nbytes, data=PIXELS.ravel())


CDR_IMAGE = bytes(TYPES.serialize_cdr(image(), IMAGE_TYPE))


def written(mode, plugin):
    """Return a function that writes a bag of one image with rosbags."""
    def write(folder):
        writer = Writer(folder / "bag", version=9, storage_plugin=plugin)
        writer.set_compression(mode, CompressionFormat.ZSTD)
        with writer:
            writer.write(writer.add_connection("/image", IMAGE_TYPE, typestore=TYPES), START, CDR_IMAGE)
        return folder / "bag"

    return write


def written_for_ros1(compression):
    def write(folder):
        writer = Ros1Writer(folder / "one.bag")
        writer.set_compression(compression)
        with writer:
            connection = writer.add_connection("/image", IMAGE_TYPE, typestore=ROS1_TYPES)
            writer.write(connection, START, ROS1_TYPES.serialize_ros1(image(ROS1_TYPES, seq=0), IMAGE_TYPE))
        return folder / "one.bag"

    return write


def record(opcode, content):
    return bytes([opcode]) + struct.pack("<Q", len(content)) + content


def text(value):
    return struct.pack("<I", len(value)) + value.encode()


SCHEMA = record(3, struct.pack("<H", 1) + text(IMAGE_TYPE) + text("ros2msg")
                + text(TYPES.generate_msgdef(IMAGE_TYPE, ros_version=2)[0]))
CHANNEL = record(4, struct.pack("<HH", 1, 1) + text("/image") + text("cdr") + text(""))


def stream(compression, head, zeros):
    """Return the compressed `head` and so many zeros, without ever holding them."""
    if compression == "zstd":
        compressor = zstd.ZstdCompressor(level=1)
        begin, add, end = b"", compressor.compress, compressor.flush
    else:
        compressor = lz4.frame.LZ4FrameCompressor()
        begin, add, end = compressor.begin(), compressor.compress, compressor.flush
    block = bytes(4 * MEBIBYTE)
    parts = [begin, add(head), *(add(block[:min(len(block), zeros - at)]) for at in range(0, zeros, len(block))), end()]
    return b"".join(parts)


def mcap(compression, size, *, is_indexed=True, stated=None, chunks=1):
    """Return an MCAP file of chunks that hold an image message of `size` bytes, mostly zeros, at one time.

    Parameters
    ----------
    compression : "zstd" or "lz4"
    size : bytes of each message
    is_indexed : whether the file has an index of its chunks
    stated : sizes that the chunks are said to have, if not the true ones
    chunks : how many

    """
    data = CDR_IMAGE[:size]
    head = SCHEMA + CHANNEL + b"\x05" + struct.pack("<QHIQQ", 22 + size, 1, 0, START, START) + data
    unpacked = len(head) + size - len(data)
    packed = stream(compression, head, size - len(data))
    sizes = struct.pack("<QQ", len(packed), stated or unpacked)
    chunk = record(6, struct.pack("<QQQI", START, START, stated or unpacked, 0) + text(compression)
                   + struct.pack("<Q", len(packed)) + packed)
    message_index = record(7, struct.pack("<HIQQ", 1, 16, START, 0))
    content, indexes = b"\x89MCAP0\r\n" + record(1, text("ros2") + text("test")), b""
    for _ in range(chunks):
        start = len(content)
        content += chunk + message_index
        indexes += record(8, struct.pack("<QQQQIHQQ", START, START, start, len(chunk), 10, 1, start + len(chunk),
                                         len(message_index)) + text(compression) + sizes)
    summary = len(content) if is_indexed else 0
    content += (SCHEMA + CHANNEL + indexes) * is_indexed
    return content + record(2, struct.pack("<QQI", summary, 0, 0)) + b"\x89MCAP0\r\n"


def made(compression, **changes):
    def write(folder):
        (folder / "made.mcap").write_bytes(mcap(compression, len(CDR_IMAGE), **changes))
        return folder / "made.mcap"

    return write


CHUNK, MESSAGE, FILE = "mcap compress", "ros2 bag convert", "zstd -d"
RECORDINGS = {
    "chunk of zstd": (written(CompressionMode.STORAGE, StoragePlugin.MCAP), CHUNK),
    "chunk of zstd without an index": (made("zstd", is_indexed=False), CHUNK),
    "chunk of lz4": (made("lz4"), CHUNK), "chunk of lz4 without an index": (made("lz4", is_indexed=False), CHUNK),
    "message in MCAP": (written(CompressionMode.MESSAGE, StoragePlugin.MCAP), MESSAGE),
    "message in SQLite": (written(CompressionMode.MESSAGE, StoragePlugin.SQLITE3), MESSAGE),
    "MCAP file": (written(CompressionMode.FILE, StoragePlugin.MCAP), FILE),
    "SQLite file": (written(CompressionMode.FILE, StoragePlugin.SQLITE3), FILE),
    "ROS 1, bz2": (written_for_ros1(Ros1Writer.CompressionFormat.BZ2), "rosbag decompress"),
    "ROS 1, lz4": (written_for_ros1(Ros1Writer.CompressionFormat.LZ4), "rosbag decompress")}


@pytest.mark.parametrize(("write", "remedy"), RECORDINGS.values(), ids=RECORDINGS)
def test_the_same_recording_is_read_within_the_limit_and_refused_beyond(tmp_path, monkeypatch, write, remedy):
    path = write(tmp_path)
    with Bag(path) as bag:
        [frame] = bag.frames()
        np.testing.assert_array_equal(frame.image, PIXELS)
        assert not bag.broken
    for name in ("MAX_UNPACKED_BYTES", "MAX_SMALL_FILE_BYTES"):
        monkeypatch.setattr(unpacking, name, MEBIBYTE)
    with pytest.raises(InputError, match=r"holds more than \d+ bytes, .* if you trust it") as refusal:
        Bag(path)
    assert remedy in str(refusal.value) and "\n" not in str(refusal.value) and "cut off" not in str(refusal.value)


@pytest.mark.parametrize("is_indexed", [True, False])
@pytest.mark.parametrize("stated", [1000, 2**27])
@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_chunk_of_another_size_than_stated_is_refused(tmp_path, compression, stated, is_indexed):
    path = made(compression, stated=stated, is_indexed=is_indexed)(tmp_path)
    with pytest.raises(InputError, match="size mismatch"):
        Bag(path)


@pytest.mark.parametrize("chunks", [2, 4])
def test_chunks_that_overlap_are_limited_together(tmp_path, monkeypatch, chunks):
    monkeypatch.setattr(unpacking, "MAX_OPEN_BYTES", 7 * MEBIBYTE)
    path = made("zstd", chunks=chunks)(tmp_path)
    with Bag(path, topic="/image") as bag:
        frames = list(bag.frames())
        assert (len(frames), "overlap in time" in str(bag.broken)) == ((2, False) if chunks == 2 else (0, True))


def test_the_temporary_file_of_a_refused_recording_is_removed(tmp_path, monkeypatch):
    path = written(CompressionMode.FILE, StoragePlugin.SQLITE3)(tmp_path)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setattr(unpacking, "MAX_DISK_SHARE", 0.0)
    with pytest.raises(InputError, match="holds more than 0 bytes"):
        Bag(path)
    assert not list(folder.iterdir())


@pytest.mark.parametrize(("compression", "is_indexed", "stated"), [
    ("zstd", True, None), ("zstd", False, None), ("zstd", True, 2**27), ("lz4", True, None), ("lz4", False, 2**27)])
def test_gigabytes_take_little_memory(tmp_path, compression, is_indexed, stated):
    (tmp_path / "bomb.mcap").write_bytes(mcap(compression, 2**32, is_indexed=is_indexed, stated=stated))
    code = f"""
import resource
from ris_ros.errors import InputError
from ris_ros.recordings.bag import Bag
resource.setrlimit(resource.RLIMIT_AS, (2_500_000_000,) * 2)
try:
    Bag({str(tmp_path / "bomb.mcap")!r})
except InputError as error:
    print("more than" in str(error) or "size mismatch" in str(error))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert run.stdout.strip() == "True", run.stderr
