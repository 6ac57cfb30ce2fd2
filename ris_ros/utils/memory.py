"""Memory of processes and of the GPU: measurement, and release of unused memory."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def resident_memory(pid: int | None = None) -> int:
    """Return the resident memory of a process.

    Parameters
    ----------
    pid : the process; None for this one

    Returns
    -------
    Bytes; 0 where there is no such process or Linux's /proc is missing.

    """
    try:
        with open(f"/proc/{'self' if pid is None else pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def gpu_memory() -> int | None:
    """Return the bytes that this process's tensors take on the GPU; None when it does not use one."""
    torch = sys.modules.get("torch")
    return int(torch.cuda.memory_allocated()) if torch is not None and torch.cuda.is_initialized() else None


@contextmanager
def large_imports() -> Iterator[None]:
    """Run the block, which imports large libraries, without the garbage collector.

    It would look through all that they make many times, and again later: what is there when the block ends is left
    out until :func:`release_memory` releases models.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_enabled:
            gc.enable()


def release_memory(*, of_models: bool = False) -> None:
    """Collect garbage and return unused memory to the system and the GPU, for other programs on the same machine.

    Parameters
    ----------
    of_models : whether models are among the garbage: they may hang on what :func:`large_imports` left out, so that all
        of that is looked through

    """
    if of_models:
        gc.unfreeze()
    gc.collect()
    if "torch" in sys.modules:
        sys.modules["torch"].cuda.empty_cache()
    # The C library's allocator would otherwise keep freed memory.
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
