"""Plain commands and commands with an id."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris_ros.node.commands import Command, CommandError, parse_command
from ris_ros.utils.texts import MAX_TEXT_CHARACTERS


@pytest.mark.parametrize(("data", "command"), [
    ("the red cup", Command("the red cup")),
    ("  the red cup\n", Command("the red cup")),
    ("", Command("")),
    ('{"text": "the red cup"}', Command("the red cup")),
    ('{"id": "a-7", "text": " the red cup "}', Command("the red cup", "a-7")),
    ('{"id": 7, "text": ""}', Command("", 7)),
    ('{"id": null, "text": "cup"}', Command("cup")),
    ("[the] red cup", Command("[the] red cup")),
])
def test_commands_are_parsed(data, command):
    assert parse_command(data) == command


@pytest.mark.parametrize(("data", "words", "identifier"), [
    ("{", "not JSON", None),
    ("{'id': 7, 'text': 'the red cup'}", "not JSON", None),
    ('{"id": 7, "text": "the red cup"', "not JSON", None),
    ("{" * 100_000, "not JSON", None),
    ('{"a":' * 100_000, "not JSON", None),
    ('{"id": 7}', 'without "text"', 7),
    ('{"id": 7, "text": ["cup"]}', 'without "text"', 7),
    ('{"id": [7], "text": "cup"}', '"id" must be', None),
    ('{"id": true, "text": "cup"}', '"id" must be', None),
    ('{"id": 7, "text": "cup", "camera": "front"}', 'holds "camera"', 7),
])
def test_malformed_json_is_refused(data, words, identifier):
    with pytest.raises(CommandError, match=words) as caught:
        parse_command(data)
    assert caught.value.command == Command(data[:MAX_TEXT_CHARACTERS], identifier)


@given(st.text())
def test_any_text_is_parsed_or_refused(text):
    try:
        assert isinstance(parse_command(text).text, str)
    except CommandError as error:
        assert str(error).isprintable()
