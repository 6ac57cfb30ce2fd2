"""The command line as users run it: a process, its output and its exit status."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from skimage import data


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess:
    program = str(Path(sys.executable).with_name("ris"))
    return subprocess.run([program, *arguments], input=stdin, capture_output=True, text=True, timeout=280)


@pytest.fixture(scope="session")
def ris() -> Callable[..., subprocess.CompletedProcess]:
    """Runs `ris` with the given arguments."""
    return run


@pytest.fixture(scope="session")
def refusal() -> Callable[..., str]:
    """Runs `ris` with invalid input, checks for exit status 2 and returns the one line on stderr."""
    def refuse(*arguments: str, stdin: str = "") -> str:
        process = run(*arguments, stdin=stdin)
        assert process.returncode == 2, process
        [line] = process.stderr.strip().splitlines()
        assert line.startswith("ris: ")
        return line
    return refuse


@pytest.fixture(scope="session")
def photograph(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("images") / "coffee.png"
    cv2.imwrite(str(file), cv2.cvtColor(data.coffee()[::2, ::2], cv2.COLOR_RGB2BGR))
    return file
