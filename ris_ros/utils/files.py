"""Writing of files that other processes may read, or that an interruption must not leave incomplete."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomically(file: Path, content: bytes) -> None:
    """Write a file under another name first, then move it into place; create missing folders.

    Raises
    ------
    OSError
        When the file cannot be written; nothing is left behind.

    """
    file.parent.mkdir(parents=True, exist_ok=True)
    incomplete = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        incomplete.write_bytes(content)
        incomplete.replace(file)
    except BaseException:
        incomplete.unlink(missing_ok=True)
        raise
