"""The configuration as ROS parameters: one parameter for each setting, under its dotted name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from ris_ros.config import Config, Setting, iter_settings
from ris_ros.errors import InputError

if TYPE_CHECKING:
    from rclpy.node import Node
    from rclpy.parameter import Parameter

_SETTINGS = {setting.name: setting for setting in iter_settings(Config())}


def declare_parameters(node: Node) -> None:
    """Declare a parameter for each setting, with its default, range and description."""
    for setting in _SETTINGS.values():
        node.declare_parameter(setting.name, setting.value, _descriptor(setting))


def read_config(node: Node) -> Config:
    """Return the configuration that the node's parameters describe.

    Raises
    ------
    InputError
        When a value has the wrong type, is out of range or is not one of the choices.

    """
    return Config.from_dict({name: node.get_parameter(name).value for name in _SETTINGS})


def check_changes(changes: Iterable[Parameter[Any]], current: Config | None) -> dict[str, Any]:
    """Return the new values of those parameters that are settings, by the setting's name.

    Parameters
    ----------
    changes : parameters with their new values
    current : configuration of a configured node; None before it is configured

    Raises
    ------
    InputError
        When a value is not valid, or changes a setting that a configured node cannot change.

    """
    values = {}
    for change in changes:
        if change.name in _SETTINGS:
            if change.type_ == change.Type.NOT_SET:
                raise InputError(f"{change.name} cannot be deleted")
            values[change.name] = _SETTINGS[change.name].validate(change.value)
    if current is not None:
        current_values = current.to_dict()
        for name, value in values.items():
            if value != current_values[name] and not _SETTINGS[name].live:
                raise InputError(f"{name} takes effect at configure: deactivate, clean up, configure again")
    return values


def _descriptor(setting: Setting) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(
        description=setting.help + (f" [{setting.unit}]" if setting.unit else ""),
        additional_constraints=f"one of: {', '.join(setting.choices)}" if setting.choices else "",
        # Accepts `1` for 1.0 and `[]` for no names in a parameter file; Config checks the type.
        dynamic_typing=setting.type not in (str, int, bool))
    if setting.low is not None and setting.type is int:
        descriptor.integer_range = [IntegerRange(from_value=setting.low, to_value=setting.high, step=1)]
    elif setting.low is not None:
        descriptor.floating_point_range = [FloatingPointRange(from_value=setting.low, to_value=setting.high)]
    return descriptor
