"""The device of the models, and batching that adapts to its memory."""

from __future__ import annotations

import logging
import platform
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ris_ros.errors import InputError, MissingError
from ris_ros.utils.cancellation import check_cancelled

if TYPE_CHECKING:
    import torch

ResultT = TypeVar("ResultT")

logger = logging.getLogger(__name__)


def resolve_device(name: str) -> str:
    """Return the torch device for `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises
    ------
    InputError
        If it is another name: torch knows more, such as ``mps``, ``xpu`` and ``meta``, on which nothing here was tried.
    MissingError
        If this machine, or this build of torch, lacks the CUDA device. There is no silent fallback to the CPU.

    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch("cpu|cuda(:(0|[1-9][0-9]{0,3}))?", name):
        raise InputError(f"device must be auto, cpu, cuda or cuda:N, not {name!r}")
    if name != "cpu" and int(name.partition(":")[2] or 0) >= torch.cuda.device_count():
        raise MissingError(f"device {name} does not exist: torch {torch.__version__} sees {torch.cuda.device_count()} "
                           "CUDA devices; use device auto or cpu, or install the NVIDIA driver and torch for CUDA")
    return name


def usable_dtype(name: str, device: str, setting: str = "encoder.dtype") -> torch.dtype:
    """Return the dtype ``float32``, ``bfloat16`` or ``float16``; float32, with a warning, for float16 on a CPU.

    The warnings name the setting that it comes from.

    CPUs compute float16 ten times slower than float32, and bfloat16 slowly where they have no instructions for it.
    """
    import torch

    if device == "cpu" and name == "float16":
        logger.warning("%s float16 would take ten times as long as float32 on a CPU: float32 is used", setting,
                       extra={"trouble": "data-type"})
        return torch.float32
    if device == "cpu" and name == "bfloat16" and not has_fast_bfloat16(device):
        logger.warning("%s bfloat16 is slow on this CPU, which has no instructions for it: float32 is faster", setting,
                       extra={"trouble": "data-type"})
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def has_fast_bfloat16(device: str | torch.device) -> bool:
    """Return whether the device multiplies bfloat16 in hardware, where it is faster than float32."""
    import torch

    if torch.device(device).type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@contextmanager
def within_memory(what: str, remedy: str) -> Iterator[None]:
    """Raise a MissingError, which says what does not fit and what to do, if the device runs out of memory."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MissingError(f"{what} does not fit into the memory of the device: {remedy}, or set device to cpu"
                           ) from error


def processor_name() -> str:
    """Return the name of this machine's processor."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines()
             if line.startswith("model name")] if cpuinfo.is_file() else []
    return names[0] if names else platform.machine()


class Sliceable(Protocol):
    """Items that can be counted and sliced: a sequence, an array or a tensor."""

    def __len__(self) -> int:
        """Return the number of items."""

    def __getitem__(self, batch: slice, /) -> Any:
        """Return some of the items, in order."""


class AdaptiveBatcher:
    """Processes items in batches, and halves the batch size for good when the device runs out of memory.

    Parameters
    ----------
    size : batch size to start with
    what : plural noun for the items, for messages
    remedy : what needs less memory, for messages

    Attributes
    ----------
    size : current batch size
    note : the effect of insufficient memory, for diagnostics; empty while the first batch size fits

    """

    def __init__(self, size: int, what: str, remedy: str = "a smaller model or encoder.dtype float16"):
        self.size = size
        self.note = ""
        self._what = what
        self._remedy = remedy

    def map(self, work: Callable[[Any], ResultT], items: Sliceable) -> list[ResultT]:
        """Return ``work(batch)`` for each consecutive slice of `items`, in order.

        Raises
        ------
        torch.OutOfMemoryError
            If the device cannot hold even one item.

        """
        import torch

        results: list[ResultT] = []
        start = 0
        while start < len(items):
            check_cancelled()
            batch = items[start:start + self.size]
            try:
                results.append(work(batch))
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
                failed_size = len(batch)
            else:
                start += len(batch)
                continue
            # Outside the except block, where the traceback no longer keeps the failed batch's tensors alive.
            self._halve(failed_size)
        return results

    def _halve(self, failed_size: int) -> None:
        import torch

        self.size = max(1, failed_size // 2)
        is_first = not self.note
        self.note = f"out of memory: {self._what} are computed {self.size} at a time, which takes longer"
        if is_first:
            logger.warning("%s; %s needs less", self.note, self._remedy, extra={"trouble": "gpu-memory"})
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
