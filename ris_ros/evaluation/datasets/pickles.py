"""Pickles from strangers: the plain containers in them and nothing that could run."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from ris_ros.errors import InputError


class _PlainUnpickler(pickle.Unpickler):
    """Builds dicts, lists, tuples, sets, texts and numbers. Classes and functions have to be looked up: here they fail.

    Whatever a pickle can do beyond data (REDUCE, BUILD, INST, OBJ, NEWOBJ, extension codes) needs such a look-up.
    """

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, and only plain data is read")


def read_plain_pickle(path: Path) -> Any:
    """The plain data in a pickle of any protocol; texts of Python 2 are read as UTF-8, else as Latin-1.

    Raises
    ------
    InputError
        When the file cannot be read, is damaged, or holds anything but plain data.

    """
    try:
        with open(path, "rb") as file:
            # Latin-1 takes every byte of a Python 2 text as a character, so that nothing is lost before _as_text.
            return _as_text(_PlainUnpickler(file, encoding="latin1").load())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # a damaged pickle raises whatever its opcodes meet
        raise InputError(f"{path} is not a pickle of plain data: {error or type(error).__name__}") from error


def _as_text(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return value if value.isascii() else value.encode("latin1").decode("utf-8")
        except UnicodeError:
            return value
    if isinstance(value, dict):
        return {_as_text(key): _as_text(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(_as_text(item) for item in value)
    return value
