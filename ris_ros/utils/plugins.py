"""Parts that other packages add by entry points: proposers, encoders, global paths, data sets and parsers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any

from ris_ros.errors import InputError, RisError, shortened


def plugin_names(group: str) -> list[str]:
    """Return the names that installed packages add in a group of entry points, sorted."""
    return sorted(_entry_points(group, tuple(sys.path)).names)


def find_plugin(group: str, name: str, *, built_in: Collection[str] = ()) -> EntryPoint | None:
    """Return the entry point of a name; None if no installed package adds it.

    A package that is installed while the process runs is found from the next process on.

    Raises
    ------
    InputError
        If several packages add the name, or it is one of `built_in`.

    """
    found = list(_entry_points(group, tuple(sys.path)).select(name=name))
    owners = [*(["ris_ros"] if name in built_in else []), *map(_owner, found)]
    if found and len(owners) > 1:
        raise InputError(f"{name!r} is added to {group} by {' and by '.join(owners)}: uninstall one of the packages, "
                         "or rename its entry point")
    return found[0] if found else None


def load_plugin(point: EntryPoint, is_valid: Callable[[Any], bool], expected: str) -> Any:
    """Import what an entry point names.

    Parameters
    ----------
    point : the entry point
    is_valid : whether the imported object can be used
    expected : what it must be, as in "a function"

    Raises
    ------
    InputError
        If it cannot be imported or is something else.

    """
    with plugin_errors(point):
        plugin = point.load()
    check_plugin(point, plugin, is_valid, expected)
    return plugin


def check_plugin(point: EntryPoint, value: Any, is_valid: Callable[[Any], bool], expected: str) -> None:
    """Raise InputError if a value that came from a plugin is not what is expected of it."""
    if not is_valid(value):
        raise InputError(f"{describe(point)} gave {type(value).__name__!r}, but must give {expected}: "
                         "docs/extending.md has an example")


@contextmanager
def plugin_errors(point: EntryPoint) -> Iterator[None]:
    """Raise whatever the code of a plugin raises as an InputError of one line that names the plugin's package."""
    try:
        yield
    except RisError:
        raise
    except Exception as error:
        raise InputError(f"{describe(point)} cannot be used: {shortened(error)}; update or uninstall {_owner(point)}"
                         ) from error


def describe(point: EntryPoint) -> str:
    """Return a plugin's name, group and package, for an error."""
    return f"{point.name!r} in {point.group}, which {_owner(point)} adds,"


def has_members(*names: str) -> Callable[[Any], bool]:
    """Return a check whether an object has all of these members."""
    return lambda value: all(hasattr(value, name) for name in names)


@lru_cache(maxsize=32)
def _entry_points(group: str, path: tuple[str, ...]) -> EntryPoints:
    """Return a group's entry points. The search through the packages on `path` takes some ten milliseconds."""
    return entry_points(group=group)


def _owner(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value
