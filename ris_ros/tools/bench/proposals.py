"""Time, memory and recall of mask proposals.

Next to them stand, on the same weights, Segment Anything's automatic mask generation, and a fixed number of prompts by
the published decoder.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from functools import partial
from itertools import groupby
from typing import cast

import numpy as np

from ris_ros.config import Config
from ris_ros.proposals.prompting import PromptedProposer
from ris_ros.tools.bench.boxes import BoxedPicture
from ris_ros.tools.bench.measure import RUNS, Row, peak_memory, run_in_subprocess, timed
from ris_ros.types import Proposals
from ris_ros.utils.masks import box_iou, pairwise_iou

MIN_MATCH_IOU = 0.7
"""IoU from which on two masks, or two boxes, count as the same."""

TABLETOPS = 8
"""Simulated tabletops that recall is measured on."""


def bench_proposals(image: np.ndarray, config: Config, device: str) -> list[Row]:
    """Measure both on an image, and which share of the masks of each the other finds."""
    ours, seconds, memory = run_in_subprocess(_measure_ours, image, config, device)
    theirs, their_seconds, their_memory = run_in_subprocess(_measure_reference, image, config, device)
    return [{"what": f"{config.proposals.method}, {len(ours)} masks against {len(theirs)}", "seconds": seconds,
             "reference": their_seconds, "ratio": their_seconds / seconds, "GB": memory, "reference, GB": their_memory,
             "reference's masks found": recall(theirs, ours), "ours that it finds": recall(ours, theirs)}]


def bench_recall(pictures: Iterable[BoxedPicture], config: Config, device: str) -> list[Row]:
    """Measure which share of the boxed things is proposed, by box IoU, and the time and prompts that it takes.

    Returns
    -------
    A row for each picture and one for each group of pictures.

    """
    from ris_ros.language import ExpressionParser
    from ris_ros.proposals import make_proposer
    from ris_ros.tools.bench import published
    from ris_ros.tools.bench.box_encoder import count_after_search

    network = published.load_network(config.proposals, device)
    proposer = cast(PromptedProposer, make_proposer(config.proposals, device))
    parser = ExpressionParser(config.language)
    rows: list[Row] = []
    for group, members in groupby(pictures, lambda picture: picture.group):
        rows_of_group: list[Row] = []
        for picture in members:
            if not rows:  # Lets the libraries choose their kernels.
                proposer(picture.image)
                published.propose_fixed(network, picture.image, config.proposals)
            (ours, prompts), seconds = timed(partial(_propose_and_count, proposer, picture.image))
            fixed, fixed_seconds = timed(partial(published.propose_fixed, network, picture.image, config.proposals))
            searched = count_after_search(picture, proposer, parser, config)
            rows_of_group.append({
                "what": picture.name, "things": len(picture.boxes), "found": count_found(picture.boxes, ours.boxes),
                "fixed: found": count_found(picture.boxes, fixed.boxes),
                "found after search": searched, "prompts": prompts, "masks": len(ours),
                "seconds": seconds, "fixed: seconds": fixed_seconds, "time ratio": seconds / fixed_seconds})
        rows += [*rows_of_group, _summary(group, rows_of_group)]
    return rows


def count_found(wanted: dict[str, np.ndarray], boxes: np.ndarray) -> int:
    """Return how many of the `wanted` boxes overlap one of the proposed `boxes`, [N, 4] xyxy, enough."""
    return sum(max((box_iou(box, proposed) for proposed in boxes), default=0.0) >= MIN_MATCH_IOU
               for box in wanted.values())


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
    from ris_ros.tools.bench import published, reference

    network = published.load_network(config.proposals, device)
    masks, seconds = timed(lambda: reference.propose(network, image))
    return masks, seconds, peak_memory()


def _propose_and_count(proposer: PromptedProposer, image: np.ndarray) -> tuple[Proposals, int]:
    """Return the proposals of an image and the number of prompts that they took."""
    pool = proposer.collect(image, proposer.embed(image))
    return proposer.finish(pool), pool.prompts


def _summary(group: str, rows: list[Row]) -> Row:
    """Return the row of a group: sums of things, shares of them that were found, means of the rest."""
    things = sum(row["things"] for row in rows)
    means = {name: statistics.fmean(row[name] for row in rows)
             for name in ("prompts", "masks", "seconds", "fixed: seconds")}
    return {"what": f"{group}: {len(rows)} pictures", "things": things,
            **{name: sum(row[name] for row in rows) / max(things, 1)
               for name in ("found", "fixed: found", "found after search")}, **means,
            "time ratio": means["seconds"] / means["fixed: seconds"]}
