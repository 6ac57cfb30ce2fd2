"""What is computed next: the newest frame wins, commands keep their order, one thread does the work."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# More unanswered commands than this and the oldest are forgotten.
COMMANDS_KEPT = 10


@dataclass(frozen=True, eq=False)
class Job:
    """One command to answer on one frame; `round` tells answers that were asked for before a stop."""

    frame: Any
    text: str
    round: int


class Worker:
    """A thread that answers commands on the newest frame.

    Every method returns at once and may be called from any thread, except :meth:`close`, which waits for the job at
    hand.

    Parameters
    ----------
    answer : does one job, on the worker's thread
    failed : told of an exception in a job; the thread lives on
    continuous : answer the standing command on every new frame, not only once

    """

    def __init__(self, answer: Callable[[Job], None], failed: Callable[[Job, Exception], None], *,
                 continuous: bool = False) -> None:
        self._answer = answer
        self._failed = failed
        self._continuous = continuous
        self._frame: Any = None
        self._is_new = False
        self._standing = ""
        self._commands: deque[str] = deque(maxlen=COMMANDS_KEPT)
        self._active = False
        self._enabled = True
        self._round = 0
        self._closed = False
        self._changed = threading.Condition()
        # A daemon: a job cannot be interrupted, and must not hold up the end of the process.
        self._thread = threading.Thread(target=self._run, name="ris-worker", daemon=True)
        self._thread.start()

    def put_frame(self, frame: Any) -> None:
        """The newest frame; the one before is forgotten."""
        with self._changed:
            self._frame, self._is_new = frame, True
            self._changed.notify()

    def put_command(self, text: str) -> None:
        """The new standing command; an empty one withdraws every command, and the answer that is being computed."""
        with self._changed:
            self._standing = text
            if text:
                self._commands.append(text)
            else:
                self._forget_commands()
            self._changed.notify()

    def repeat(self) -> str:
        """Answer the standing command once more; why that is impossible, or an empty string."""
        with self._changed:
            if not self._active:
                return "the node is not active"
            if not self._enabled:
                return "the node is disabled: call ~/enable with true"
            if not self._standing:
                return "no command stands: publish one on command"
            if self._frame is None:
                return "no image has arrived yet"
            self._commands.append(self._standing)
            self._changed.notify()
            return ""

    def return_job(self, job: Job) -> None:
        """The job's frame cannot be used: its command waits for the next one."""
        with self._changed:
            if self._frame is job.frame:
                self._frame = None
            if self._is_wanted(job):
                self._commands.appendleft(job.text)

    def is_wanted(self, job: Job) -> bool:
        """Whether an answer to `job` may still be published."""
        with self._changed:
            return self._is_wanted(job)

    def set_continuous(self, continuous: bool) -> None:
        """Switch between answering once and answering every frame."""
        with self._changed:
            self._continuous = continuous
            self._changed.notify()

    def set_enabled(self, enabled: bool) -> None:
        """Pause or resume; commands and the newest frame are kept for the resumption."""
        with self._changed:
            self._enabled = enabled
            self._changed.notify()

    def activate(self) -> None:
        """Begin to take jobs."""
        with self._changed:
            self._active = True
            self._changed.notify()

    def deactivate(self) -> None:
        """Take no more jobs; forget the frame, which will be old, and every command."""
        with self._changed:
            self._active = False
            self._frame = None
            self._standing = ""
            self._forget_commands()

    def close(self, timeout: float | None = None) -> bool:
        """End the thread after the job at hand; False when that takes longer than `timeout` seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _forget_commands(self) -> None:
        self._commands.clear()
        self._round += 1

    def _is_wanted(self, job: Job) -> bool:
        return self._active and self._enabled and not self._closed and job.round == self._round

    def _next(self) -> Job | None:
        if not self._active or not self._enabled or self._frame is None:
            return None
        if self._commands:
            text = self._commands.popleft()
        elif self._continuous and self._standing and self._is_new:
            text = self._standing
        else:
            return None
        self._is_new = False
        return Job(self._frame, text, self._round)

    def _run(self) -> None:
        while True:
            with self._changed:
                job = None
                while not self._closed and (job := self._next()) is None:
                    self._changed.wait()
                if self._closed:
                    return
            try:
                self._answer(job)
            except Exception as error:
                self._failed(job, error)
