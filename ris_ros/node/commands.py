"""Commands to the node: a text, or JSON with a text and an id of the sender's choice."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from ris_ros.errors import InputError
from ris_ros.types import MAX_TEXT_CHARACTERS


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes
    ----------
    text : expression to segment; an empty one stops
    id : identifier chosen by the sender, returned with the answer; None when none was given

    """

    text: str
    id: str | int | None = None


class CommandError(InputError):
    """A malformed command.

    Attributes
    ----------
    command : what could be read of it; its text is the whole message

    """

    def __init__(self, reason: str, command: Command):
        super().__init__(reason)
        self.command = command


def parse_command(data: str) -> Command:
    """Parse ``the red cup`` or ``{"id": 7, "text": "the red cup"}``.

    Raises
    ------
    CommandError
        When the message begins like JSON but is not such an object, or its text is too long.

    """
    data = data.strip()
    if not data.startswith("{"):
        return _within_limit(Command(data))
    try:
        values = json.loads(data)
        json.dumps(values, ensure_ascii=False).encode()  # Lone surrogates could not be sent back.
    except (ValueError, RecursionError) as error:
        raise CommandError(f"the command is not JSON though it begins with '{{': {error}", Command(data)) from error
    identifier = values.get("id")
    identifier = identifier if isinstance(identifier, str | int) and not isinstance(identifier, bool) else None
    readable = Command(data, identifier)
    if not isinstance(values.get("text"), str):
        raise CommandError('the command is JSON without "text", a string', readable)
    if identifier != values.get("id"):
        raise CommandError('the command\'s "id" must be a string or a whole number', readable)
    if unknown := values.keys() - {"id", "text"}:
        raise CommandError(f'the command holds {", ".join(sorted(unknown))}; it may hold "id" and "text"', readable)
    return _within_limit(Command(values["text"].strip(), identifier))


def _within_limit(command: Command) -> Command:
    """Return the command; raise a CommandError, before anything is logged or queued, if its text is far too long."""
    text = command.text
    if len(text) > MAX_TEXT_CHARACTERS:
        raise CommandError(f"the text has {len(text)} characters: say what to find in at most {MAX_TEXT_CHARACTERS}",
                           replace(command, text=text[:MAX_TEXT_CHARACTERS]))
    return command


def quote(text: str) -> str:
    """Return the text of a command in quotation marks and on one line, for the log."""
    return json.dumps(text, ensure_ascii=False)
