"""Extensions by another package: the one in example_package, built and installed, and broken ones."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from ris_ros.cli import app
from ris_ros.config import Config, EncoderConfig, LanguageConfig, ProposalsConfig
from ris_ros.encoding import load_encoder
from ris_ros.encoding.towers import find_global_path
from ris_ros.errors import InputError, MissingError
from ris_ros.evaluation.datasets import available_datasets, find_dataset, load_dataset
from ris_ros.parsing import make_parser
from ris_ros.proposals import make_proposer
from ris_ros.segmenter import ReferringSegmenter

COLOURS = {"red": (230, 20, 20), "green": (20, 230, 20), "blue": (20, 20, 230), "yellow": (230, 230, 20)}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The example package as `pip install` unpacks its wheel."""
    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(Path(__file__).parent / "example_package", folder / "source")
    code = "from setuptools.build_meta import build_wheel; print(build_wheel('..'))"
    built = subprocess.run([sys.executable, "-c", code], cwd=folder / "source", text=True, capture_output=True)
    assert built.returncode == 0, built.stderr
    [wheel] = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


@pytest.fixture
def example(site, monkeypatch):
    monkeypatch.syspath_prepend(site)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A function that installs a package with one module and one entry point."""
    def install(group, point, code="", package="broken"):
        (tmp_path / f"{package}_module.py").write_text(code)
        info = tmp_path / f"{package}-2.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 2.0\n")
        (info / "entry_points.txt").write_text(f"[ris_ros.{group}]\n{point}\n")
        monkeypatch.syspath_prepend(tmp_path)
    yield install
    for name in [name for name in sys.modules if name.endswith("_module") and "." not in name]:
        if getattr(sys.modules[name], "__file__", "") and str(tmp_path) in sys.modules[name].__file__:
            del sys.modules[name]


def tiles(*names):
    """Return a picture of two rows of tiles of these colours, uint8 RGB [80, 160, 3]."""
    row = np.repeat(np.array([COLOURS[name] for name in names], np.uint8), 40, axis=0)
    return np.broadcast_to(row, (80, 160, 3)).copy()


def test_a_segmenter_is_made_of_the_parts_of_another_package(example):
    segmenter = ReferringSegmenter.from_config(Config.from_dict({
        "method": "reference", "proposals.method": "grid", "encoder.model": "colours", "device": "cpu"}))
    boxes = [segmenter(tiles(*COLOURS), f"the {colour} block").box for colour in COLOURS]
    assert [(x1, x2) for x1, _, x2, _ in boxes] == [(0, 40), (40, 80), (80, 120), (120, 160)]


def test_the_parser_of_another_package_is_used(example):
    shown = CliRunner().invoke(app, ["parse", "a cup on a table", "--set", "language.parser=last-word"])
    assert json.loads(shown.stdout)["head"] == "table"


def test_the_global_path_of_another_package_is_used_where_none_applies(example):
    encoder = load_encoder(EncoderConfig(model="colours"), "cpu")
    assert find_global_path(encoder.model.visual).description == "mean colour of the patches under the mask"
    left = np.zeros((1, 80, 160), bool)
    left[:, :, :40] = True
    red, green, blue, _ = encoder.encode_masks(tiles(*COLOURS), left).global_features[0]
    assert red > 0 > max(green, blue)


def test_a_data_set_of_another_package_is_read_and_checked(example, tmp_path):
    Image.fromarray(tiles(*COLOURS)).save(tmp_path / "a.png")
    (tmp_path / "stripes.tsv").write_text("a.png\t40\t80\tthe green stripe\nnonsense\n")
    data = load_dataset("stripes", tmp_path)
    [picture] = data.pictures
    assert picture.target_mask(picture.expressions[0], 80, 160).sum() == 40 * 80
    assert data.problems == ["stripes.tsv, line 2, is not picture, first, end and sentence"]
    assert "stripes" in available_datasets()


def test_the_published_method_keeps_its_own_parser(example):
    assert make_parser(LanguageConfig(parser="last-word"), "reference").parse("a cup on a table").target.head == "cup"


LOADERS = {
    "proposers": lambda name: make_proposer(ProposalsConfig(method=name), "cpu"),
    "encoders": lambda name: load_encoder(EncoderConfig(model=name), "cpu"),
    "datasets": find_dataset,
    "parsers": lambda name: make_parser(LanguageConfig(parser=name)),
}


@pytest.mark.parametrize("group", LOADERS)
@pytest.mark.parametrize(("point", "code", "message"), [
    ("mine = no_such_module:make", "", "No module named 'no_such_module'.*update or uninstall broken 2.0"),
    ("mine = broken_module:make", "import no_such_dependency", "No module named 'no_such_dependency'"),
    ("mine = broken_module:make", "make = (", "SyntaxError"),
    ("mine = broken_module:made", "make = 1", "no attribute 'made'"),
    ("mine = broken_module:make", "make = 1", "'int', but must give a .*docs/extending.md"),
])
def test_a_plugin_that_cannot_be_imported_is_one_line(install, group, point, code, message):
    install(group, point, code)
    with pytest.raises(InputError, match=message) as caught:
        LOADERS[group]("mine")
    assert f"'mine' in ris_ros.{group}, which broken 2.0 adds," in str(caught.value)


@pytest.mark.parametrize("group", [group for group in LOADERS if group != "datasets"])
@pytest.mark.parametrize(("code", "message"), [
    ("def make(*given): raise ValueError('no\\nluck')", "cannot be used: ValueError: no luck; update or uninstall"),
    ("def make(): pass", "cannot be used: TypeError"),
    ("def make(*given): return object()", "gave 'object', but must give a"),
])
def test_a_plugin_that_makes_nothing_useful_is_one_line(install, group, code, message):
    install(group, "mine = broken_module:make", code)
    with pytest.raises(InputError, match=message):
        LOADERS[group]("mine")


def test_errors_that_a_plugin_raises_for_users_pass(install):
    install("proposers", "mine = broken_module:make",
            "from ris_ros.errors import MissingError\ndef make(*given): raise MissingError('buy a lens')")
    with pytest.raises(MissingError, match=r"^buy a lens$"):
        LOADERS["proposers"]("mine")


@pytest.mark.parametrize(("group", "taken"), [("proposers", "mobilesam"), ("datasets", "folder"),
                                              ("parsers", "reader")])
def test_a_name_of_this_package_is_taken(install, group, taken):
    install(group, f"{taken} = broken_module:make")
    with pytest.raises(InputError, match=f"'{taken}' is added to ris_ros.{group} by ris_ros and by broken 2.0"):
        LOADERS[group](taken)


@pytest.mark.parametrize("group", LOADERS)
def test_a_name_of_two_packages_is_refused(install, group):
    for package in ("first", "second"):
        install(group, f"mine = {package}_module:make", package=package)
    with pytest.raises(InputError, match=r"by first 2.0 and by second 2.0|by second 2.0 and by first 2.0"):
        LOADERS[group]("mine")


@pytest.mark.parametrize("group", LOADERS)
def test_an_unknown_name_is_refused_with_those_of_other_packages(example, group):
    with pytest.raises(InputError, match=r"grid|colours|stripes|last-word"):
        LOADERS[group]("nowhere")


@pytest.mark.parametrize(("setting", "added"), [("proposals.method", "grid"), ("language.parser", "last-word")])
def test_settings_list_the_names_of_other_packages(example, setting, added):
    with pytest.raises(InputError, match=f"one of .*{added}, not 'nowhere'"):
        Config.from_dict({setting: "nowhere"})


def test_a_broken_global_path_is_one_line(install):
    from torch import nn

    install("global_paths", "mine = broken_module:PATH", "PATH = 3")
    with pytest.raises(InputError, match="'int', but must give a GlobalPath"):
        find_global_path(nn.Identity())
