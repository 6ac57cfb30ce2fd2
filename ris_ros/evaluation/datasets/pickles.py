"""Safe reading of pickles from untrusted sources: plain data only, without code execution."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from ris_ros.errors import InputError


class _PlainUnpickler(pickle.Unpickler):
    """An unpickler of dicts, lists, tuples, sets, strings and numbers. It refuses to look up classes and functions.

    Every opcode that does more than build plain data (REDUCE, BUILD, INST, OBJ, NEWOBJ, extension codes) needs such a
    look-up.
    """

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, and only plain data is read")


def read_plain_pickle(path: Path) -> Any:
    """Return the plain data in a pickle of any protocol; texts of Python 2 are read as UTF-8, else as Latin-1.

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, or holds anything but plain data.

    """
    try:
        with open(path, "rb") as file:
            # Latin-1 maps every byte of a Python 2 text to a character: nothing is lost before _decode_texts.
            return _decode_texts(_PlainUnpickler(file, encoding="latin1").load())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # the opcodes of a damaged pickle may raise any exception
        raise InputError(f"{path} is not a pickle of plain data: {error or type(error).__name__}") from error


def _decode_texts(value: Any) -> Any:
    """Return the data with texts that were UTF-8 bytes decoded as such."""
    if isinstance(value, str):
        try:
            return value if value.isascii() else value.encode("latin1").decode("utf-8")
        except UnicodeError:
            return value
    if isinstance(value, dict):
        return {_decode_texts(key): _decode_texts(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(_decode_texts(item) for item in value)
    return value
