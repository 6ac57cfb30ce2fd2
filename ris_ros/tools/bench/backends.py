"""Times of the backends of MobileSAM's image encoder, of which `proposals.backend: auto` takes the quickest."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ris_ros.config import Config
from ris_ros.errors import InputError
from ris_ros.proposals.mobilesam import find_files
from ris_ros.proposals.resize import INPUT_SIDE
from ris_ros.tools.bench.measure import Row, peak_memory, run_in_subprocess, timed
from ris_ros.utils import backends


def bench_backends(config: Config) -> list[Row]:
    """Measure each backend on the CPU, in turns, and remember the quickest for `auto`.

    Raises
    ------
    InputError
        If the proposer is not MobileSAM, the only one with a choice.

    """
    if config.proposals.method != "mobilesam":
        raise InputError(f"the proposer {config.proposals.method} has one backend, torch: there is nothing to compare")
    encoder, _ = find_files(config.proposals.checkpoint or "mobilesam")
    shape = (1, 3, INPUT_SIDE, INPUT_SIDE)
    choice = backends.measure(encoder, shape)
    versions = backends.installed()
    alone = {backend: run_in_subprocess(_run_alone, encoder, backend, shape) for backend in versions}
    reference, _, _ = alone["onnxruntime" if "onnxruntime" in alone else choice.backend]
    return [{"what": f"{backend} {versions[backend]}{' (auto)' * (backend == choice.backend)}",
             "seconds": choice.seconds.get(backend), "start, seconds": start, "GB": memory,
             "time, auto = 1": choice.seconds[backend] / choice.seconds[choice.backend] if choice.seconds else None,
             "largest difference": float(np.abs(output - reference).max())}
            for backend, (output, start, memory) in alone.items()]


def _run_alone(encoder: Path, backend: str, shape: tuple[int, ...]) -> tuple[np.ndarray, float, float]:
    """Return the output for a fixed input, the seconds until the network is loaded, and the peak of memory in GB."""
    network, seconds = timed(lambda: backends.load(encoder, backend))
    return network(np.random.default_rng(0).normal(size=shape).astype(np.float32)), seconds, peak_memory()
