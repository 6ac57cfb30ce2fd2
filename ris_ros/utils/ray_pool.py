"""Work spread over a Ray cluster: jobs go to workers that hold a model each; a lost worker's jobs are done again."""

from __future__ import annotations

import socket
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from ris_ros.errors import InputError, MissingError

LOCAL = "local"
ATTEMPTS = 3  # a job that ends its worker so often is not tried again

# Jobs -> pairs of a job and what came of it, in the order in which they are done.
Spread = Callable[[Iterable[Any]], Iterator[tuple[Any, Any]]]


class Buildable(Protocol):
    """What each worker makes its tool from, once."""

    def build(self) -> Callable[[Any], Any]:
        """Load the models."""


@dataclass(frozen=True)
class Lost:
    """In place of a result: the job ended every worker that tried it."""

    reason: str


class _Worker:
    """What runs in a process of its own."""

    def __init__(self, plan: Buildable):
        self._plan = plan
        self._work: Callable[[Any], Any] | None = None

    def do(self, job: Any) -> Any:
        # Built here and not at birth, where Ray would hide what went wrong.
        if self._work is None:
            self._work = self._plan.build()
        return self._work(job)


@contextmanager
def cluster(plan: Buildable, address: str = LOCAL, workers: int = 0) -> Iterator[Spread]:
    """A function that does jobs on a Ray cluster.

    Parameters
    ----------
    plan : what each worker builds; where the cluster has GPUs, each worker gets one
    address : "local" starts a cluster on this machine for as long as the work takes; else that of one to join, as
        ``ray.init`` takes it ("auto" finds the one this machine belongs to). Its nodes need this package and the
        files under the same paths
    workers : how many; 0 for one per GPU, or per CPU core where there are none

    Raises
    ------
    MissingError
        When Ray is not installed or no cluster answers at the address.

    """
    try:
        import ray
    except ImportError as error:
        raise MissingError("--ray needs Ray: run `pip install 'ris_ros[ray]'`") from error
    _connect(address, workers)
    try:
        resources = ray.cluster_resources()
        gpus = int(resources.get("GPU", 0))
        worker = ray.remote(num_cpus=1, num_gpus=1 if gpus else 0)(_Worker)
        count = workers or gpus or int(resources.get("CPU", 1))
        yield lambda jobs: _done(worker, plan, jobs, count)
    finally:
        ray.shutdown()


def _connect(address: str, workers: int) -> None:
    import ray

    options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    if address == LOCAL:
        options |= {"include_dashboard": False, "_node_ip_address": "127.0.0.1", "num_cpus": workers or None}
    else:
        _check_reachable(address)
        options["address"] = address
    # A busy machine may need longer for Ray's processes than the 30 s that Ray gives them.
    for last in (False, False, True):
        try:
            ray.init(**options)
            return
        except Exception as error:  # Ray raises a plain Exception for that, and others for what it cannot connect to
            ray.shutdown()
            if last or address != LOCAL:
                raise MissingError(f"no Ray cluster at {address}: {' '.join(str(error).split())[:200]}") from error


def _check_reachable(address: str) -> None:
    """Refuse at once an address at which Ray would try for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
        except OSError as error:
            raise MissingError(f"no Ray cluster at {address}: {error.strerror or error}") from error


def _done(worker: Any, plan: Buildable, jobs: Iterable[Any], count: int) -> Iterator[tuple[Any, Any]]:
    import ray

    waiting, lost = deque(enumerate(jobs)), Counter()
    idle = [worker.remote(plan) for _ in range(min(count, len(waiting)))]
    busy: dict[Any, tuple[Any, int, Any]] = {}
    while waiting or busy:
        while waiting and idle:
            actor, (number, job) = idle.pop(), waiting.popleft()
            busy[actor.do.remote(job)] = actor, number, job
        (ready, *_), _ = ray.wait(list(busy), num_returns=1)
        actor, number, job = busy.pop(ready)
        try:
            result = ray.get(ready)
        except ray.exceptions.RayTaskError as error:  # the work itself failed, as it would here
            raise error.cause if isinstance(error.cause, InputError | MissingError) else error from None
        except ray.exceptions.RayError as error:  # the worker is gone, with its machine perhaps
            lost[number] += 1
            idle.append(worker.remote(plan))
            if lost[number] < ATTEMPTS:
                waiting.appendleft((number, job))
                continue
            result = Lost(" ".join(str(error).split())[:200])
        else:
            idle.append(actor)
        yield job, result
