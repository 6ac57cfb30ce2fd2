"""How things are measured: time, peak memory of a process of its own, operations."""

from __future__ import annotations

import logging
import multiprocessing
import platform
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

Row = dict[str, Any]
"""One line of a table: column -> number or text."""


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What `work` returns, and the seconds it took; work that was handed to a GPU is waited for."""
    _wait()
    start = time.perf_counter()
    result = work()
    _wait()
    return result, time.perf_counter() - start


def alone(work: Callable[..., Any], *arguments: Any) -> Any:
    """``work(*arguments)`` in a fresh process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), logging.disable, (logging.WARNING,)) as pool:
        return pool.submit(work, *arguments).result()


def peak_memory() -> float:
    """Gigabytes that this process has held at most: resident ones, and those that torch allocated on a GPU."""
    import torch

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if torch.cuda.is_initialized():
        peak += torch.cuda.max_memory_allocated()
    return peak / 1e9


def operations(work: Callable[[], Any]) -> float:
    """Floating-point operations, multiplications and additions counted apart, that `work` has torch do."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    # The fused attention block of torch's fast path is not known to the counter.
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with FlopCounterMode(display=False) as counter:
            work()
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return float(counter.get_total_flops())


def device_name(device: str) -> str:
    """What `cpu`, `cuda` or `cuda:N` is here, in words."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    about = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in about.read_text().splitlines()
             if line.startswith("model name")] if about.is_file() else []
    return f"{names[0] if names else platform.machine()}, threads: {torch.get_num_threads()}"


def _wait() -> None:
    import torch

    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
