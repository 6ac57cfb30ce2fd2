"""A run spread over a Ray cluster: pictures go to workers, one model each; a lost worker's pictures are done again."""

from __future__ import annotations

import socket
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from ris_ros.errors import InputError, MissingError

if TYPE_CHECKING:  # workers import this file, and are quicker to start without torch
    from ris_ros.evaluation.datasets.base import Picture
    from ris_ros.evaluation.examine import Examined, Examiner
    from ris_ros.evaluation.run import Stream

LOCAL = "local"
ATTEMPTS = 3  # a picture that ends its worker so often is not tried again


class Buildable(Protocol):
    """What each worker makes its examiner from; a `Plan` is one."""

    def build(self) -> Examiner:
        """Load the models."""


class _Worker:
    """What runs in a process of its own."""

    def __init__(self, plan: Buildable):
        self._plan = plan
        self._examiner: Examiner | None = None

    def examine(self, picture: Picture) -> Examined:
        # Built here and not at birth, where Ray would hide what went wrong.
        if self._examiner is None:
            self._examiner = self._plan.build()
        return self._examiner(picture)


@contextmanager
def cluster(plan: Buildable, address: str = LOCAL, workers: int = 0) -> Iterator[Stream]:
    """A stream for `evaluate` that examines pictures on a Ray cluster.

    Parameters
    ----------
    plan : what each worker builds; where the cluster has GPUs, each worker gets one
    address : "local" starts a cluster on this machine for as long as the run takes; else that of one to join, as
        ``ray.init`` takes it ("auto" finds the one this machine belongs to). Its nodes need this package and the
        pictures under the same paths
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
        yield lambda pictures: _examined(worker, plan, pictures, count)
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


def _examined(worker: Any, plan: Buildable, pictures: Iterable[Picture], count: int) -> Iterator[Examined]:
    """What pictures came to, in the order in which they are done."""
    import ray

    from ris_ros.evaluation.examine import Examined

    waiting, lost = deque(pictures), Counter()
    idle = [worker.remote(plan) for _ in range(min(count, len(waiting)))]
    busy: dict[Any, tuple[Any, Picture]] = {}
    while waiting or busy:
        while waiting and idle:
            actor, picture = idle.pop(), waiting.popleft()
            busy[actor.examine.remote(picture)] = actor, picture
        (done, *_), _ = ray.wait(list(busy), num_returns=1)
        actor, picture = busy.pop(done)
        try:
            examined = ray.get(done)
        except ray.exceptions.RayTaskError as error:  # the work itself failed, as it would here
            raise error.cause if isinstance(error.cause, InputError | MissingError) else error from None
        except ray.exceptions.RayError as error:  # the worker is gone, with its machine perhaps
            lost[picture.id] += 1
            idle.append(worker.remote(plan))
            if lost[picture.id] < ATTEMPTS:
                waiting.appendleft(picture)
                continue
            reason = " ".join(str(error).split())[:200]
            examined = Examined(len(picture.expressions), [], [
                f"picture {picture.id}: {ATTEMPTS} workers were lost over it ({reason}); its "
                f"{len(picture.expressions)} expressions are left out"], 0.0, 0.0)
        else:
            idle.append(actor)
        yield examined
