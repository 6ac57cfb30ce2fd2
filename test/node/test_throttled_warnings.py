"""Warnings are logged at a limited rate and kept as long as they hold."""

from __future__ import annotations

import logging

import pytest

from ris_ros.node.throttled_warnings import LIFETIME_SECONDS, LOG_INTERVAL_SECONDS, LibraryLogHandler, ThrottledWarnings


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
    warnings.warn("depth", "first")
    warnings.warn("frame", "other")
    now[0] += LOG_INTERVAL_SECONDS / 2
    warnings.warn("depth", "second")
    assert log == ["first", "other"]
    now[0] += LOG_INTERVAL_SECONDS / 2
    warnings.warn("depth", "third")
    assert log == ["first", "other", "third"]


def test_a_warning_that_is_not_raised_again_ends(warnings, now):
    warnings.warn_permanently("slow")
    warnings.warn("depth", "first")
    warnings.warn("depth", "second")
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
        logger.warning("MobileSAM runs on the %s", "CPU")
    logger.info("nothing of note")
    handler.detach()
    logger.setLevel(logging.CRITICAL)
    logger.warning("later")
    logger.setLevel(logging.NOTSET)
    assert warnings.current() == log == ["MobileSAM runs on the CPU"]
