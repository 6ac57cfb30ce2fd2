"""The site: it builds without a warning and without a network, and what is generated is complete."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html import unescape

import pytest
import typer
from docs_blocks import ROOT

pytest.importorskip("mkdocs")
pytest.importorskip("mkdocstrings")

from ris_ros.cli import app
from ris_ros.config import Config, iter_settings
from ris_ros.node.throttled_warnings import TROUBLES

FOREIGN = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=[\"']?(https?:)?//[^\"'> ]+")


@pytest.fixture(scope="module")
def built_docs(tmp_path_factory):
    """The built site; broken links and anchors are errors."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder], cwd=ROOT, capture_output=True,
        text=True, timeout=200, env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr[-3000:]
    assert "WARNING" not in done.stderr
    return folder


def text_of(page):
    """Return the text of a page, without its navigation and its tags."""
    [article] = re.findall(r"<article.*?</article>", page.read_text(), re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", "", article)).split())


def test_every_page_is_there(built_docs):
    assert {"index.html", "tutorial.html", "troubleshooting.html", "security.html", "howto/cameras.html",
            "reference/python.html"} <= {str(page.relative_to(built_docs)) for page in built_docs.rglob("*.html")}
    assert len(list(built_docs.rglob("*.html"))) > 35


def test_nothing_is_fetched_from_others(built_docs):
    for page in built_docs.rglob("*.html"):
        assert not FOREIGN.search(page.read_text()), page.name


def test_no_page_shows_the_marks_or_the_markup(built_docs):
    for page in built_docs.rglob("*.html"):
        if page.name != "404.html":
            text = re.sub(r"<code>.*?</code>", "", page.read_text())
            assert not re.search(r"&lt;!--|```", text), page.name


def test_every_trouble_has_its_anchor(built_docs):
    page = (built_docs / "troubleshooting.html").read_text()
    assert all(f'id="{trouble}"' in page for trouble in TROUBLES)


def test_every_camera_of_the_presets_has_its_anchor(built_docs):
    page = (built_docs / "howto" / "cameras.html").read_text()
    assert all(f'id="{preset.stem}"' in page for preset in (ROOT / "config" / "cameras").glob("*.yaml"))


def test_the_page_of_settings_is_complete(built_docs):
    text = text_of(built_docs / "reference" / "settings.html")
    for setting in iter_settings(Config()):
        assert f"{setting.name} " in text
        assert " ".join(setting.help.replace("`", "").split()) in text, setting.name


def test_the_page_of_interfaces_shows_the_files(built_docs):
    text = text_of(built_docs / "reference" / "interfaces.html")
    for file in (ROOT / "ris_interfaces").glob("*/*.*"):
        assert " ".join(file.read_text().split()) in text, file.name


def test_the_page_of_the_command_line_has_every_command_and_option(built_docs):
    text = text_of(built_docs / "reference" / "cli.html")

    def check(command, words):
        assert " ".join(words) in text
        for option in (name for parameter in command.params for name in parameter.opts if name.startswith("--")):
            assert option in text, f"{' '.join(words)} {option}"
        for name, child in getattr(command, "commands", {}).items():
            check(child, [*words, name])

    check(typer.main.get_command(app), ["ris"])


def test_the_page_of_launch_files_has_their_arguments(built_docs):
    text = text_of(built_docs / "reference" / "launch.html")
    assert all(file.name in text for file in ROOT.glob("launch/*.launch.py"))
    for argument in ("camera", "target_frame", "rviz", "seed", "bag"):
        assert f" {argument} " in text
    assert str(ROOT) not in text


def test_the_page_of_python_describes_what_is_public(built_docs):
    text = text_of(built_docs / "reference" / "python.html")
    for name in ("ReferringSegmenter", "set_image", "Result", "Proposals", "Tracker", "locate", "InputError"):
        assert name in text
    # A description that follows the name in a docstring is shown as one, not as a type.
    assert "bool [N, H, W]" in text
    assert "unsigned" not in text
