"""The container files, as far as they can be checked without an engine: hadolint, and that what they name is there."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
DOCKER = ROOT / "docker"
DOCKERFILES = sorted(DOCKER.glob("Dockerfile*"))
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
CONFIG = ConfigParser()
CONFIG.read(ROOT / "setup.cfg")


def instructions(file):
    """Yield the name and the rest of every instruction of a Dockerfile."""
    text = re.sub(r"^\s*#.*\n", "", file.read_text(), flags=re.M).replace("\\\n", " ")
    yield from (line.split(maxsplit=1) for line in text.splitlines() if line.strip())


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_hadolint_finds_nothing(file):
    hadolint = shutil.which("hadolint", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    run = subprocess.run([hadolint, "--no-color", file], text=True, capture_output=True)
    assert (run.returncode, run.stdout) == (0, "")


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_what_is_copied_and_started_is_there(file):
    found = dict(instructions(file))
    copied = [word for name, rest in instructions(file) if name == "COPY" for word in rest.split()[:-1]]
    assert copied and all((ROOT / word).exists() for word in copied)
    [entrypoint] = ast.literal_eval(found["ENTRYPOINT"])
    assert os.access(ROOT / entrypoint.removeprefix("/opt/ris_ros/"), os.X_OK)
    _, _, package, launch, *arguments = ast.literal_eval(found["CMD"])
    assert package == "ris_ros" and (ROOT / "launch" / launch).is_file()
    check_launch_arguments(arguments)


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_the_system_packages_of_the_set_up_are_installed(file):
    """scripts/setup runs as root there; with the packages in an earlier layer it has nothing to install."""
    wanted = re.search(r"^wanted=\((.*)\)$", (ROOT / "scripts/setup").read_text(), re.M)[1].split()
    run = " ".join(rest for name, rest in instructions(file) if name == "RUN")
    assert {*wanted, "python3-venv"} <= set(run.split())


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.name)
def test_the_arguments_are_those_of_the_set_up(file):
    arguments = dict(rest.split("=", 1) for name, rest in instructions(file) if name == "ARG")
    assert arguments.get("TORCH", "cuda") in ("cpu", "cuda")
    assert set(arguments["EXTRAS"].split(",")) <= set(CONFIG["options.extras_require"])


def test_no_environment_or_repository_is_copied():
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".venv*", "build", "install", "log"} <= set(ignored)


def check_launch_arguments(arguments):
    source = (ROOT / "launch/ris.launch.py").read_text()
    for argument in arguments:
        assert f'"{argument.partition(":=")[0]}"' in source


def test_the_services_are_built_from_the_dockerfile_and_run_what_is_installed():
    scripts = set(re.findall(r"^(\w+) =", CONFIG["options.entry_points"]["console_scripts"], re.M))
    for service in COMPOSE["services"].values():
        build = service["build"]
        assert (DOCKER / build["context"] / build["dockerfile"]).resolve() == DOCKER / "Dockerfile"
        assert set(build["args"]) <= {rest.split("=")[0] for name, rest in instructions(DOCKER / "Dockerfile")
                                      if name == "ARG"}
        assert service["network_mode"] == service["ipc"] == "host"
        program, *rest = service["command"].split()
        if (program, *rest[:2]) == ("ros2", "launch", "ris_ros"):
            assert rest[2] == "ris.launch.py"
            check_launch_arguments(rest[3:])
        elif (program, *rest[:2]) == ("ros2", "run", "ris_ros"):
            assert rest[2] in scripts
        else:
            assert program in scripts or rest[:2] == ["run", "usb_cam"]
    assert {"node", "view"} <= set(COMPOSE["services"])


def test_the_variants_change_known_services():
    for file in DOCKER.glob("compose.*.yaml"):
        assert set(yaml.safe_load(file.read_text())["services"]) <= set(COMPOSE["services"])
