"""Opening of bags by the rosbags library, as far as they can be read."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from types import FunctionType
from typing import Any

from ris_ros.errors import InputError, MissingError, shortened
from ris_ros.recordings.unpacking import limited_chunks, limited_ros1_decompressors, limited_zstd, unpack_chunk

STORAGE_SUFFIXES = (".mcap", ".db3")
"""Of the files in the folder of a bag."""


def open_bag(path: Path) -> Any:
    """Return the opened rosbags reader of a bag.

    Topics whose messages are no ROS messages, or whose definition cannot be read, do not hinder the others. What is
    compressed may unpack to a limited size only, see `unpacking`: more raises an InputError, here or while it is read.

    Raises
    ------
    InputError
        If the bag cannot be read; says what to do.
    MissingError
        If rosbags is not installed.

    """
    try:
        from rosbags.highlevel import AnyReader
        from rosbags.typesys import Stores, get_typestore
    except ImportError as error:
        raise MissingError("bags need the rosbags library: pip install 'ris_ros[bag]'") from error

    def open_paths(paths: list[Path]) -> Any:
        # Bags of ROS 2 before Iron do not carry the definitions of their types.
        reader = AnyReader(paths, default_typestore=get_typestore(Stores.LATEST))
        reader.readers = [_limited_reader(part) for part in reader.readers]
        reader.open()
        return reader

    try:
        return open_paths([path])
    except InputError as error:  # It knows the remedy.
        raise InputError(f"cannot read the bag {path}: {error}") from error
    except Exception as error:  # The library's parsers raise any exception for damaged files.
        files = _storage_files(path)
        if (path / "metadata.yaml").is_file() and files and "Serialization format" in str(error):
            # The library refuses the folder for one topic in another format, but not the files in it.
            try:
                return open_paths(files)
            except Exception:
                pass
        raise InputError(f"cannot read the bag {path}: {shortened(error)}{_remedy(path, files)}") from error


def _storage_files(path: Path) -> list[Path]:
    return sorted(file for suffix in STORAGE_SUFFIXES for file in path.glob(f"*{suffix}"))


def _remedy(path: Path, files: list[Path]) -> str:
    """Return what the user can do with a bag that cannot be read."""
    if path.is_dir():
        if files and not (path / "metadata.yaml").is_file():
            return (f"; the recording was not closed: run `ros2 bag reindex {path}`, or name a file in it, such as "
                    f"{files[0].name}")
        return f"; name one of its files, such as {files[0].name}" if files else "; the folder holds no .mcap or .db3"
    if not path.is_file():
        return ""
    return {".mcap": "; if it was cut off, repair it with `mcap recover`",
            ".db3": "; if it was cut off, repair it with `sqlite3 FILE .recover`",
            ".bag": "; if it was cut off, repair it with `rosbag reindex`"}.get(
                path.suffix, "; give a folder, or an .mcap, .db3 or .bag file")


def _limited_reader(reader: Any) -> Any:
    """Return a reader, in place of one that is not yet open, that unpacks to a limited size and is more tolerant.

    The library would refuse a whole MCAP file for one definition that it cannot read, such as that of a channel of
    protocol buffers, whose schema is not even text.
    """
    from rosbags.rosbag1 import Reader as Ros1Reader
    from rosbags.rosbag2.reader import DirectoryReader
    from rosbags.rosbag2.storage_mcap import McapReader, msgsrc

    class LimitedRos1Reader(Ros1Reader):
        read_chunk = _with_globals(Ros1Reader.read_chunk, decompressors=limited_ros1_decompressors())

    class LimitedMcapReader(McapReader):
        _open = _with_globals(McapReader._open, read_string=_read_profile)
        read_index = _with_globals(McapReader.read_index, read_string=_read_text, get_msgdef=_read_definition)
        meta_scan = _with_globals(McapReader.meta_scan, read_string=_read_text, get_msgdef=_read_definition,
                                  decompress=unpack_chunk)
        messages_scan = _with_globals(McapReader.messages_scan, decompress=unpack_chunk)

        def messages(self, *args: Any, **period: Any) -> Any:
            chunks = limited_chunks(_with_globals(msgsrc, decompress=unpack_chunk))
            return _with_globals(McapReader.messages, msgsrc=chunks)(self, *args, **period)

    class LimitedDirectoryReader(DirectoryReader):
        open = _with_globals(DirectoryReader.open, zstd=limited_zstd())
        messages = _with_globals(DirectoryReader.messages, zstd=limited_zstd())

    if isinstance(reader, Ros1Reader):
        return LimitedRos1Reader(reader.path)
    if isinstance(reader.storage, McapReader):
        reader.storage = LimitedMcapReader(reader.storage.path)
    elif isinstance(reader.storage, DirectoryReader):
        reader.storage = LimitedDirectoryReader(reader.storage.path)
        reader.storage.STORAGE_PLUGINS = {**DirectoryReader.STORAGE_PLUGINS, "mcap": LimitedMcapReader}
    return reader


def _with_globals(function: Any, **changes: Any) -> Any:
    """Return a copy of a function that finds other objects under some global names."""
    return FunctionType(function.__code__, {**function.__globals__, **changes}, function.__name__,
                        function.__defaults__, function.__closure__)


def _read_text(stream: BytesIO) -> str:
    from rosbags.rosbag2.storage_mcap import read_bytes

    return read_bytes(stream).decode(errors="replace")


def _read_profile(stream: BytesIO) -> str:
    """Return the profile of an MCAP file; that of ROS 2 for a file that states none."""
    return _read_text(stream) or "ros2"


def _read_definition(schema: Any) -> Any:
    """Return the definition of a type by its schema in an MCAP file; an empty one if the library cannot read it."""
    from rosbags.interfaces import MessageDefinition, MessageDefinitionFormat
    from rosbags.rosbag2.storage_mcap import get_msgdef
    from rosbags.typesys import get_types_from_idl, get_types_from_msg

    try:
        definition = get_msgdef(schema)
        if definition.format == MessageDefinitionFormat.MSG:
            get_types_from_msg(definition.data, schema.name)
        elif definition.format == MessageDefinitionFormat.IDL and not definition.data.startswith("=" * 80):
            get_types_from_idl(definition.data)  # Several definitions are taken apart when the bag is opened.
    except Exception:  # The library's parsers raise any exception.
        return MessageDefinition(MessageDefinitionFormat.NONE, "")
    return definition
