"""Commands to the node: a text, or JSON with a text and an id of the sender's choice."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ris_ros.errors import InputError, printable
from ris_ros.utils.texts import MAX_TEXT_CHARACTERS

if TYPE_CHECKING:
    from ris_ros.types import Result

QUEUE_DEPTH = 1000
"""Commands that the middleware keeps while the node is busy, and results while their listeners are."""


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

    @property
    def id_text(self) -> str:
        """The identifier as an Answer has it; empty when none was given."""
        return "" if self.id is None else str(self.id)


@dataclass(frozen=True, eq=False)
class Goal(Command):
    """A command of one client, which alone decides when it ends. Its functions are called on the worker's thread.

    Attributes
    ----------
    min_confidence : 0..1, confidence below which the object counts as not found, if that is more than the node's
    not_before : earliest arrival of an image to answer on, seconds of ``time.monotonic()``
    on_start : is called when the work on an image begins
    on_early : takes what an early answer has found, as on_answer does, before the search goes on or ends
    on_answer : takes the typed answer, a ris_interfaces/Answer, and the result
    on_failure : takes why there is no answer

    """

    min_confidence: float = 0.0
    not_before: float = -math.inf
    on_start: Callable[[], None] = lambda: None
    on_early: Callable[[Any, Result], None] = lambda message, result: None
    on_answer: Callable[[Any, Result], None] = lambda message, result: None
    on_failure: Callable[[str], None] = lambda reason: None


class CommandError(InputError):
    """A malformed command.

    Attributes
    ----------
    command : what could be read of it; its text is the whole message, or its first MAX_TEXT_CHARACTERS characters

    """

    def __init__(self, reason: str, command: Command):
        super().__init__(reason)
        self.command = replace(command, text=command.text[:MAX_TEXT_CHARACTERS])


def parse_command(data: str) -> Command:
    """Parse ``the red cup`` or ``{"id": 7, "text": "the red cup"}``.

    Raises
    ------
    CommandError
        When the message begins like JSON but is not such an object, and when its text or id is too long or holds
        characters that no text has.

    """
    data = data.strip()
    if not data.startswith("{"):
        return _checked(Command(data), Command(data))
    values = _parse_json(data)
    identifier = values.get("id")
    has_valid_id = identifier is None or (isinstance(identifier, str | int) and not isinstance(identifier, bool))
    readable = Command(data, identifier if has_valid_id and not _id_problem(identifier) else None)
    if not isinstance(values.get("text"), str):
        raise CommandError('the command is JSON without "text", a string', readable)
    if not has_valid_id:
        raise CommandError('the command\'s "id" must be a string or a whole number', readable)
    if unknown := values.keys() - {"id", "text"}:
        raise CommandError(f'the command holds {", ".join(map(quote, sorted(unknown)))}; it may hold "id" and "text"',
                           readable)
    return _checked(Command(values["text"].strip(), identifier), readable)


def check_command_text(text: str) -> None:
    """Raise an InputError for a text that can be no command."""
    if problem := _problem(text):
        raise InputError(f"the text {problem}")
    if not text.strip():
        raise InputError("the text is empty: say what to find")


def quote(text: str) -> str:
    """Return a text from outside in quotation marks, with everything escaped that could forge or hide a log line."""
    return printable(json.dumps(text, ensure_ascii=False))


def _parse_json(data: str) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(data, object_pairs_hook=_unique_pairs)
    except InputError as error:
        raise CommandError(str(error), Command(data)) from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise CommandError(f"the command is not JSON though it begins with '{{': {error}", Command(data)) from error
    except ValueError as error:  # Python reads no integer of more than some thousand digits.
        raise CommandError("the command holds a number of too many digits", Command(data)) from error
    return values


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs of a JSON object; raises an InputError if a name comes twice, of which one would be ignored."""
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise InputError(f"the command holds {quote(name)} twice")
        values[name] = value
    return values


def _checked(command: Command, readable: Command) -> Command:
    """Return a command whose text and id can be answered and published; `readable` is what to answer otherwise."""
    if problem := _problem(command.text):
        raise CommandError(f"the command's text {problem}", readable)
    if problem := _id_problem(command.id):
        raise CommandError(f'the command\'s "id" {problem}', readable)
    return command


def _id_problem(identifier: Any) -> str:
    return _problem(identifier) if isinstance(identifier, str) else ""


def _problem(text: str) -> str:
    """Return why a text can be no part of a command; empty if it can."""
    if len(text) > MAX_TEXT_CHARACTERS:
        return f"has {len(text)} characters, more than {MAX_TEXT_CHARACTERS}"
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and not character.isspace():
            return f"holds the character {quote(character)}, which is no part of any text"
    return ""
