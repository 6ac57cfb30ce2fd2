"""The check of ris_interfaces, a package of another version, and one that is not there."""

from __future__ import annotations

import operator
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from ris_ros.errors import MissingError
from ris_ros.messages import check_interfaces, has_interfaces
from ris_ros.messages.interfaces import FIELDS

SOURCES = Path(__file__).resolve().parents[2] / "ris_interfaces"
PARTS = {"action": ("Goal", "Result", "Feedback"), "srv": ("Request", "Response")}


def fields_of(definition):
    """Return the names of the fields in a part of a definition."""
    lines = (line.partition("#")[0].split() for line in definition.splitlines())
    return [words[1] for words in lines if words]


def test_the_known_fields_are_those_of_the_definitions():
    defined = {}
    for file in SOURCES.glob("*/*.*"):
        kind, parts = file.parent.name, file.read_text(encoding="utf-8").split("\n---\n")
        names = [f"{kind}:{file.stem}.{part}" for part in PARTS[kind]] if kind in PARTS else [f"{kind}:{file.stem}"]
        defined |= dict(zip(names, map(fields_of, parts), strict=True))
    assert {name: fields.split() for name, fields in FIELDS.items()} == defined


@pytest.fixture
def installed():
    pytest.importorskip("ris_interfaces.msg", reason="ris_interfaces is not built")


def test_the_built_package_has_all_fields(installed):
    check_interfaces()
    assert has_interfaces()


@pytest.mark.parametrize(("name", "field"), [(name, field) for name in FIELDS for field in FIELDS[name].split()])
def test_a_missing_field_is_named(installed, monkeypatch, name, field):
    module, _, path = name.partition(":")
    kind = operator.attrgetter(path)(import_module(f"ris_interfaces.{module}"))
    others = {other: type_ for other, type_ in kind.get_fields_and_field_types().items() if other != field}
    monkeypatch.setattr(kind, "get_fields_and_field_types", lambda: others)
    with pytest.raises(MissingError, match=rf"lacks {path}\.{field}: .*setup .*colcon"):
        check_interfaces()
    assert not has_interfaces()


@pytest.mark.parametrize("name", sorted({name.partition(".")[0] for name in FIELDS}))
def test_a_missing_class_is_named(installed, monkeypatch, name):
    module, _, path = name.partition(":")
    monkeypatch.delattr(f"ris_interfaces.{module}.{path}")
    with pytest.raises(MissingError, match=rf"lacks .*\b{path}\b"):
        check_interfaces()


@pytest.mark.parametrize("module", ["action", "msg", "srv"])
def test_a_missing_module_is_another_version(installed, monkeypatch, module):
    monkeypatch.setitem(sys.modules, f"ris_interfaces.{module}", None)
    with pytest.raises(MissingError, match="another version"):
        check_interfaces()


@pytest.mark.parametrize("module", [None, ModuleType("ris_interfaces")], ids=["nothing", "a folder of sources"])
def test_a_package_that_is_not_built_is_not_installed(monkeypatch, module):
    monkeypatch.setitem(sys.modules, "ris_interfaces", module)
    with pytest.raises(ImportError):
        check_interfaces()
    assert not has_interfaces()
