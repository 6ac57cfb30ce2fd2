"""A running soak test: its processes, its commands and what it measures."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState

from ris_ros.tools.node_client import START_UP_SECONDS, claimed, executable_command
from ris_ros.tools.soak.checks import Truth
from ris_ros.tools.soak.observer import Observer, wait_until
from ris_ros.utils.memory import resident_memory

COMMAND_SECONDS = 1.5
"""Mean time between two commands."""
ANSWER_SECONDS = 90.0
"""How long to wait for the answer to a command, and for those that wait at the end."""
CALL_SECONDS = 60.0
"""Time for a service of the node to answer on a busy machine."""
RETRY_SECONDS = 5.0
"""Time between two commands to a node that is starting."""
SAMPLE_SECONDS = 1.0
"""Time between two measurements of the node's process."""


class Process:
    """One of this package's executables in a process of its own, whose output goes to a file.

    Parameters
    ----------
    module : module with the executable
    parameters : ROS parameters
    log : file to append its output to

    """

    def __init__(self, module: str, parameters: Mapping[str, object], log: Path):
        self._command, self._log = executable_command(module, parameters), log
        self._start()

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT, pass_fds=claimed())

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Exit status; None while it runs."""
        return self._process.poll()

    def restart(self) -> None:
        """Kill the process and start it again."""
        self.kill()
        self._start()

    @contextmanager
    def down(self) -> Iterator[None]:
        """Kill the process, and start it again after the block.

        It is not stopped by a signal, as a stopped process may hold shared memory that all others wait for.
        """
        self.kill()
        try:
            yield
        finally:
            self._start()

    def kill(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.wait()


class SoakSession:
    """A running soak test, as its faults see it.

    Attributes
    ----------
    observer : sends the commands and checks the answers
    camera, node : the processes
    truths : expressions to ask for
    failures : one line for each thing that the node should have done and did not

    """

    def __init__(self, observer: Observer, camera: Process, node: Process, truths: list[Truth], rng: random.Random):
        self.observer, self.camera, self.node, self.truths, self._rng = observer, camera, node, truths, rng
        self.failures: list[str] = []
        self.lives: list[list[tuple[float, int, int, int]]] = [[]]
        self._next_command = self._next_sample = 0.0

    def pause(self, seconds: float) -> None:
        """Go on with commands and measurements for some seconds."""
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            if now >= self._next_command:
                self._next_command = now + self._rng.expovariate(1 / COMMAND_SECONDS)
                self.observer.ask(self._rng.choice(self.truths))
            if now >= self._next_sample:
                self._next_sample = now + SAMPLE_SECONDS
                self._measure(now)
            time.sleep(0.02)

    def call(self, service_type: Any, name: str, **fields: Any) -> None:
        """Call a service of the node; note a failure when it does not answer."""
        client: Any = self.observer.create_client(service_type, name)
        try:
            self.require(client.wait_for_service(CALL_SECONDS)
                         and wait_until(client.call_async(service_type.Request(**fields)).done, CALL_SECONDS),
                         f"an answer of {name}")
        finally:
            self.observer.destroy_client(client)

    def change_state(self, transition: int) -> None:
        """Make the node take a lifecycle transition."""
        self.call(ChangeState, "ris/change_state", transition=Transition(id=transition))

    def require(self, done: bool, what: str) -> None:
        """Note a failure unless something was done."""
        if not done:
            self.failures.append(f"waited in vain for {what}")

    def restart_node(self) -> None:
        """Kill the node, start it again and wait until it answers."""
        self.observer.excuse_waiting()
        self.node.restart()
        self.lives.append([])
        with self.observer.lock:
            self.observer.checks.begin_life()
        # DDS takes the killed node for alive for a while: only an answer shows that the new one is there.
        self.require(wait_until(lambda: self._is_answered(RETRY_SECONDS, is_excused=True), START_UP_SECONDS),
                     "the restarted node")

    def is_well(self) -> bool:
        """Return whether the node runs and answers a command; otherwise note why, and start it again if it ended."""
        if self.node.status is not None:
            self.failures.append(f"the node ended with status {self.node.status}")
            self.restart_node()
            return False
        answered = self._is_answered(ANSWER_SECONDS)
        self.require(answered, "an answer")
        return answered

    def _is_answered(self, seconds: float, *, is_excused: bool = False) -> bool:
        """Send a command and return whether an answer comes within so many seconds."""
        command = self.observer.ask(self._rng.choice(self.truths), is_excused=is_excused)
        wait_until(lambda: self.observer.is_answered(command) or self.node.status is not None, seconds)
        return self.observer.is_answered(command)

    def _measure(self, now: float) -> None:
        folder = Path(f"/proc/{self.node.pid}")
        try:
            threads, descriptors = (len(list((folder / name).iterdir())) for name in ("task", "fd"))
        except OSError:
            return  # It has ended; that is noted elsewhere.
        self.lives[-1].append((now, resident_memory(self.node.pid), threads, descriptors))
