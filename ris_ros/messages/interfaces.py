"""Whether ris_interfaces, a package that is built apart from this one, is installed and has what this package uses."""

from __future__ import annotations

import operator
from importlib import import_module

from ris_ros.errors import MissingError

FIELDS = {
    "action:Find.Goal": "text camera timeout wait max_image_age min_confidence",
    "action:Find.Result": "answer",
    "action:Find.Feedback": "stage candidates confidence answer",
    "msg:Answer": "header camera id text found targets confidence calibrated early reason note latency",
    "msg:Target": "roi mask score has_pose pose size grasp",
    "msg:Grasp": "centre approach closing yaw width",
    "srv:Parse.Request": "text",
    "srv:Parse.Response": "success message target_phrase head query",
}
"""The fields that this package uses, by module and class."""


def check_interfaces() -> None:
    """Raise an error unless ris_interfaces can be used.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.
    MissingError
        If it is of another version, which lacks a class or a field.

    """
    # A folder without a file of its own, such as the sources beside this package, is not the built package.
    if getattr(import_module("ris_interfaces"), "__file__", None) is None:
        raise ModuleNotFoundError("ris_interfaces is not built", name="ris_interfaces")
    missing = []
    for name, fields in FIELDS.items():
        module, _, path = name.partition(":")
        try:
            found = operator.attrgetter(path)(import_module(f"ris_interfaces.{module}")).get_fields_and_field_types()
        except (ImportError, AttributeError):
            missing.append(path)
        else:
            missing += [f"{path}.{field}" for field in fields.split() if field not in found]
    if missing:
        raise MissingError(
            f"ris_interfaces is of another version and lacks {', '.join(missing)}: build it anew by scripts/setup or, "
            "in a workspace, by colcon build --base-paths src/ris_ros src/ris_ros/ris_interfaces")


def has_interfaces() -> bool:
    """Return whether ris_interfaces can be used."""
    try:
        check_interfaces()
    except (ImportError, MissingError):
        return False
    return True
