"""Mask proposals: ours against Segment Anything's automatic mask generation on the same weights."""

from __future__ import annotations

import statistics

import numpy as np

from ris_ros.config import Config
from ris_ros.tools.bench.measure import Row, alone, peak_memory, timed

RUNS = 3
SAME = 0.7
"""IoU from which on two masks are the same."""


def bench_proposals(image: np.ndarray, config: Config, device: str) -> list[Row]:
    """Time and memory of both, and how many masks of each the other finds."""
    ours, seconds, memory = alone(_ours, image, config, device)
    theirs, their_seconds, their_memory = alone(_theirs, image, config, device)
    return [{"what": f"{config.proposals.method}, {len(ours)} masks against {len(theirs)}", "seconds": seconds,
             "reference": their_seconds, "ratio": their_seconds / seconds, "GB": memory, "reference, GB": their_memory,
             "reference's masks found": recall(theirs, ours), "ours that it finds": recall(ours, theirs)}]


def proposed(images: list[np.ndarray], config: Config, device: str) -> list[np.ndarray]:
    """Our masks, bool [N, H, W], of each image."""
    from ris_ros.proposals import make_proposer

    proposer = make_proposer(config.proposals, device)
    return [proposer(image).masks for image in images]


def recall(wanted: np.ndarray, found: np.ndarray) -> float:
    """Share of `wanted` masks, bool [N, H, W], that a found one overlaps by an IoU of SAME or more."""
    if not len(wanted) or not len(found):
        return 0.0
    a, b = (masks.reshape(len(masks), -1).astype(np.float32) for masks in (wanted, found))
    shared = a @ b.T
    iou = shared / (a.sum(1)[:, None] + b.sum(1) - shared)
    return float((iou.max(axis=1) >= SAME).mean())


def _ours(image: np.ndarray, config: Config, device: str) -> tuple[np.ndarray, float, float]:
    from ris_ros.proposals import make_proposer

    proposer = make_proposer(config.proposals, device)
    masks = proposer(image).masks  # Warm: libraries choose their kernels.
    seconds = statistics.median(timed(lambda: proposer(image))[1] for _ in range(RUNS))
    return masks, seconds, peak_memory()


def _theirs(image: np.ndarray, config: Config, device: str) -> tuple[np.ndarray, float, float]:
    from ris_ros.proposals import make_proposer
    from ris_ros.tools.bench import reference

    network = make_proposer(config.proposals, device).network
    masks, seconds = timed(lambda: reference.propose(network, image))
    return masks, seconds, peak_memory()
