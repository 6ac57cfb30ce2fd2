"""Scheduling: one thread answers commands first come, first served, each on the newest frame of its camera."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

from ris_ros.errors import one_line
from ris_ros.node.commands import Command, Goal
from ris_ros.utils.cancellation import Cancelled, cancellable

if TYPE_CHECKING:
    from ris_ros.node.inputs import Frame

MAX_WAITING_COMMANDS = 10
"""Commands of a camera that may wait for their answers; when more come, the oldest are dropped."""
WITHDRAWN = "withdrawn: an empty command came before it was answered"
"""The reason of a command without an answer, as its result has it."""
FRAME_POLL_SECONDS = 0.005
"""Time between two checks for a new frame while a command waits for one."""
IDLE_POLL_SECONDS = 1.0
"""Time between two checks for frames while no command waits: image rates stay known, and warnings about unusable frames
appear before the first command."""


class Camera(Protocol):
    """A source of frames that can answer commands on them."""

    def newest_frame(self) -> Frame | None:
        """Return the newest frame, the same object as before if no other has arrived; None while there is none."""

    def missing_frame(self) -> str:
        """Return why :meth:`newest_frame` has no frame to answer on, now or in a moment; empty if it has."""
        ...

    def answer(self, job: Job) -> None:
        """Do a job, on the worker's thread."""

    def report_failure(self, job: Job, error: BaseException) -> None:
        """Report that a job raised an exception, on the worker's thread."""

    def complete_image(self) -> None:
        """Do, on the worker's thread, what the last answer left to be done for the next; is cancelled by work."""


@dataclass(frozen=True, eq=False)
class Job:
    """One command to answer on one frame of a camera.

    Attributes
    ----------
    camera : name of the camera
    frame : newest frame of the camera
    command : command to answer
    is_continuous : whether this is a further answer to the standing command, given because a new frame has arrived
    generation : how often the camera's commands had been withdrawn when the job began; a job of an earlier generation
        is obsolete

    """

    camera: str
    frame: Frame
    command: Command
    is_continuous: bool
    generation: int


@dataclass(eq=False)
class _CameraQueue:
    """The commands of a camera.

    Attributes
    ----------
    standing : the last command, which is answered again in continuous mode
    waiting : commands that have not been answered yet, oldest first
    generation : how often the commands have been withdrawn
    last_frame : the frame of the last job
    next_time : when the next answer to the standing command may begin, seconds of ``time.monotonic()``
    is_complete : whether nothing is left to be done for the next answer

    """

    camera: Camera
    standing: Command | None = None
    waiting: deque[Command] = field(default_factory=deque)
    generation: int = 0
    last_frame: Frame | None = None
    next_time: float = 0.0
    is_complete: bool = True

    def withdraw_commands(self) -> list[Command]:
        """Forget the commands, but not the goals; return those that waited."""
        withdrawn = [command for command in self.waiting if not isinstance(command, Goal)]
        self.standing = None
        self.waiting = deque(command for command in self.waiting if isinstance(command, Goal))
        self.generation += 1
        return withdrawn

    def next_index(self, frame: Frame) -> int | None:
        """Return the index of the first waiting command that may be answered on a frame; None if there is none."""
        return next((index for index, command in enumerate(self.waiting)
                     if not isinstance(command, Goal) or frame.arrived >= command.not_before), None)


