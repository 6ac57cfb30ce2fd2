"""The source distribution and the wheel, built one from the other as `python -m build` does."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import ris_ros

ROOT = Path(__file__).resolve().parents[1]
CODE = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"


def tracked(*folders):
    """Return the files of folders that belong to the package, relative to the root."""
    return {str(file.relative_to(ROOT)) for folder in folders for file in (ROOT / folder).rglob("*")
            if file.is_file() and "__pycache__" not in file.parts}


def build(kind, source, target):
    run = subprocess.run([sys.executable, "-c", CODE, kind, target], cwd=source, text=True, capture_output=True)
    assert run.returncode == 0, run.stderr


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The unpacked source distribution."""
    folder = tmp_path_factory.mktemp("distribution")
    for name in ("ris_ros", "config", "launch", "resource"):
        shutil.copytree(ROOT / name, folder / "checkout" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ROOT.iterdir():
        if file.is_file():
            shutil.copy(file, folder / "checkout")
    build("build_sdist", folder / "checkout", folder)
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def wheel(source):
    build("build_wheel", source, source.parent)
    [file] = source.parent.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        yield archive


def test_the_source_distribution_holds_all_that_a_build_needs(source):
    files = {str(file.relative_to(source)) for file in source.rglob("*") if file.is_file()}
    assert tracked("ris_ros", "config", "launch", "resource") <= files
    assert {"package.xml", "setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md",
            "CITATION.cff"} <= files


def test_the_wheel_holds_models_data_configuration_and_launch_files(wheel):
    files = set(wheel.namelist())
    assert tracked("ris_ros") <= files
    assert any(file.startswith("ris_ros/models/") for file in files)
    data = f"ris_ros-{ris_ros.__version__}.data/data/share"
    assert {f"{data}/ris_ros/{file}" for file in {"package.xml", *tracked("config", "launch")}} <= files
    assert f"{data}/ament_index/resource_index/packages/ris_ros" in files
    assert not {file for file in files if file.split("/")[0] in ("test", "training", "examples")}


def test_the_wheel_describes_itself(wheel):
    about = f"ris_ros-{ris_ros.__version__}.dist-info"
    metadata = message_from_bytes(wheel.read(f"{about}/METADATA"))
    assert metadata["Version"] == ris_ros.__version__
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload().startswith("# ris_ros")
    assert any("LICENSE" in name for name in wheel.namelist() if name.startswith(about))
    assert b"ris = ris_ros.cli:main" in wheel.read(f"{about}/entry_points.txt")
