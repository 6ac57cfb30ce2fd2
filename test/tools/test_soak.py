"""The soak test's checks find each fault of an answer, and a short run with a real node and camera finds none."""

from __future__ import annotations

import json
import os
from unittest import mock

import pytest
from typer.testing import CliRunner

from ris_ros.cli import app
from ris_ros.tools.soak.checks import AnswerChecks, Truth
from ris_ros.types import Description, Query, Relation, Result

SECOND = 1_000_000_000
CUP = Truth("the cup", (10, 10, 50, 50))
ABSENT = Truth("the elephant", None)
BEHIND = Query("", "", (Description("", relations=(Relation("behind", (Description(""),)),)),))


def answer(number, *, stamp=10 * SECOND, box=(10, 10, 50, 50), timings=True, note="", latency=0.5):
    return {"id": number, "found": box is not None, "box": list(box) if box else None, "reason": "", "note": note,
            "timings": {"text": 0.1} if timings else {}, "latency": latency,
            "stamp": {"sec": stamp // SECOND, "nanosec": stamp % SECOND}}


@pytest.fixture
def checks():
    checks = AnswerChecks()
    for stamp in (10, 11, 12, 20):
        checks.add_image(stamp * SECOND)
    return checks


def test_a_good_answer_is_right(checks):
    checks.add_answer(answer(checks.add_command(CUP, 10.5)))
    assert not checks.violations
    assert checks.counts == {"images": 4, "commands": 1, "answers": 1, "right": 1, "judged": 1}


@pytest.mark.parametrize(("truth", "box", "right"), [
    (CUP, (12, 12, 50, 50), 1), (CUP, (60, 60, 90, 90), 0), (CUP, None, 0), (ABSENT, None, 1),
    (ABSENT, (10, 10, 50, 50), 0)])
def test_answers_are_compared_with_the_scene(checks, truth, box, right):
    checks.add_answer(answer(checks.add_command(truth, 10.5), box=box))
    assert checks.counts["right"] == right


def test_latencies_are_collected_where_they_are_known(checks):
    for latency in (0.5, None, 0.25):
        checks.add_answer(answer(checks.add_command(CUP, 10.5), latency=latency))
    assert checks.latencies == [0.5, 0.25]


def test_a_stamp_that_no_image_had_is_wrong(checks):
    checks.add_answer(answer(checks.add_command(CUP, 10.5), stamp=11 * SECOND + 1))
    assert checks.counts["wrong stamp"] == 1


def test_an_image_newer_than_those_seen_so_far_is_no_fault(checks):
    checks.add_answer(answer(checks.add_command(CUP, 20.5), stamp=21 * SECOND))
    assert not checks.violations


def test_an_older_image_after_a_newer_one_is_out_of_order(checks):
    for stamp in (12, 11):
        checks.add_answer(answer(checks.add_command(CUP, 12.0), stamp=stamp * SECOND))
    assert checks.counts["out of order"] == 1


def test_a_restarted_node_may_begin_with_any_image(checks):
    checks.add_answer(answer(checks.add_command(CUP, 12.0), stamp=12 * SECOND))
    checks.begin_life()
    checks.add_answer(answer(checks.add_command(CUP, 12.0), stamp=11 * SECOND))
    assert not checks.violations


def test_an_old_image_is_a_fault_unless_the_camera_was_paused(checks):
    checks.add_answer(answer(checks.add_command(CUP, 20.0)))
    assert checks.counts["too old"] == 1
    checks.accept_old_images(25.0)
    checks.add_answer(answer(checks.add_command(CUP, 20.0)))
    assert checks.counts["too old"] == 1


@pytest.mark.parametrize("second", [(10, 10, 50, 60), None])
def test_another_answer_to_the_same_command_is_inconsistent(checks, second):
    for box in ((10, 10, 50, 50), (11, 10, 50, 51), second):
        checks.add_answer(answer(checks.add_command(CUP, 10.5), box=box))
    assert checks.counts["inconsistent"] == 1


@pytest.mark.parametrize(("has_depth", "others"), [((True, False, True), 1), ((False, True, True), 0)])
def test_an_answer_that_was_judged_without_depth_may_differ_and_is_no_standard(checks, has_depth, others):
    note = Result.nothing(BEHIND, (9, 9), "").noting_missing_depth("none", is_judged=True).note
    for one in has_depth:
        box, noted = ((10, 10, 50, 50), "") if one else ((60, 60, 90, 90), note)
        checks.add_answer(answer(checks.add_command(CUP, 10.5), box=box, note=noted))
    assert not checks.violations
    assert (checks.counts["judged without depth"], checks.counts["other without depth"]) == (1, others)


def test_a_command_that_waits_for_too_long_is_lost(checks):
    command = checks.add_command(CUP, 1.0)
    checks.note_lost(45.0)
    assert checks.waiting() == [command] and not checks.violations
    for now in (47.0, 48.0):
        checks.note_lost(now)
    assert checks.violations == ["lost: soak 1: 'the cup', sent at 1.000"]


def test_a_withdrawn_command_is_not_lost_but_one_that_had_waited_for_too_long_is(checks):
    checks.add_command(CUP, 1.0)
    checks.add_command(ABSENT, 40.0)
    checks.add_command(CUP, 41.0, is_excused=True)
    checks.excuse_waiting(50.0)
    assert not checks.waiting()
    checks.note_lost(200.0)
    assert checks.counts["lost"] == 1
    assert checks.violations == ["lost: soak 1: 'the cup', sent at 1.000"]


def test_a_refusal_is_an_answer_that_is_not_judged(checks):
    number = checks.add_command(CUP, 1.0)
    checks.add_answer(answer(number, box=None, timings=False))
    assert checks.is_answered(number)
    assert (checks.counts["refused"], checks.counts["judged"]) == (1, 0)


@pytest.mark.parametrize("number", [None, 1, "1", True])
def test_answers_to_malformed_commands_are_not_taken_for_others(checks, number):
    command = checks.add_command(CUP, 1.0)
    checks.add_answer(answer(number))
    assert checks.counts == {"images": 4, "commands": 1, "answers to malformed commands": 1}
    assert not checks.is_answered(command)


def test_a_short_run_with_faults(tmp_path):
    with mock.patch.dict(os.environ):  # It chooses a ROS domain.
        run = CliRunner().invoke(app, [
            "soak", "--minutes", "0.3", "--faults", "--json", "--log", str(tmp_path / "soak.log"), "--set",
            "device=cpu", "--set", "proposals.max_prompts=8", "--set", "proposals.search_prompts=0"])
    assert run.exit_code == 0, f"{run.output}\n{(tmp_path / 'soak.log').read_text()[-3000:]}"
    report = json.loads(run.stdout)
    assert report["answers"] > 3
    assert report["latency, 95 % [s]"] >= report["latency, median [s]"] > 0
    assert report["faults"]
