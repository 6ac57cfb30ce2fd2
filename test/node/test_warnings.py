"""Warnings: seldom in the log, as long as they hold in the diagnostics."""

from __future__ import annotations

import logging

import pytest

from ris_ros.node.warnings import FRESH, THROTTLE, LibraryLog, ThrottledWarnings


@pytest.fixture
def now():
    return [100.0]


@pytest.fixture
def log():
    return []


@pytest.fixture
def notices(now, log):
    return ThrottledWarnings(log.append, lambda: now[0])


def test_a_kind_is_logged_again_only_after_a_while(notices, now, log):
    notices.warn("depth", "first")
    notices.warn("frame", "other")
    now[0] += THROTTLE / 2
    notices.warn("depth", "second")
    assert log == ["first", "other"]
    now[0] += THROTTLE / 2
    notices.warn("depth", "third")
    assert log == ["first", "other", "third"]


def test_what_does_not_come_again_ends(notices, now):
    notices.keep("slow")
    notices.warn("depth", "first")
    notices.warn("depth", "second")
    assert notices.current() == ["slow", "second"]
    now[0] += FRESH
    assert notices.current() == ["slow"]
    notices.clear()
    assert notices.current() == []


def test_what_the_package_logs_is_kept_once(notices, log):
    logger = logging.getLogger("ris_ros.proposals.mobilesam")
    library = LibraryLog(notices.keep)
    library.attach()
    for _ in range(2):
        logger.warning("MobileSAM runs on the %s", "CPU")
    logger.info("nothing of note")
    library.detach()
    logger.setLevel(logging.CRITICAL)
    logger.warning("later")
    logger.setLevel(logging.NOTSET)
    assert notices.current() == log == ["MobileSAM runs on the CPU"]
