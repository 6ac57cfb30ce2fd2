"""A pool of workers on a Ray cluster: each has its own models, and the jobs of a lost worker are run again."""

from __future__ import annotations

import socket
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from ris_ros.errors import InputError, MissingError, shortened

LOCAL_ADDRESS = "local"
"""The address that starts a cluster on this machine."""

MAX_ATTEMPTS = 3
"""Number of workers that may be lost while they run a job before the job is abandoned."""

PoolMap = Callable[[Iterable[Any]], Iterator[tuple[Any, Any]]]
"""Runs jobs and yields pairs of job and result, in order of completion."""


class WorkerPlan(Protocol):
    """The plan, sent to every worker, for building the function that runs its jobs."""

    def build(self) -> Callable[[Any], Any]:
        """Load the models and return the function from job to result."""


@dataclass(frozen=True)
class WorkerLost:
    """The result of a job that was abandoned because its workers were lost."""

    reason: str


class _Worker:
    """The Ray actor, which runs in its own process."""

    def __init__(self, plan: WorkerPlan):
        self._plan = plan
        self._work: Callable[[Any], Any] | None = None

    def run(self, job: Any) -> Any:
        # Built at the first job: Ray would hide the cause of an error in __init__.
        if self._work is None:
            self._work = self._plan.build()
        return self._work(job)


@contextmanager
def ray_pool(plan: WorkerPlan, address: str = LOCAL_ADDRESS, workers: int = 0) -> Iterator[PoolMap]:
    """Provide a function that runs jobs on a Ray cluster.

    Parameters
    ----------
    plan : what each worker builds; on a cluster with GPUs each worker gets one
    address : "local" starts a cluster on this machine for the duration of the block; anything else is the address of a
        cluster to join, as ``ray.init`` takes it ("auto" finds the one this machine belongs to). All nodes need this
        package, and the files under the same paths
    workers : number of workers; 0 for one per GPU, or one per CPU core if there is no GPU

    Raises
    ------
    MissingError
        If Ray is not installed or no cluster answers at the address.

    """
    try:
        import ray
    except ImportError as error:
        raise MissingError("--ray needs Ray: run `pip install 'ris_ros[ray]'`") from error
    _connect(address, workers)
    try:
        resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
        gpus = int(resources.get("GPU", 0))
        worker = ray.remote(num_cpus=1, num_gpus=1 if gpus else 0)(_Worker)
        count = workers or gpus or int(resources.get("CPU", 1))
        yield lambda jobs: _run_jobs(worker, plan, jobs, count)
    finally:
        ray.shutdown()


def _connect(address: str, workers: int) -> None:
    import ray

    options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    if address == LOCAL_ADDRESS:
        options |= {"include_dashboard": False, "_node_ip_address": "127.0.0.1", "num_cpus": workers or None}
    else:
        _check_reachable(address)
        options["address"] = address
    # On a busy machine Ray's processes may take longer to start than the 30 s that Ray allows.
    for is_last in (False, False, True):
        try:
            ray.init(**options)
            return
        except Exception as error:  # Ray raises a plain Exception for a slow start, other types for other failures
            ray.shutdown()
            if is_last or address != LOCAL_ADDRESS:
                reason = shortened(error)
                raise MissingError(f"no Ray cluster at {address}: {reason}") from error


def _check_reachable(address: str) -> None:
    """Raise MissingError at once for an address that refuses connections, where Ray would retry for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
        except OSError as error:
            raise MissingError(f"no Ray cluster at {address}: {error.strerror or error}") from error


def _run_jobs(worker: Any, plan: WorkerPlan, jobs: Iterable[Any], count: int) -> Iterator[tuple[Any, Any]]:
    import ray

    waiting: deque[tuple[int, Any]] = deque(enumerate(jobs))
    failures: Counter[int] = Counter()
    idle = [worker.remote(plan) for _ in range(min(count, len(waiting)))]
    busy: dict[Any, tuple[Any, int, Any]] = {}
    while waiting or busy:
        while waiting and idle:
            actor, (number, job) = idle.pop(), waiting.popleft()
            busy[actor.run.remote(job)] = actor, number, job
        (ready, *_), _ = ray.wait(list(busy), num_returns=1)
        actor, number, job = busy.pop(ready)
        try:
            result = ray.get(ready)
        except ray.exceptions.RayTaskError as error:  # the job itself failed, as it would without Ray
            raise error.cause if isinstance(error.cause, InputError | MissingError) else error from None
        except ray.exceptions.RayError as error:  # the worker is gone, perhaps with its machine
            failures[number] += 1
            idle.append(worker.remote(plan))
            if failures[number] < MAX_ATTEMPTS:
                waiting.appendleft((number, job))
                continue
            result = WorkerLost(shortened(error))
        else:
            idle.append(actor)
        yield job, result