class Worker:
    """A thread that answers commands on the newest frames of the cameras, which take turns.

    Every method may be called from any thread and returns at once, except :meth:`wait_idle` and :meth:`close`, which
    wait for the current job. An obsolete job is cancelled (see `ris_ros.utils.cancellation`).

    Parameters
    ----------
    cameras : cameras by name
    continuous, max_rate : see :meth:`configure`

    """

    def __init__(self, cameras: Mapping[str, Camera], *, continuous: bool = False, max_rate: float = 0.0) -> None:
        self._queues = {name: _CameraQueue(camera) for name, camera in cameras.items()}
        self._continuous = continuous
        self._max_rate = max_rate
        self._active = False
        self._enabled = True
        self._busy = False
        self._completing = False
        self._closed = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._last_error = ""
        self._withdrawn_goals: WeakSet[Goal] = WeakSet()

    def put_command(self, command: Command, camera: str | None = None) -> list[tuple[str, Command]]:
        """Make a command the standing one and queue it; an empty one withdraws all commands and cancels their job.

        Parameters
        ----------
        command : what to answer
        camera : name of the camera to answer on; None for all of them

        Returns
        -------
        The commands that are dropped, because too many came after them or because they were withdrawn, each with the
        name of its camera. The failure of a job that is cancelled is reported to its camera.

        """
        dropped = []
        with self._changed:
            for name, queue in self._select(camera).items():
                if not command.text:
                    dropped += [(name, withdrawn) for withdrawn in queue.withdraw_commands()]
                    continue
                if len(queue.waiting) == MAX_WAITING_COMMANDS:
                    dropped.append((name, queue.waiting.popleft()))
                queue.standing = command
                queue.waiting.append(command)
            self._changed.notify_all()
        return dropped

    def put_goal(self, goal: Goal, camera: str) -> str:
        """Queue a goal behind the commands and goals that wait.

        Returns
        -------
        Why that is impossible; empty when it was done.

        """
        with self._changed:
            queue = self._queues[camera]
            if len(queue.waiting) >= MAX_WAITING_COMMANDS:
                return f"{MAX_WAITING_COMMANDS} commands and goals wait already"
            queue.waiting.append(goal)
            self._changed.notify_all()
        return ""

    def withdraw_goal(self, goal: Goal) -> None:
        """Forget a goal, and cancel its job."""
        with self._changed:
            self._withdrawn_goals.add(goal)
            for queue in self._queues.values():
                queue.waiting = deque(command for command in queue.waiting if command is not goal)
            self._changed.notify_all()

    def repeat_standing_command(self, camera: str | None = None) -> str:
        """Queue the standing command of one camera, or of all cameras that have one, once more.

        Returns
        -------
        Why that is impossible; empty when it was done.

        """
        with self._changed:
            queues = [queue for queue in self._select(camera).values() if queue.standing]
            if not self._active:
                return "the node is not active"
            if not self._enabled:
                return "the node is disabled: call ~/enable with true"
            if not queues:
                return "there is no standing command: publish one on command"
        # Without the lock, because receiving frames takes time.
        reasons = [queue.camera.missing_frame() for queue in queues]
        queues = [queue for queue, reason in zip(queues, reasons, strict=True) if not reason]
        if not queues:
            return "; ".join(dict.fromkeys(reasons))
        with self._changed:
            for queue in queues:
                if queue.standing and len(queue.waiting) < MAX_WAITING_COMMANDS:
                    queue.waiting.append(queue.standing)
            self._changed.notify_all()
        return ""

    def is_obsolete(self, job: Job) -> bool:
        """Return whether the result of a job must not be published any more."""
        with self._changed:
            return not self._may_work() or self._is_withdrawn(job)

    @property
    def waiting(self) -> int:
        """How many commands have not been answered yet."""
        with self._changed:
            return self._busy + sum(len(queue.waiting) for queue in self._queues.values())

    def configure(self, *, continuous: bool, max_rate: float) -> None:
        """Choose between answering every command once and answering the standing one on every frame.

        Parameters
        ----------
        continuous : whether the standing command is answered on every frame
        max_rate : at most so many such answers a second and camera; 0 for no limit

        """
        with self._changed:
            self._continuous, self._max_rate = continuous, max_rate
            self._changed.notify_all()

    def set_enabled(self, enabled: bool) -> None:
        """Pause or resume work; commands that come during a pause are answered after it."""
        with self._changed:
            self._enabled = enabled
            self._changed.notify_all()

    def activate(self) -> None:
        """Start to take jobs."""
        with self._changed:
            self._active = True
            if self._thread is None:
                self._start_thread()
            self._changed.notify_all()

    def restart(self) -> str:
        """Start another thread if the thread has ended though nobody closed it.

        Returns
        -------
        The error that ended it; empty when nothing had to be done.

        """
        with self._changed:
            if self._thread is None or self._thread.is_alive() or self._closed:
                return ""
            self._start_thread()
            return self._last_error

    def deactivate(self) -> None:
        """Take no more jobs, withdraw every command and cancel the current job."""
        with self._changed:
            self._active = False
            for queue in self._queues.values():
                queue.withdraw_commands()
                queue.last_frame = None
            self._changed.notify_all()

    def wait_idle(self, timeout: float) -> bool:
        """Wait until nothing is being done; return False when that takes longer than `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy and not self._completing, timeout)

    def close(self, timeout: float | None = None) -> bool:
        """End the thread after the current job; return False when that takes longer than `timeout` seconds."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is None:
            return True
        thread.join(timeout)
        return not thread.is_alive()

    def _select(self, camera: str | None) -> dict[str, _CameraQueue]:
        return self._queues if camera is None else {camera: self._queues[camera]}

    def _is_withdrawn(self, job: Job) -> bool:
        if isinstance(job.command, Goal):
            return job.command in self._withdrawn_goals
        return job.generation != self._queues[job.camera].generation

    def _is_stopped(self, job: Job) -> bool:
        """Return whether a job was to give the one answer of a command that an empty one has withdrawn."""
        with self._changed:
            is_command = not job.is_continuous and not isinstance(job.command, Goal)
            return is_command and self._active and self._is_withdrawn(job)

    def _may_work(self) -> bool:
        return self._active and self._enabled and not self._closed

    def _start_thread(self) -> None:
        # A daemon, because a call into a model cannot be interrupted and must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="ris-worker", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._closed:
                if (job := self._next_job()) is not None:
                    self._do(job)
        except BaseException as error:  # `restart` tells of it: whoever started this thread cannot catch it.
            self._last_error = one_line(error)

    def _do(self, job: Job) -> None:
        queue, is_answered = self._queues[job.camera], False
        try:
            with cancellable(partial(self.is_obsolete, job)):
                queue.camera.answer(job)
            is_answered = True
        except BaseException as error:  # Whatever a library raises, even SystemExit, costs this one answer.
            if self._is_stopped(job):
                queue.camera.report_failure(job, Cancelled(WITHDRAWN))
                is_answered = True
            elif not isinstance(error, Cancelled) and not self.is_obsolete(job):
                queue.camera.report_failure(job, error)
                is_answered = True
        finally:
            with self._changed:
                self._busy, queue.is_complete = False, False
                if not is_answered and not job.is_continuous and self._active and not self._is_withdrawn(job):
                    queue.waiting.appendleft(job.command)  # A pause cancelled it: it is answered afterwards.
                self._changed.notify_all()

    def _next_job(self) -> Job | None:
        """Start the next job; return None after a short wait in which there was none."""
        with self._changed:
            now = time.monotonic()
            names = [name for name, queue in self._queues.items() if self._has_work(queue, now)]
            unfinished = None if names else self._unfinished()
            self._completing = unfinished is not None
            if not names and unfinished is None and not self._changed.wait(self._idle_time(now)) and self._may_work():
                names = list(self._queues)
        if unfinished is not None:
            self._complete(unfinished)
            return None
        # Without the lock: receiving frames takes time, during which no caller must have to wait.
        for name in names:
            frame = self._queues[name].camera.newest_frame()
            if frame is not None and (job := self._start_job(name, frame)) is not None:
                return job
        if names:
            with self._changed:
                self._changed.wait(FRAME_POLL_SECONDS)
        return None

    def _unfinished(self) -> _CameraQueue | None:
        """Return a queue whose camera has something to do for its next answer; None in continuous mode, or without."""
        if self._continuous or not self._may_work():
            return None  # In continuous mode, the next answer is on another image.
        return next((queue for queue in self._queues.values() if not queue.is_complete), None)

    def _complete(self, queue: _CameraQueue) -> None:
        """Let a camera complete its image while there is no other work."""
        queue.is_complete = True
        try:
            with cancellable(self._is_needed):
                queue.camera.complete_image()
        except Cancelled:
            queue.is_complete = False
        except Exception:
            pass  # The next command meets the same error, and reports it.
        finally:
            with self._changed:
                self._completing = False
                self._changed.notify_all()

    def _is_needed(self) -> bool:
        """Return whether there is something better to do than to complete an image."""
        with self._changed:
            now = time.monotonic()
            return not self._may_work() or self._continuous or any(
                self._has_work(queue, now) for queue in self._queues.values())

    def _has_work(self, queue: _CameraQueue, now: float) -> bool:
        return self._may_work() and (bool(queue.waiting) or self._is_due(queue, now))

    def _is_due(self, queue: _CameraQueue, now: float) -> bool:
        return self._continuous and queue.standing is not None and now >= queue.next_time

    def _idle_time(self, now: float) -> float | None:
        """Return for how many seconds there is nothing to do unless something changes; None for ever."""
        if not self._may_work():
            return None
        times = [queue.next_time - now for queue in self._queues.values() if self._continuous and queue.standing]
        return max(0.0, min([*times, IDLE_POLL_SECONDS]))

    def _start_job(self, name: str, frame: Frame) -> Job | None:
        """Return the job of a camera on its newest frame; None when there is nothing to answer on that."""
        with self._changed:
            queue, now = self._queues[name], time.monotonic()
            if not self._has_work(queue, now):
                return None
            index = queue.next_index(frame)
            is_continuous = index is None
            if index is not None:
                command = queue.waiting[index]
                del queue.waiting[index]
            elif queue.standing is not None and self._is_due(queue, now) and frame is not queue.last_frame:
                command = queue.standing
            else:
                return None
            queue.last_frame = frame
            queue.next_time = now + (1 / self._max_rate if self._max_rate else 0)
            self._queues[name] = self._queues.pop(name)  # To the end: it is the other cameras' turn.
            self._busy = True
            return Job(name, frame, command, is_continuous, queue.generation)
