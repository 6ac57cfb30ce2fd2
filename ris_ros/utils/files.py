"""Reading of JSON from anywhere, and writing of files that an interruption must not leave incomplete."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from ris_ros.errors import InputError

ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""Half of a character beyond the basic plane: in JSON these come in pairs, and alone are no text."""


def parse_json(content: str | bytes) -> Any:
    """Return the value of a JSON text.

    Raises
    ------
    InputError
        If it is not JSON, is nested too deeply to be read, or holds text that is not Unicode.

    """
    try:
        text = content if isinstance(content, str) else content.decode(json.detect_encoding(content))
        value = json.loads(text)
        if ESCAPED_SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise InputError("it is nested too deeply") from error
    except ValueError as error:  # Of JSON, of its encoding, or of a number with thousands of digits.
        raise InputError(f"not JSON: {error}") from error
    return value


def read_json(path: Path, remedy: str = "") -> Any:
    """Return the value in a JSON file; an error also says the `remedy`, if one is given.

    Raises
    ------
    InputError
        If the file cannot be read, and as in :func:`parse_json`.

    """
    try:
        return parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read {path}: {reason}{remedy and f'; {remedy}'}") from error


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
