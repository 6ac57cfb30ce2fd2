"""Safe reading of pickles from untrusted sources: plain data only, without code execution."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from ris_ros.errors import InputError

MAX_VALUES = 100_000_000
"""Values in the data of a pickle, each counted as often as it is referred to: a few hundred bytes can refer to a list
of lists of lists so often that nothing could walk through it."""

Scalar = str | bytes | int | float | bool | None


_Unpickler: Any = pickle._Unpickler
"""The unpickler written in Python. The one in C allocates memory up to whatever number an opcode gives a value."""

_KEYS = {pickle.SETITEM: slice(-2, -1), pickle.SETITEMS: slice(None, None, 2), pickle.DICT: slice(None, None, 2),
         pickle.ADDITEMS: slice(None), pickle.FROZENSET: slice(None)}
"""Opcodes that fill dicts and sets, and which values on the stack they take as keys or members."""


def _with_plain_keys(load: Callable[[Any], None], keys: slice) -> Callable[[Any], None]:
    """Return the function of an opcode that refuses keys other than texts and numbers.

    To hash a tuple of tuples takes exponential time where each refers to one tuple several times.
    """
    def checked(unpickler: Any) -> None:
        if not all(isinstance(key, Scalar) for key in unpickler.stack[keys]):
            raise pickle.UnpicklingError("a key or a member of a set is no text or number")
        load(unpickler)
    return checked


class _PlainUnpickler(_Unpickler):
    """An unpickler of dicts, lists, tuples, sets, strings and numbers. It refuses to look up classes and functions.

    Every opcode that does more than build plain data (REDUCE, BUILD, INST, OBJ, NEWOBJ, extension codes) needs such a
    look-up.
    """

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        **_Unpickler.dispatch,
        **{opcode[0]: _with_plain_keys(_Unpickler.dispatch[opcode[0]], keys) for opcode, keys in _KEYS.items()}}

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
        content = io.BytesIO(path.read_bytes())
        # Latin-1 maps every byte of a Python 2 text to a character: nothing is lost before the texts are decoded.
        return _TextDecoder().decode(_PlainUnpickler(content, encoding="latin1").load())[0]
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # the opcodes of a damaged pickle may raise any exception
        raise InputError(f"{path} is not a pickle of plain data: {error or type(error).__name__}") from error


class _TextDecoder:
    """Decodes the texts in plain data that were UTF-8 bytes. What is referred to several times is decoded once."""

    def __init__(self) -> None:
        self._done: dict[int, tuple[Any, int]] = {}

    def decode(self, value: Any) -> tuple[Any, int]:
        """Return the data with decoded texts, and the number of values in it."""
        if isinstance(value, str):
            return _decode_text(value), 1
        if not isinstance(value, dict | list | tuple | set | frozenset):
            return value, 1
        if id(value) not in self._done:
            items = [*value.keys(), *value.values()] if isinstance(value, dict) else list(value)
            decoded, counts = zip(*map(self.decode, items), strict=True) if items else ((), ())
            count = 1 + sum(counts)
            if count > MAX_VALUES:
                raise pickle.UnpicklingError(f"it holds more than {MAX_VALUES} values")
            half = len(decoded) // 2
            self._done[id(value)] = (dict(zip(decoded[:half], decoded[half:], strict=True)) if isinstance(value, dict)
                                     else type(value)(decoded)), count
        return self._done[id(value)]


def _decode_text(text: str) -> str:
    try:
        return text if text.isascii() else text.encode("latin1").decode("utf-8")
    except UnicodeError:
        return text
