"""Commands: texts, JSON and raw bytes of every kind."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("rclpy")

from ros_fixtures import is_plain_line
from std_msgs.msg import String
from std_srvs.srv import Trigger

from ris_ros.node.commands import Command, CommandError, parse_command
from ris_ros.serialization import to_json
from ris_ros.utils.texts import MAX_TEXT_CHARACTERS

DEEP = 200_000
HALF_EMOJI = r"\ud83c"
REJECTED = {
    "an id of 4301 digits": f'{{"id": {"9" * 4301}, "text": "cup"}}',
    "a negative id of 10000 digits": f'{{"id": -{"9" * 10_000}, "text": "cup"}}',
    "a number elsewhere of 5000 digits": f'{{"text": "cup", "size": {"1" * 5000}}}',
    "half an emoji as text": f'{{"text": "{HALF_EMOJI}"}}',
    "half an emoji in a text": f'{{"id": 7, "text": "the {HALF_EMOJI} cup"}}',
    "half an emoji as id": f'{{"id": "{HALF_EMOJI}", "text": "cup"}}',
    "half an emoji as key": f'{{"text": "cup", "{HALF_EMOJI}": 1}}',
    "half an emoji and no text": f'{{"id": "{HALF_EMOJI}"}}',
    "NUL in a text": r'{"text": "the \u0000 cup"}',
    "ESC in a text": r'{"text": "the \u001b[31mred cup"}',
    "ESC in a plain text": "the \x1b[2Jcup",
    "a C1 control in a plain text": "the \x9bcup",
    "NUL in an id": r'{"id": "\u0000", "text": "cup"}',
    "an id that is a list": '{"id": [1], "text": "cup"}',
    "an id that is an object": '{"id": {"a": 1}, "text": "cup"}',
    "an id that is a fraction": '{"id": 1.5, "text": "cup"}',
    "an id that is true": '{"id": true, "text": "cup"}',
    "an id that is NaN": '{"id": NaN, "text": "cup"}',
    "an id that is infinite": '{"id": -Infinity, "text": "cup"}',
    "an id that is 1e999": '{"id": 1e999, "text": "cup"}',
    "a text that is NaN": '{"text": NaN}',
    "a text that is null": '{"text": null}',
    "a text that is a number": '{"text": 5}',
    "two texts": '{"text": "cup", "text": "bowl"}',
    "two ids": '{"id": 1, "id": 2, "text": "cup"}',
    "a key that forges a log line": r'{"text": "cup", "x\n[FATAL] [1.0] [ris]: forged": 1}',
    "a key with ESC": r'{"text": "cup", "\u001b[2J": 1}',
    "a thousand keys": json.dumps({"text": "cup"} | {f"key {i}": i for i in range(1000)}),
    "deep lists": '{"text": ' + "[" * DEEP,
    "deep objects": '{"a":' * DEEP,
    "only braces": "{" * DEEP,
    "a long plain text": "cup " * 25_000,
    "a long text": json.dumps({"id": 7, "text": "cup " * 25_000}),
    "a long id": json.dumps({"id": "7" * (MAX_TEXT_CHARACTERS + 1), "text": "cup"}),
    "rest after the object": '{"text": "cup"} {"text": "bowl"}',
    "an open string": '{"text": "cup',
    "a raw newline in a string": '{"text": "the\ncup"}',
}
ANSWERED = {
    "a long integer": (f'{{"id": {"9" * 1000}, "text": "TEXT"}}', int("9" * 1000)),
    "an empty id": ('{"id": "", "text": "TEXT"}', ""),
    "an emoji in the id": ('{"id": "\\ud83c\\udf75", "text": "TEXT"}', "🍵"),
    "a bidi mark in the id": ('{"id": "a\\u202eb", "text": "TEXT"}', "a\u202eb"),
    "a newline in the id": (r'{"id": "a\nb", "text": "TEXT"}', "a\nb"),
    "white space around": (' \t\n{"text" : "\\n TEXT\\t"}\r\n', None),
    "a plain text": ("  TEXT \n", None),
}
TEXTS = {
    "German": "die Tasse für Grüße", "Chinese": "红色的杯子", "Persian": "می‌خواهم", "family emoji": "👨‍👩‍👧 mug",
    "line separator": "the\u2028cup", "bidi": "the \u202epuc", "invisible": "\u200b\u2060", "quotes": '"\\',
    "two lines": "the\ncup", "a cup and no joke": "{cup",
}
BYTES = {
    "no bytes": b"", "only the encapsulation": b"\x00\x01\x00\x00",
    "a length alone": b"\x00\x01\x00\x00\xff\xff\xff\xff",
    "an unknown encapsulation": b"\x07\x09\x00\x00abcdefgh",
    "big-endian nonsense": b"\x00\x00\x00\x00\xff\xff\xff\x7fabc",
}


@pytest.fixture
def send(robot):
    def send(data):
        robot.commands.publish(String(data=data))

    return send


def rejection(robot, wait_for):
    """Return the one result, which must say no and why in one line."""
    wait_for(robot.results, what="a rejection")
    [result] = robot.results()
    assert result["found"] is False
    assert result["box"] is None
    assert is_plain_line(result["reason"])
    return result


@pytest.mark.parametrize("data", REJECTED.values(), ids=REJECTED)
def test_a_command_that_cannot_be_read_is_rejected_once(robot, send, assert_well, wait_for, data):
    send(data)
    result = rejection(robot, wait_for)
    assert result["text"] == data.strip()[:MAX_TEXT_CHARACTERS]
    assert_well()


def test_a_rejection_carries_the_id_that_could_be_read(robot, send, assert_well, wait_for):
    for data in (REJECTED["half an emoji in a text"], REJECTED["a long text"]):
        robot.clear()
        send(data)
        assert rejection(robot, wait_for)["id"] == 7
    assert_well()


@pytest.mark.parametrize(("data", "identifier"), ANSWERED.values(), ids=ANSWERED)
def test_an_odd_command_that_can_be_read_is_answered(robot, send, assert_well, data, identifier):
    assert_well()
    send(data.replace("TEXT", "the odd cup"))
    result = robot.answer("the odd cup")
    assert result["found"]
    assert result["id"] == identifier
    assert_well()


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_an_odd_text_is_answered_or_rejected_with_itself(robot, send, assert_well, text):
    assert_well()
    send(text)
    robot.answer(text)
    assert_well()


@pytest.mark.parametrize("data", BYTES.values(), ids=BYTES)
def test_bytes_that_are_no_message_are_ignored(robot, send, assert_well, data):
    robot.commands.publish(data)
    assert_well()


def test_invalid_utf8_is_answered_with_replacement_characters(robot, assert_well):
    assert_well()
    data = b"the \xff\xed\xa0\xbc cup\x00"
    robot.commands.publish(b"\x00\x01\x00\x00" + struct.pack("<I", len(data)) + data)
    robot.answer("the \ufffd\ufffd\ufffd\ufffd cup")
    assert_well()


def test_a_flood_of_broken_commands_does_not_delay_a_good_one(robot, send, assert_well):
    for _ in range(5):
        for data in REJECTED.values():
            send(data[:5000])
    assert_well()


def test_after_a_rejection_the_standing_command_stays(robot, send, assert_well, wait_for):
    assert_well()
    text = robot.results()[-1]["text"]
    send(REJECTED["two texts"])
    wait_for(lambda: len(robot.results()) == 2, what="the rejection")
    robot.clear()
    assert robot.call(Trigger, "ris/segment").success
    assert robot.answer(text)["found"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4), max_leaves=8)
OBJECTS = st.dictionaries(st.sampled_from(["id", "text", "Text", "camera", "\n", "\x1b"]), JSON, max_size=4)
COMMANDS = st.one_of(
    st.text(st.characters(), max_size=50), OBJECTS.map(json.dumps), OBJECTS.map(lambda one: json.dumps(one)[:-1]),
    st.text(st.characters(), max_size=30).map(lambda text: f'{{"text": "{text}"}}'),
    st.text(st.sampled_from('{}[]":,\\u0dn1eE-.+ax "'), max_size=40).map(lambda text: "{" + text))


@settings(deadline=None, max_examples=300)
@given(COMMANDS)
def test_what_is_read_of_any_command_can_be_logged_and_published(data):
    try:
        command = parse_command(data)
    except CommandError as error:
        command = error.command
        assert is_plain_line(str(error))
    assert isinstance(command, Command)
    assert len(command.text) <= MAX_TEXT_CHARACTERS
    text = to_json({"text": command.text, "id": command.id})
    assert text.encode()
    if not any("\ud800" <= character <= "\udfff" for character in data):
        assert json.loads(text) == {"text": command.text, "id": command.id}


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(COMMANDS.map(lambda text: text.encode("utf-8", "replace").decode()), min_size=1, max_size=8))
def test_after_any_commands_the_node_answers(robot, assert_well, commands):
    robot.clear()
    for data in commands:
        robot.commands.publish(String(data=data))
    assert_well()


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=64), st.sampled_from([b"", b"\x00\x01\x00\x00", b"\x00\x00\x00\x00"]))
def test_after_any_bytes_the_node_answers(robot, assert_well, data, start):
    robot.clear()
    robot.commands.publish(start + data)
    assert_well()
