"""Measuring of time, memory, processor time and operations."""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

from ris_ros.utils.device import processor_name

T = TypeVar("T")

RUNS = 3
"""Runs of which the median is reported."""

Row = dict[str, Any]
"""One row of a table: number or text by column."""


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """Return the result of `work` and the seconds it took, including work on a GPU."""
    _wait_for_gpu()
    start = time.perf_counter()
    result = work()
    _wait_for_gpu()
    return result, time.perf_counter() - start


def run_in_subprocess(work: Callable[..., T], *arguments: Any) -> T:
    """Return ``work(*arguments)``, computed in a new process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), logging.disable, (logging.WARNING,)) as pool:
        return pool.submit(work, *arguments).result()


def peak_memory() -> float:
    """Return the largest memory that this process has had, GB: resident memory and what torch allocated on a GPU."""
    import torch

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if torch.cuda.is_initialized():
        peak += torch.cuda.max_memory_allocated()
    return peak / 1e9


def cpu_seconds(pid: int, thread: int | None = None) -> float:
    """Return the processor time that a process, or one of its threads, has used; on Linux."""
    with open(f"/proc/{pid}/stat" if thread is None else f"/proc/{pid}/task/{thread}/stat") as stat:
        user, system = stat.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def count_operations(work: Callable[[], Any]) -> float:
    """Return how many floating-point operations `work` does in torch; multiplications and additions count one each."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    # The counter does not know the fused attention of torch's fast path.
    had_fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with FlopCounterMode(display=False) as counter:
            work()
    finally:
        torch.backends.mha.set_fastpath_enabled(had_fast_path)
    return float(counter.get_total_flops())


def device_name(device: str) -> str:
    """Return the name of the hardware behind `cpu`, `cuda` or `cuda:N`."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"{processor_name()}, threads: {torch.get_num_threads()}"


def _wait_for_gpu() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.synchronize()
