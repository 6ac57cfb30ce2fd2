"""Reading of JSON and of files of this package, and writing of files that an interruption must not leave incomplete."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from ris_ros.errors import InputError, MissingError, reading

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


def read_bundled(file: Path, card: Path, name: str) -> bytes:
    """Return the content of a file that comes with this package.

    Parameters
    ----------
    file : what is read
    card : a JSON file whose "sha256" is that of the content
    name : of what they hold, for errors

    Raises
    ------
    MissingError
        If one of them cannot be read, or the sum differs.

    """
    remedy = "install ris_ros again"
    with reading(f"{file} of the bundled {name}", remedy, MissingError):
        found = file.read_bytes()
    with reading(f"{card} of the bundled {name}", remedy, MissingError):
        expected = json.loads(card.read_bytes())["sha256"]
    if hashlib.sha256(found).hexdigest() != expected:
        raise MissingError(f"the bundled {name} {file} is damaged (its sha256 differs): {remedy}")
    return found


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
