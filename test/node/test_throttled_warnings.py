"""Warnings are logged at a limited rate, kept as long as they hold, and explained in docs/troubleshooting.md."""

from __future__ import annotations

import ast
import logging
import re
from pathlib import Path

import pytest

from ris_ros.node.throttled_warnings import (
    LIFETIME_SECONDS,
    LOG_INTERVAL_SECONDS,
    TROUBLES,
    LibraryLogHandler,
    ThrottledWarnings,
    with_anchor,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def now():
    return [100.0]


@pytest.fixture
def log():
    return []


@pytest.fixture
def warnings(now, log):
    return ThrottledWarnings(log.append, lambda: now[0])


def test_a_kind_is_logged_again_only_after_a_while(warnings, now, log):
    warnings.warn("depth-ignored", "first")
    warnings.warn("frame-ignored", "other")
    warnings.warn("depth-ignored", "first", "the other camera")
    now[0] += LOG_INTERVAL_SECONDS / 2
    warnings.warn("depth-ignored", "second")
    assert [line.split()[0] for line in log] == ["first", "other", "first"]
    now[0] += LOG_INTERVAL_SECONDS / 2
    warnings.warn("depth-ignored", "third")
    assert [line.split()[0] for line in log[3:]] == ["third"]


def test_a_line_of_the_log_names_the_anchor_and_the_diagnostics_do_not(warnings, log):
    warnings.warn("old-image", "the newest image is 7 s old")
    warnings.warn_permanently("gpu-memory", "out of memory")
    assert log == ["the newest image is 7 s old [troubleshooting#old-image]",
                   "out of memory [troubleshooting#gpu-memory]"]
    assert warnings.current() == ["out of memory", "the newest image is 7 s old"]


def test_a_warning_that_is_not_raised_again_ends(warnings, now):
    warnings.warn_permanently("runs-on-cpu", "slow")
    warnings.warn("depth-ignored", "first")
    warnings.warn("depth-ignored", "second")
    assert warnings.current() == ["slow", "second"]
    now[0] += LIFETIME_SECONDS
    assert warnings.current() == ["slow"]
    warnings.clear()
    assert warnings.current() == []


def test_warnings_logged_by_the_package_are_kept_once(warnings, log):
    logger = logging.getLogger("ris_ros.proposals.mobilesam")
    handler = LibraryLogHandler(warnings.warn_permanently)
    handler.attach()
    for _ in range(2):
        logger.warning("MobileSAM runs on the %s", "CPU", extra={"trouble": "runs-on-cpu"})
    logger.warning("a plugin's own")
    logger.info("nothing of note")
    handler.detach()
    logger.setLevel(logging.CRITICAL)
    logger.warning("later")
    logger.setLevel(logging.NOTSET)
    assert warnings.current() == ["MobileSAM runs on the CPU", "a plugin's own"]
    assert log == [with_anchor("runs-on-cpu", "MobileSAM runs on the CPU"),
                   with_anchor("other-warning", "a plugin's own")]


def test_every_trouble_has_one_anchor_and_every_anchor_is_a_trouble():
    anchors = re.findall(r"^### (\S+)$", (ROOT / "docs" / "troubleshooting.md").read_text(), re.M)
    assert sorted(anchors) == sorted(TROUBLES)


def calls_to_log(file):
    """Yield the calls in a file that log a warning or an error, or raise a warning of the node."""
    for call in (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Attribute) and call.func.attr in (
                "warning", "error", "fatal", "_log_error", "warn", "_warn", "warn_permanently"):
            yield call


@pytest.mark.parametrize("file", sorted(ROOT.glob("ris_ros/node/*.py")), ids=lambda file: file.name)
def test_whatever_the_node_logs_as_a_warning_or_an_error_names_a_trouble(file):
    for call in calls_to_log(file):
        where, first = f"{file.name}:{call.lineno}", call.args[0]
        if call.func.attr in ("warning", "error", "fatal"):
            assert isinstance(first, ast.Call), where
            assert getattr(first.func, "id", "") == "with_anchor", where
            first = first.args[0]
        # One that is passed on has been checked where it was given.
        assert isinstance(first, ast.Name) or first.value in TROUBLES, where


@pytest.mark.parametrize("file", [
    file for file in sorted(ROOT.glob("ris_ros/**/*.py"))
    if file.relative_to(ROOT / "ris_ros").parts[0] not in ("node", "tools", "cli", "evaluation", "recordings")
    and "logger.warning" in file.read_text()], ids=lambda file: file.name)
def test_whatever_the_models_warn_of_names_a_trouble(file):
    for call in calls_to_log(file):
        [extra] = [keyword.value for keyword in call.keywords if keyword.arg == "extra"]
        assert ast.literal_eval(extra)["trouble"] in TROUBLES, f"{file.name}:{call.lineno}"
