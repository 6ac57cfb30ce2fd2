"""The memory of this process."""

from __future__ import annotations

import ctypes
import gc
import os
import sys


def resident() -> int:
    """Bytes of this process that are in memory; 0 where Linux's /proc is missing."""
    try:
        with open("/proc/self/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def on_gpu() -> int | None:
    """Bytes of the tensors on the GPU; None where none is in use."""
    torch = sys.modules.get("torch")
    return torch.cuda.memory_allocated() if torch is not None and torch.cuda.is_initialized() else None


def give_back() -> None:
    """Give what is no longer used back to the system and the GPU: a robot's other nodes can use it."""
    gc.collect()
    if "torch" in sys.modules:
        sys.modules["torch"].cuda.empty_cache()
    # Else freed memory stays with the allocator.
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
