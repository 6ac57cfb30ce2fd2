"""Logs, statuses and error lines: whatever comes from outside cannot forge or hide a line."""

from __future__ import annotations

import json
import logging
import signal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticStatus
from ros_fixtures import FORGING, is_plain_line
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header, String

from ris_ros.errors import MAX_LINE_CHARACTERS, InputError, MissingError, RisError, excerpt, one_line, printable
from ris_ros.node.commands import quote
from ris_ros.node.diagnostics import make_status
from ris_ros.node.throttled_warnings import ThrottledWarnings
from ris_ros.serialization import to_json

pytestmark = pytest.mark.slow

FORGERIES = {
    "a line": "x\n[FATAL] [1.0] [ris]: forged", "a line by CR": "x\r[FATAL] forged", "ESC": "\x1b[2J\x1b[31mred",
    "C1": "a\x9b2Jb\x85c", "line separator": "a\u2028[FATAL]", "paragraph separator": "a\u2029[FATAL]",
    "right to left": "a\u202ecba", "isolates": "\u2066a\u2069", "invisible": "cup\u200b\u2060\ufeff", "DEL": "a\x7fb",
    "backspaces": "cup\b\b\bbowl", "tags": "cup\U000e0041"}
ORDINARY = ["die Tasse für Grüße", "红色的杯子", "赤いカップ", "красная чашка", "کتاب می‌خواهم", "👨‍👩‍👧 ☕️ 🍵",
            "naïve café", "a\u00a0b", "C:\\cups"]
ANY_TEXT = st.text(st.characters(), max_size=50) | st.sampled_from([*FORGERIES.values(), "\ud83c", "\x00"])


@settings(deadline=None, max_examples=200)
@given(ANY_TEXT)
def test_any_text_becomes_a_plain_line(text):
    assert not FORGING.search(printable(text))
    assert is_plain_line(quote(text))
    assert is_plain_line(excerpt(text))
    for kind in (RisError, InputError, MissingError, ValueError, OSError, Exception):
        assert is_plain_line(one_line(kind(text)))
        assert not FORGING.search(f"{RisError(text)}")
    lines = []
    warnings = ThrottledWarnings(lines.append)
    warnings.warn("command-ignored", text)
    warnings.warn_permanently("other-warning", f"permanently {text}")
    error = one_line(InputError(text))
    status = make_status("name", "message", {"key": text}, warnings=warnings.current(), error=error)
    published = [*lines, *warnings.current(), status.message, *(pair.value for pair in status.values)]
    assert not any(map(FORGING.search, published))


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_words_stay_as_they_are(text):
    assert printable(text) == text
    assert str(InputError(f"no {text}")) == " ".join(f"no {text}".split())


def test_an_error_is_as_long_as_a_person_reads():
    assert len(one_line(ValueError("x" * 10**7))) < 2 * MAX_LINE_CHARACTERS
    assert len(excerpt([["x" * 10**6] * 100] * 100)) < MAX_LINE_CHARACTERS


@settings(deadline=None, max_examples=100)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT, lambda inner: st.lists(inner)
                    | st.dictionaries(ANY_TEXT, inner), max_leaves=8))
def test_any_result_is_json_that_a_message_can_carry(value):
    def refuse(constant):
        raise AssertionError(constant)

    text = to_json(value)
    text.encode()
    json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("text", FORGERIES.values(), ids=FORGERIES)
def test_no_field_of_a_message_forges_a_line(robot, node, assert_well, monkeypatch, text):
    """The same text as command, key, id, encoding, frame, reason, exception, parameter and library's warning."""
    node.node.warnings.clear()
    robot.send_image(np.zeros((4, 4, 3), np.uint8), encoding=text)
    robot.publisher(Image, "depth").publish(Image(header=Header(frame_id=text), encoding=text))
    robot.publisher(CameraInfo, "camera_info").publish(CameraInfo(distortion_model=text))
    robot.send_image(np.zeros((48, 64, 3), np.uint8), header=Header(frame_id=text))
    robot.send_command(text)
    robot.send_command(json.dumps({"text": f"cup {text}", "id": text}))
    robot.send_command(json.dumps({"text": "cup", text: 1}))
    robot.send_command(json.dumps({text: "cup"}, ensure_ascii=False))
    for name in ("target_frame", "mode", "device", "encoder.model", "matching.names"):
        assert not FORGING.search(robot.set(name, text).reason)
    robot.set("target_frame", "")
    logging.getLogger("ris_ros.anything").warning("no file %s", text)
    with monkeypatch.context() as patch:
        def fail(self, _):
            raise ValueError(text)
        patch.setattr(type(node.segmenters[-1]), "query", fail)
        robot.send_command("the failing cup")
        assert not FORGING.search(robot.answer("the failing cup")["reason"])
    robot.status("ris: camera", lambda status, _: status.level == DiagnosticStatus.ERROR)
    assert robot.logs
    assert all(map(is_plain_line, robot.logs))
    for status in robot.diagnostics[-1].status:
        assert not any(map(FORGING.search, (status.name, status.message, *(one.value for one in status.values))))
    assert_well()


def test_the_process_with_its_models_outlives_the_worst(start_node, make_robot, photograph):
    """A handful of the faults of all modules, and what the process writes about them."""
    node = start_node({}, ["-r", "__ns:=/real"])
    robot = make_robot(namespace="real")
    node.log("active: ")
    robot.connect()
    robot.camera.publish(b"\x00\x01\x00\x00")
    robot.send_image(photograph, (1, 0), encoding="x\n[FATAL] forged")
    for data in (f'{{"id": {"9" * 4301}, "text": "cup"}}', r'{"id": "\ud83c", "text": "cup"}', r'{"text": "\ud83c"}',
                 '{"a":' * 100_000, r'{"text": "cup", "\n[FATAL] forged": 1}', "the \x1b[2J cup", "cup " * 100_000):
        robot.send_command(data)
    assert not robot.set("cameras", 2).successful
    for text in (*FORGERIES.values(), *ORDINARY):
        robot.publisher(String, "command").publish(String(data=text))
    robot.wait(1)
    robot.send_image(photograph, (5, 0))
    robot.send_command("the cup of coffee")
    assert robot.answer("the cup of coffee")["stamp"]["sec"] == 5
    assert node.end(signal.SIGINT) == 0
    assert not any("Traceback" in line for line in node.lines)
    assert all(line.startswith("[") and is_plain_line(line) for line in node.lines), node.text
    assert not any(line.startswith("[FATAL]") for line in node.lines)
