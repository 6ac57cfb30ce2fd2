"""The configuration tree as ROS parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from ris_ros.config import Config, Setting, settings
from ris_ros.errors import InputError

if TYPE_CHECKING:
    from rclpy.node import Node
    from rclpy.parameter import Parameter

_SETTINGS = {setting.name: setting for setting in settings(Config())}


def declare(node: Node) -> None:
    """Declare every setting, under its dotted name and with its default."""
    for setting in _SETTINGS.values():
        node.declare_parameter(setting.name, setting.value, _descriptor(setting))


def read(node: Node) -> Config:
    """The configuration that the node's parameters make.

    Raises
    ------
    InputError
        For a value that is of the wrong type, out of range or not among the choices.

    """
    return Config.from_dict({name: node.get_parameter(name).value for name in _SETTINGS})


def accepted(changes: Iterable[Parameter], configured: Config | None) -> dict[str, Any]:
    """Those of `changes` that are settings, checked; `configured` is None before the node is configured.

    Raises
    ------
    InputError
        For a bad value, and for a new value of a setting that a configured node cannot take over.

    """
    values = {change.name: _SETTINGS[change.name].checked(change.value)
              for change in changes if change.name in _SETTINGS}
    if configured is not None:
        in_use = {setting.name: setting.value for setting in settings(configured)}
        for name, value in values.items():
            if value != in_use[name] and not _SETTINGS[name].live:
                raise InputError(f"{name} takes effect at configure: deactivate, clean up, configure again")
    return values


def _descriptor(setting: Setting) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(
        description=setting.help + (f" [{setting.unit}]" if setting.unit else ""),
        additional_constraints=f"one of: {', '.join(setting.choices)}" if setting.choices else "",
        # So that `1` in a parameter file will do for 1.0, and `[]` for no names; Config checks the type.
        dynamic_typing=setting.type not in (str, int, bool))
    if setting.low is not None and setting.type is int:
        descriptor.integer_range = [IntegerRange(from_value=setting.low, to_value=setting.high, step=1)]
    elif setting.low is not None:
        descriptor.floating_point_range = [FloatingPointRange(from_value=setting.low, to_value=setting.high)]
    return descriptor
