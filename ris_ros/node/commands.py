"""What is asked of the node: a text, or a text with the asker's own mark."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ris_ros.errors import InputError


@dataclass(frozen=True)
class Command:
    """A text to answer; an empty one stops.

    Attributes
    ----------
    text : the expression
    id : what the asker calls it, given back with the answer; None when it was not called anything

    """

    text: str
    id: str | int | None = None


class CommandError(InputError):
    """A command that cannot be read; `command` is what could be."""

    def __init__(self, reason: str, command: Command):
        super().__init__(reason)
        self.command = command


def parse_command(data: str) -> Command:
    """Read ``the red cup`` or ``{"id": 7, "text": "the red cup"}``.

    Raises
    ------
    CommandError
        When it begins like JSON and is not such an object.

    """
    data = data.strip()
    if not data.startswith("{"):
        return Command(data)
    try:
        values = json.loads(data)
    except (json.JSONDecodeError, RecursionError) as error:
        raise CommandError(f"the command is not JSON though it begins with '{{': {error}", Command(data)) from error
    mark = values.get("id")
    mark = mark if isinstance(mark, str | int) and not isinstance(mark, bool) else None
    readable = Command(data, mark)
    if not isinstance(values.get("text"), str):
        raise CommandError('the command is JSON without "text", a string', readable)
    if mark != values.get("id"):
        raise CommandError('the command\'s "id" must be a string or a whole number', readable)
    if unknown := values.keys() - {"id", "text"}:
        raise CommandError(f'the command holds {", ".join(sorted(unknown))}; it may hold "id" and "text"', readable)
    return Command(values["text"].strip(), mark)
