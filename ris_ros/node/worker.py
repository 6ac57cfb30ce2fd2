"""What is computed next: the newest frame wins, commands keep their order, one thread does the work."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ris_ros.node.commands import Command
from ris_ros.utils.cancellation import Cancelled, cancellable

# More unanswered commands than this and the oldest are forgotten.
COMMANDS_KEPT = 10
# Seconds between two looks for a frame that is waited for, and between two when nothing is asked: those keep rates
# known and tell of frames that cannot be used before they are needed.
POLL = 0.005
IDLE_POLL = 1.0


class Source(Protocol):
    """Where the frames of a camera come from."""

    def newest(self) -> Any:
        """The newest frame, the same object as before where none has come since; None while there is none."""

    def has_frame(self) -> bool:
        """Whether :meth:`newest` has, or will have in a moment, a frame."""


@dataclass(frozen=True, eq=False)
class Job:
    """One command to answer on one frame of a camera.

    Attributes
    ----------
    camera : its name
    frame : from its source
    command : what to answer
    follows : whether this answers the standing command on a further frame
    round : tells answers that were asked for before a stop

    """

    camera: str
    frame: Any
    command: Command
    follows: bool
    round: int


@dataclass(eq=False)
class _Channel:
    source: Source
    standing: Command | None = None
    commands: deque[Command] = field(default_factory=deque)
    round: int = 0
    frame: Any = None  # the one answered last
    due: float = 0.0  # when the next answer to the standing command may begin

    def forget_commands(self) -> None:
        self.standing = None
        self.commands.clear()
        self.round += 1


class Worker:
    """A thread that answers commands on the newest frames.

    Every method returns at once and may be called from any thread, except :meth:`wait_idle` and :meth:`close`, which
    wait for the job at hand. Where there are several cameras, they take turns.

    Parameters
    ----------
    answer : does one job, on the worker's thread; broken off at its checkpoints (see `ris_ros.utils.cancellation`) once the
        answer is not wanted
    failed : told of an exception in a job; the thread lives on
    sources : the cameras' frames, by name
    continuous, max_rate : see :meth:`configure`

    """

    def __init__(self, answer: Callable[[Job], None], failed: Callable[[Job, Exception], None],
                 sources: Mapping[str, Source], *, continuous: bool = False, max_rate: float = 0.0) -> None:
        self._answer = answer
        self._failed = failed
        self._channels = {name: _Channel(source) for name, source in sources.items()}
        self._continuous = continuous
        self._max_rate = max_rate
        self._active = False
        self._enabled = True
        self._busy = False
        self._closed = False
        self._changed = threading.Condition()
        # A daemon: a job cannot always be broken off, and must not hold up the end of the process.
        self._thread = threading.Thread(target=self._run, name="ris-worker", daemon=True)
        self._thread.start()

    def put_command(self, command: Command, camera: str | None = None) -> list[tuple[str, Command]]:
        """The new standing command, of one camera or of all; an empty one withdraws all, and the job at hand.

        Returns the names and commands that will not be answered because too many came after them.
        """
        forgotten = []
        with self._changed:
            for name, channel in self._chosen(camera).items():
                if not command.text:
                    channel.forget_commands()
                    continue
                if len(channel.commands) == COMMANDS_KEPT:
                    forgotten.append((name, channel.commands.popleft()))
                channel.standing = command
                channel.commands.append(command)
            self._changed.notify_all()
        return forgotten

    def repeat(self, camera: str | None = None) -> str:
        """Answer the standing command once more, of one camera or all that have one; why that cannot be, or ""."""
        with self._changed:
            channels = [channel for channel in self._chosen(camera).values() if channel.standing]
            if not self._active:
                return "the node is not active"
            if not self._enabled:
                return "the node is disabled: call ~/enable with true"
            if not channels:
                return "no command stands: publish one on command"
        # Not under the lock: receiving takes its time.
        channels = [channel for channel in channels if channel.source.has_frame()]
        if not channels:
            return "no image has arrived yet"
        with self._changed:
            for channel in channels:
                if channel.standing and len(channel.commands) < COMMANDS_KEPT:
                    channel.commands.append(channel.standing)
            self._changed.notify_all()
        return ""

    def is_wanted(self, job: Job) -> bool:
        """Whether an answer to `job` may still be published."""
        with self._changed:
            return self._may_work() and job.round == self._channels[job.camera].round

    @property
    def waiting(self) -> int:
        """How many commands have not been answered yet."""
        with self._changed:
            return self._busy + sum(len(channel.commands) for channel in self._channels.values())

    def configure(self, *, continuous: bool, max_rate: float) -> None:
        """Answer every command once, or the standing one on every frame, `max_rate` times a second; 0: no limit."""
        with self._changed:
            self._continuous, self._max_rate = continuous, max_rate
            self._changed.notify_all()

    def set_enabled(self, enabled: bool) -> None:
        """Pause or resume; commands are kept for the resumption."""
        with self._changed:
            self._enabled = enabled
            self._changed.notify_all()

    def activate(self) -> None:
        """Begin to take jobs."""
        with self._changed:
            self._active = True
            self._changed.notify_all()

    def deactivate(self) -> None:
        """Take no more jobs and forget every command; the job at hand is broken off at its next checkpoint."""
        with self._changed:
            self._active = False
            for channel in self._channels.values():
                channel.forget_commands()
                channel.frame = None
            self._changed.notify_all()

    def wait_idle(self, timeout: float) -> bool:
        """Wait until no job is at hand; False when that takes longer than `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, timeout)

    def close(self, timeout: float | None = None) -> bool:
        """End the thread after the job at hand; False when that takes longer than `timeout` seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _chosen(self, camera: str | None) -> dict[str, _Channel]:
        return self._channels if camera is None else {camera: self._channels[camera]}

    def _may_work(self) -> bool:
        return self._active and self._enabled and not self._closed

    def _run(self) -> None:
        while not self._closed:
            if job := self._next():
                try:
                    with cancellable(lambda job=job: not self.is_wanted(job)):
                        self._answer(job)
                except Cancelled:
                    pass
                except Exception as error:
                    self._failed(job, error)
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()

    def _next(self) -> Job | None:
        """The next job; None after a while in which there was none."""
        with self._changed:
            now = time.monotonic()
            asked = [name for name, channel in self._channels.items() if self._wants(channel, now)]
            if not asked and not self._changed.wait(self._pause(now)) and self._may_work():
                asked = list(self._channels)
        # Not under the lock: receiving takes its time, and whoever asks shall not wait.
        for name in asked:
            frame = self._channels[name].source.newest()
            if frame is not None and (job := self._begun(name, frame)):
                return job
        if asked:
            with self._changed:
                self._changed.wait(POLL)
        return None

    def _wants(self, channel: _Channel, now: float) -> bool:
        return self._may_work() and (bool(channel.commands) or (
            self._continuous and channel.standing is not None and now >= channel.due))

    def _pause(self, now: float) -> float | None:
        """How long to wait for something to do; None for ever."""
        if not self._may_work():
            return None
        due = [channel.due - now for channel in self._channels.values() if self._continuous and channel.standing]
        return max(0.0, min([*due, IDLE_POLL]))

    def _begun(self, name: str, frame: Any) -> Job | None:
        with self._changed:
            channel, now = self._channels[name], time.monotonic()
            if not self._wants(channel, now):
                return None
            follows = not channel.commands
            if follows and frame is channel.frame:
                return None
            command = channel.standing if follows else channel.commands.popleft()
            channel.frame = frame
            channel.due = now + (1 / self._max_rate if self._max_rate else 0)
            self._channels[name] = self._channels.pop(name)  # Whoever had a turn goes to the end.
            self._busy = True
            return Job(name, frame, command, follows, channel.round)
