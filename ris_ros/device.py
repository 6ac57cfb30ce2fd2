"""Which device the models run on."""

from __future__ import annotations

from ris_ros.errors import InputError, MissingError


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
