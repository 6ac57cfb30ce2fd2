"""Checks of a soak test: each answer's stamp, order, age and truth, and that every command has one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ris_ros.sim.expressions import Expression
from ris_ros.sim.scene import Rendering
from ris_ros.types import JUDGED_WITHOUT_DEPTH
from ris_ros.utils.masks import box_iou, mask_box

MIN_IOU = 0.5
"""Of the answer's box with that of the named objects, for an answer to count as right."""
MAX_AGE_SECONDS = 3.0
"""By how much an answer's image may be older than its command. The newest image of a busy machine is not the last
one that the camera took."""
LOST_SECONDS = 45.0
"""A command that has waited for so long has no answer. Answers take seconds, on a busy machine some ten seconds."""
SAME_BOX_PIXELS = 2
"""By how much the boxes of two answers to one command may differ: the scene stands still."""


@dataclass(frozen=True)
class Truth:
    """What an expression names in the scene.

    Attributes
    ----------
    text : the expression
    box : of the named objects together, xyxy pixels, exclusive; None when the scene has no such object

    """

    text: str
    box: tuple[int, ...] | None

    @classmethod
    def of(cls, expression: Expression, rendering: Rendering) -> Truth:
        """Take the truth from the scene that an expression is about."""
        if not expression.targets:
            return cls(expression.text, None)
        mask = np.any([rendering.mask(index) for index in expression.targets], axis=0)
        return cls(expression.text, tuple(mask_box(mask).tolist()))

    def agrees(self, result: dict[str, Any]) -> bool:
        """Return whether the content of `~/result` is right."""
        if self.box is None or not result["found"]:
            return self.box is None and not result["found"]
        return box_iou(np.array(self.box), np.array(result["box"])) >= MIN_IOU


@dataclass(eq=False)
class _Sent:
    """A command that was sent at `time`, seconds; an `excused` one may stay without an answer."""

    truth: Truth
    time: float
    is_answered: bool = False
    is_excused: bool = False


class AnswerChecks:
    """Keeps account of commands and answers; times are seconds of the ROS clock.

    Attributes
    ----------
    counts : how often what happened: "images", "commands", "answers", "right", "judged without depth", "other without
        depth" (of these, those that differ from an answer with depth), and each kind of violation
    violations : one line for each answer that was wrong in time, order or stamp, or differs from an earlier one, and
        for each command without an answer
    latencies : from the stamp of the image to each answer, seconds

    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []
        self._sent: dict[str, _Sent] = {}
        self._stamps: set[int] = set()
        self._newest_stamp = self._last_answered = 0
        self.latencies: list[float] = []
        self._first_boxes: dict[str, Sequence[int] | None] = {}
        self._unchecked_until = 0.0

    @property
    def has_image(self) -> bool:
        """Whether the camera has taken an image."""
        return bool(self._stamps)

    def add_image(self, stamp: int) -> None:
        """Note that the camera took an image at `stamp`, nanoseconds."""
        self.counts["images"] += 1
        self._stamps.add(stamp)
        self._newest_stamp = max(self._newest_stamp, stamp)

    def add_command(self, truth: Truth, time: float, *, is_excused: bool = False) -> str:
        """Note that a command is sent, and return its id; an excused one may stay without an answer."""
        self.counts["commands"] += 1
        identifier = f"soak {self.counts['commands']}"
        self._sent[identifier] = _Sent(truth, time, is_excused=is_excused)
        return identifier

    def add_answer(self, result: dict[str, Any]) -> None:
        """Check the content of `~/result`."""
        sent = self._sent.get(result["id"])
        if sent is None:
            self.counts["answers to malformed commands"] += 1
            return
        sent.is_answered = True
        self.counts["answers"] += 1
        if not result["found"] and not result["timings"]:
            self.counts["refused"] += 1  # It gave way to newer commands, or there was no image.
            return
        if result["latency"] is not None:
            self.latencies.append(result["latency"])
        self._check_time(result, sent)
        self._check_content(result, sent.truth)

    def is_answered(self, identifier: str) -> bool:
        """Return whether a command has an answer."""
        return self._sent[identifier].is_answered

    def waiting(self) -> list[str]:
        """Return the ids of the commands that wait for their answers."""
        return [identifier for identifier, sent in self._sent.items() if not sent.is_answered and not sent.is_excused]

    def note_lost(self, now: float) -> None:
        """Take note of the commands that have waited for too long."""
        for identifier in self.waiting():
            sent = self._sent[identifier]
            if now - sent.time > LOST_SECONDS:
                sent.is_excused = True  # It is told once.
                self._violate("lost", f"{identifier}: {sent.truth.text!r}, sent at {sent.time:.3f}")

    def excuse_waiting(self, now: float) -> None:
        """Expect no answers to the commands that wait: they are withdrawn, or the node is ended.

        Those that have waited for too long are lost all the same.
        """
        self.note_lost(now)
        for identifier in self.waiting():
            self._sent[identifier].is_excused = True

    def accept_old_images(self, until: float) -> None:
        """Accept old images for commands up to a time: the camera is paused."""
        self._unchecked_until = max(self._unchecked_until, until)

    def begin_life(self) -> None:
        """Note that the node was started anew: its answers begin with any image."""
        self._last_answered = 0

    def _check_time(self, result: dict[str, Any], sent: _Sent) -> None:
        stamp = result["stamp"]["sec"] * 1_000_000_000 + result["stamp"]["nanosec"]
        # An image may reach the node before its camera_info reaches this process.
        if stamp not in self._stamps and stamp <= self._newest_stamp:
            self._violate("wrong stamp", f"{result['id']}: no image was taken at {stamp}")
        if stamp < self._last_answered:
            self._violate("out of order", f"{result['id']}: {(self._last_answered - stamp) / 1e9:.3f} s older")
        self._last_answered = max(self._last_answered, stamp)
        age = sent.time - stamp / 1e9
        if age > MAX_AGE_SECONDS and sent.time > self._unchecked_until:
            self._violate("too old", f"{result['id']}: the image was {age:.1f} s older than the command")

    def _check_content(self, result: dict[str, Any], truth: Truth) -> None:
        self.counts["right"] += truth.agrees(result)
        self.counts["judged"] += 1
        box = result["box"] if result["found"] else None
        if JUDGED_WITHOUT_DEPTH in result["note"]:  # It may differ, and says so.
            self.counts["judged without depth"] += 1
            first = self._first_boxes.get(truth.text, box)
            self.counts["other without depth"] += not _same(box, first)
            return
        first = self._first_boxes.setdefault(truth.text, box)
        if not _same(box, first):
            self._violate("inconsistent", f"{truth.text!r}: {box}, the first time {first}")

    def _violate(self, kind: str, line: str) -> None:
        self.counts[kind] += 1
        self.violations.append(f"{kind}: {line}")


def _same(box: Sequence[int] | None, other: Sequence[int] | None) -> bool:
    if box is None or other is None:
        return box is other
    return bool(np.abs(np.subtract(box, other)).max() <= SAME_BOX_PIXELS)
