"""scripts/setup on machines that lack something: one line says what to do, and the next run mends it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

PYTHON = """#!/usr/bin/env bash
# Stands for Python in a folder of a machine that is described by environment variables.
echo "python $*" >>"$CALLS"
case "$*" in
    --version) echo "Python ${VERSION:-3.12.1}" ;;
    *version_info*)
        minor=${VERSION:-3.12.1}; minor=${minor#3.}; minor=${minor%%.*}
        [ "$minor" -ge 10 ] && [ "$minor" -le 14 ] ;;
    *pip.__version__*) [ -z "${BROKEN_PIP:-}" ] ;;
    "-c import torch, torchvision") false ;;
    *"-m venv"*)
        case "$*" in *--clear*) rm -rf .venv ;; esac
        mkdir -p .venv/bin
        cp "$0" .venv/bin/python 2>/dev/null
        printf '#!/bin/sh\\nexit 0\\n' >.venv/bin/ris
        chmod +x .venv/bin/ris ;;
    *"pip install"*)
        [ -z "${OFFLINE:-}" ] || exit 1
        cat >.venv/bin/uv <<'END'
#!/usr/bin/env bash
echo "uv $*" >>"$CALLS"
[ "$1" = --version ] || exit ${UV_STATUS:-0}
END
        chmod +x .venv/bin/uv ;;
    *"pip download"*) [ -z "${OFFLINE:-}" ] ;;
esac
"""


@pytest.fixture
def machine(tmp_path):
    """A function that runs scripts/setup in a copy of the checkout, with stand-ins for the programs that it calls."""
    shutil.copytree(ROOT / "scripts", tmp_path / "checkout" / "scripts")
    shutil.copytree(ROOT / "ris_interfaces", tmp_path / "checkout" / "ris_interfaces")
    shutil.copy(ROOT / "setup.cfg", tmp_path / "checkout")
    programs = tmp_path / "bin"
    programs.mkdir()
    # Nothing is compiled here.
    (tmp_path / "checkout/scripts/build_interfaces").write_text("#!/bin/sh\n")
    for name, script in {"python3": PYTHON, "dpkg-query": '#!/bin/sh\n[ -z "$BARE" ] && echo installed\n',
                         "id": "#!/bin/sh\necho 1000\n", "sudo": "#!/bin/sh\nexit 1\n", "npm": "#!/bin/sh\n",
                         "cmake": "#!/bin/sh\n", "ninja": "#!/bin/sh\n", "g++": "#!/bin/sh\n",
                         # None of the interpreters of this machine is used.
                         **{f"python3.{minor}": "#!/bin/sh\nexit 1\n" for minor in range(10, 15)}}.items():
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    calls = tmp_path / "calls"

    def run(**variables):
        calls.write_text("")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ROS_", "PYTHON"))}
        done = subprocess.run(
            [tmp_path / "checkout/scripts/setup"], text=True, capture_output=True, timeout=60,
            env={**inherited, "PATH": f"{programs}:/usr/bin:/bin", "CALLS": str(calls), "BARE": "",
                 **variables})
        done.calls = calls.read_text()
        done.message = [line for line in done.stderr.splitlines() if line.startswith("setup: ")]
        return done
    run.programs = programs
    return run


pytestmark = pytest.mark.skipif(any(Path("/opt/ros").glob("*/setup.bash")), reason="takes ROS from /opt/ros")


@pytest.mark.parametrize(("variables", "message"), [
    ({"VERSION": "3.9.7"}, "Python 3.10 to 3.14 is needed, this is Python 3.9.7: install one of them, and name it"),
    ({"VERSION": "3.15.0"}, "3.10 to 3.14 is needed, this is Python 3.15.0: install one of them"),
    ({"PYTHON": "python2.7"}, "there is no python2.7"),
    ({"TORCH": "rocm"}, "TORCH must be cpu or cuda, not rocm"),
    ({"BARE": "yes"}, "then run this script again: sudo apt-get install libegl1 libgl1-mesa-dri libgles2"),
    ({"OFFLINE": "yes"}, "check the network connection, then run this script again"),
    ({"UV_STATUS": "2"}, "(about 6 GB with CUDA on a new machine)' failed, the lines above say why"),
    ({"UV_STATUS": "130"}, "interrupted: run this script again to finish"),
])
def test_what_is_missing_is_one_line(machine, variables, message):
    done = machine(**variables)
    assert done.returncode == 1
    [line] = done.message
    assert message in line
    # Once it is there, the next run finishes.
    done = machine()
    assert (done.returncode, done.message) == (0, []), done.stderr


def test_another_python_that_would_do_is_named(machine):
    (machine.programs / "python3.13").write_text(PYTHON)
    assert machine(VERSION="3.15.0").message[0].endswith("run PYTHON=python3.13 scripts/setup")


def test_packages_of_an_interrupted_run_are_installed_again(machine):
    assert "--reinstall" not in machine(UV_STATUS="1").calls
    assert "--reinstall" in machine().calls
    assert "uv pip install" not in machine().calls  # there is nothing left to do


def test_an_environment_without_a_working_pip_is_made_anew(machine):
    machine(UV_STATUS="1")
    assert "-m venv --clear .venv" in machine(BROKEN_PIP="yes").calls


def test_choices_are_kept_by_later_runs(machine):
    assert "--torch-backend" not in machine().calls
    chosen = machine(TORCH="cpu", EXTRAS="images,bag", UV_STATUS="1")
    assert "--torch-backend cpu" in chosen.calls and "[images,bag,ros,interfaces]" in chosen.calls
    later = machine()
    assert "--torch-backend cpu" in later.calls and "[images,bag,ros,interfaces]" in later.calls
    undone = machine(TORCH="cuda", EXTRAS="all")
    assert "--torch-backend" not in undone.calls and "sim,ray" in undone.calls
