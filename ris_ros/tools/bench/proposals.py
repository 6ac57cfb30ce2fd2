"""Time and memory of mask proposals, next to Segment Anything's automatic mask generation on the same weights."""

from __future__ import annotations

import statistics

import numpy as np

from ris_ros.config import Config
from ris_ros.tools.bench.measure import RUNS, Row, peak_memory, run_in_subprocess, timed
from ris_ros.utils.masks import pairwise_iou

MIN_MATCH_IOU = 0.7
"""IoU from which on two masks count as the same."""


def bench_proposals(image: np.ndarray, config: Config, device: str) -> list[Row]:
    """Measure both on an image, and which share of the masks of each the other finds."""
    ours, seconds, memory = run_in_subprocess(_measure_ours, image, config, device)
    theirs, their_seconds, their_memory = run_in_subprocess(_measure_reference, image, config, device)
    return [{"what": f"{config.proposals.method}, {len(ours)} masks against {len(theirs)}", "seconds": seconds,
             "reference": their_seconds, "ratio": their_seconds / seconds, "GB": memory, "reference, GB": their_memory,
             "reference's masks found": recall(theirs, ours), "ours that it finds": recall(ours, theirs)}]


def propose_masks(images: list[np.ndarray], config: Config, device: str) -> list[np.ndarray]:
    """Return the proposed masks, bool [N, H, W], of each image."""
    from ris_ros.proposals import make_proposer

    proposer = make_proposer(config.proposals, device)
    return [proposer(image).masks for image in images]


def recall(wanted: np.ndarray, found: np.ndarray) -> float:
    """Return the share of `wanted` masks, bool [N, H, W], that are among the `found` masks, bool [M, H, W]."""
    if not len(wanted) or not len(found):
        return 0.0
    return float((pairwise_iou(wanted, found).max(axis=1) >= MIN_MATCH_IOU).mean())


def _measure_ours(image: np.ndarray, config: Config, device: str) -> tuple[np.ndarray, float, float]:
    """Return the masks, the median seconds and the peak of memory in GB."""
    from ris_ros.proposals import make_proposer

    proposer = make_proposer(config.proposals, device)
    masks = proposer(image).masks  # Lets the libraries choose their kernels.
    seconds = statistics.median(timed(lambda: proposer(image))[1] for _ in range(RUNS))
    return masks, seconds, peak_memory()


def _measure_reference(image: np.ndarray, config: Config, device: str) -> tuple[np.ndarray, float, float]:
    """Return the masks, the seconds and the peak of memory in GB."""
    from ris_ros.tools.bench import reference

    network = reference.load_network(config.proposals, device)
    masks, seconds = timed(lambda: reference.propose(network, image))
    return masks, seconds, peak_memory()
