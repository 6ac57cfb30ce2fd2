"""Creation of messages by the name of their type, from the installed ROS packages or from rosbags."""

from __future__ import annotations

from array import array
from functools import cache
from importlib import import_module
from typing import Any, Protocol

import numpy as np

NONZERO_DEFAULTS = {("geometry_msgs/msg/Quaternion", "w"): 1.0}
"""Default values in the definitions of common messages that rosbags does not preserve."""


class MessageFactory(Protocol):
    """Creates messages by the full names of their types, such as ``"sensor_msgs/msg/Image"``."""

    def message_type(self, name: str) -> Any:
        """Return the class of a message type; its constants are attributes of it."""

    def create(self, name: str, /, **fields: Any) -> Any:
        """Return a new message with these fields; the others have their default values.

        A field of bytes is given as an array, uint8 [N].
        """


class RosMessageFactory:
    """Creates messages of the installed ROS packages."""

    def message_type(self, name: str) -> Any:
        """Return the class of a message type; raises an ImportError if its package is not installed."""
        return _import_message_type(name)

    def create(self, name: str, /, **fields: Any) -> Any:
        """Return a new message with these fields; the others have their default values."""
        message = _import_message_type(name)()
        for field, value in fields.items():
            # Assignment keeps the array; the constructors of older distributions copy it.
            setattr(message, field, array("B", value.tobytes()) if isinstance(value, np.ndarray) else value)
        return message


class TypestoreMessageFactory:
    """Creates messages of a rosbags typestore.

    Parameters
    ----------
    typestore : a ``rosbags.typesys.store.Typestore`` that knows all the types

    """

    def __init__(self, typestore: Any) -> None:
        self._typestore = typestore

    def message_type(self, name: str) -> Any:
        """Return the class of a message type; raises a KeyError if the typestore does not know it."""
        return self._typestore.types[name]

    def create(self, name: str, /, **fields: Any) -> Any:
        """Return a new message with these fields; the others have their default values."""
        _, definitions = self._typestore.fielddefs[name]
        defaults = {field: NONZERO_DEFAULTS.get((name, field)) or self._default(definition)
                    for field, definition in definitions if field not in fields}
        return self.message_type(name)(**defaults, **fields)

    def _default(self, definition: Any) -> Any:
        """Return the default value of a field by its definition: zero, empty, or a message of such values."""
        from rosbags.interfaces import Nodetype

        kind, details = definition
        if kind == Nodetype.NAME:
            return self.create(details)
        if kind == Nodetype.BASE:
            return _zero(details[0])
        # An array of fixed or any length.
        element, length = details
        length = length if kind == Nodetype.ARRAY else 0
        if element[0] == Nodetype.BASE and element[1][0] not in ("string", "wstring"):
            return np.full(length, _zero(element[1][0]), element[1][0])
        return [self._default(element) for _ in range(length)]


@cache
def _import_message_type(name: str) -> Any:
    package, _, message = name.partition("/msg/")
    return getattr(import_module(f"{package}.msg"), message)


def _zero(base_type: str) -> Any:
    """Return the zero of a type that is no message."""
    if base_type in ("string", "wstring"):
        return ""
    return {"bool": False, "float32": 0.0, "float64": 0.0}.get(base_type, 0)
