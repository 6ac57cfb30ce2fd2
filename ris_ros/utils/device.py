"""Which device the models run on, and how much of the work it takes at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ris_ros.errors import InputError, MissingError
from ris_ros.utils.cancellation import check_cancelled

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)


def resolve_device(name: str) -> str:
    """The torch device behind `auto`, `cpu`, `cuda` or `cuda:N`.

    Raises
    ------
    InputError
        For a name torch does not know.
    MissingError
        For a CUDA device that this machine or this build of torch lacks: never a silent step down to the CPU.

    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"device must be auto, cpu, cuda or cuda:N, not {name!r}") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise MissingError(f"device {name} is not there: torch {torch.__version__} sees {torch.cuda.device_count()} "
                           "CUDA devices; use device auto or cpu, or install the NVIDIA driver and torch for CUDA")
    return name


def multiplies_bfloat16(device: str | torch.device) -> bool:
    """Whether a device has products of bfloat16 in hardware, so that they are quick."""
    import torch

    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


class Batches:
    """Works through any number of items, `size` at a time; where memory runs out, half as many from then on.

    Attributes
    ----------
    size : items at a time
    note : what was given up for want of memory, for diagnostics; empty when nothing was

    """

    def __init__(self, size: int, what: str):
        self.size = size
        self.note = ""
        self._what = what

    def map(self, work: Callable[[Any], Any], items: Sequence) -> list:
        """``work(items[a:b])`` for one slice after the other, in order.

        Raises
        ------
        torch.OutOfMemoryError
            When the device cannot hold even one item.

        """
        import torch

        done, start = [], 0
        while start < len(items):
            check_cancelled()
            batch = items[start:start + self.size]
            try:
                done.append(work(batch))
            except torch.OutOfMemoryError:
                if len(batch) == 1:
                    raise
                full = len(batch)
            else:
                start += len(batch)
                continue
            # Out here nothing holds on to the tensors of the failed attempt.
            self._halve(full)
        return done

    def _halve(self, size: int) -> None:
        import torch

        self.size = max(1, size // 2)
        is_first = not self.note
        self.note = f"out of memory: {self._what} are computed {self.size} at a time, which takes longer"
        if is_first:
            logger.warning("%s; a smaller model or encoder.dtype float16 needs less", self.note)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
