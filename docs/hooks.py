"""What `mkdocs build` adds to the pages of this folder: the README and other files of the root, and generated pages."""

from __future__ import annotations

import ast
import posixpath
import re
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock, patch

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
ROOT_PAGES = {"README.md": "index.md", "SECURITY.md": "security.md", "CONTRIBUTING.md": "contributing.md",
              "CHANGELOG.md": "changelog.md", "training/reader/README.md": "training/reader.md"}
"""Pages of the site that are kept elsewhere in the repository."""
LINK = re.compile(r"(\]\()([^)\s#:]+)")
"""The target of a Markdown link to a file, without its anchor."""


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that do not lie in this folder."""
    pages = {page: (ROOT / source).read_text() for source, page in ROOT_PAGES.items()}
    pages |= {"reference/settings.md": settings_page(), "reference/interfaces.md": interfaces_page(),
              "reference/launch.md": launch_page(), "reference/cli.md": cli_page()}
    for page, text in pages.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links between files of the repository into links between pages of the site."""
    sources = {page: source for source, page in ROOT_PAGES.items()}
    here = page.file.src_uri
    folder = posixpath.dirname(sources.get(here, f"docs/{here}"))

    def relink(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, match[2]))
        if target in ROOT_PAGES:
            target = f"docs/{ROOT_PAGES[target]}"
        if not target.startswith("docs/"):
            return match[0]
        return match[1] + posixpath.relpath(target, posixpath.dirname(f"docs/{here}"))

    return LINK.sub(relink, markdown)


# Generated pages


def settings_page() -> str:
    """Return the page of all settings, from `ris_ros/config.py`."""
    from ris_ros.config import TYPE_NAMES, Config, iter_settings

    def values_of(setting: Any) -> str:
        if setting.choices:
            return ", ".join(setting.choices)
        if setting.low is None:
            return TYPE_NAMES.get(setting.type, "a list of texts")
        return f"{setting.low:,} to {setting.high:,}"

    lines = ["# Settings", "", "Each setting is a parameter of the node, an option `--set NAME=VALUE` of the command "
             "line, and a key of `Config.from_dict`. `ris config` prints them as a file. A *live* setting can be "
             "changed while the node runs.", ""]
    section = None
    for setting in iter_settings(Config()):
        if (prefix := setting.name.rpartition(".")[0]) != section:
            section = prefix
            lines += ["", f"## {section or 'The node and the method'}", "", "| setting | default | values | |",
                      "|---|---|---|---|"]
        values = " ".join(filter(None, [values_of(setting), setting.unit, "*live*" if setting.live else ""]))
        lines.append(f"| `{setting.name}` | `{_yaml(setting.value)}` | {values} | {_cell(setting.help)} |")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "&#124;")


def _yaml(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(
        list(value) if isinstance(value, tuple) else value)


def interfaces_page() -> str:
    """Return the page of the messages, services and actions: the files themselves."""
    lines = ["# Messages, services, action", "", "The files of `ris_interfaces`, as they are. [The typed "
             "interface](../interface.md) explains how to use them."]
    for file in sorted((ROOT / "ris_interfaces").glob("*/*.*")):
        if file.suffix in (".action", ".msg", ".srv"):
            lines += ["", f"## {file.parent.name}/{file.stem}", "", "```text", file.read_text().strip(), "```"]
    return "\n".join(lines)


def launch_page() -> str:
    """Return the page of the launch files' arguments."""
    lines = ["# Launch files", ""]
    for name in ("ris", "demo", "bag"):
        file = ROOT / "launch" / f"{name}.launch.py"
        text = ast.get_docstring(ast.parse(file.read_text())) or ""
        lines += [f"## {file.name}", "", text, "", "| argument | default | |", "|---|---|---|"]
        lines += [f"| `{argument.name}` | {argument.default and f'`{argument.default}`'} | "
                  f"{_cell(argument.description)} |" for argument in launch_arguments(file)]
        lines.append("")
    return "\n".join(lines)


@dataclass(frozen=True)
class LaunchArgument:
    """An argument of a launch file: its name, its default value as text, and what it does."""

    name: str
    default: str
    description: str


def launch_arguments(file: Path) -> list[LaunchArgument]:
    """Return the arguments that a launch file declares; it runs with stand-ins for the packages of ROS."""
    declared: list[LaunchArgument] = []

    def declare(name: str, *, default_value: Any = "", description: str = "", **_: Any) -> None:
        default = str(default_value).replace(f"{ROOT}/", "$(ros2 pkg prefix --share ris_ros)/")
        declared.append(LaunchArgument(name, default, description))

    with _stand_ins(declare):
        runpy.run_path(str(file))["generate_launch_description"]()
    return declared


@contextmanager
def _stand_ins(declare: Any) -> Iterator[None]:
    names = ("ament_index_python", "ament_index_python.packages", "launch", "launch.actions", "launch.conditions",
             "launch.event_handlers", "launch.events", "launch.events.process", "launch.launch_description_sources",
             "launch.substitutions", "launch_ros", "launch_ros.actions", "launch_ros.parameter_descriptions")
    modules: dict[str, Any] = {name: MagicMock(spec=None) for name in names}
    modules["launch.actions"].DeclareLaunchArgument = declare
    modules["ament_index_python.packages"].get_package_share_directory = lambda _: str(ROOT)
    modules["ament_index_python.packages"].PackageNotFoundError = LookupError
    with patch.dict(sys.modules, {name: _module(name, mock) for name, mock in modules.items()}):
        yield


def _module(name: str, mock: MagicMock) -> ModuleType:
    module = ModuleType(name)
    module.__getattr__ = lambda attribute: getattr(mock, attribute)  # type: ignore[method-assign]
    return module


def cli_page() -> str:
    """Return the page of the command line, as typer documents it."""
    import typer
    from typer.cli import get_docs_for_click

    from ris_ros.cli import app

    command = typer.main.get_command(app)
    _give_short_help(command)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command, info_name="ris"), name="ris")
    return text.replace("# `ris`\n", "# Command line\n", 1)


def _give_short_help(command: Any) -> None:
    """Let the lists of commands hold the whole first line of each, which is cut otherwise."""
    for child in getattr(command, "commands", {}).values():
        child.short_help = (child.help or "").partition("\n")[0]
        _give_short_help(child)
