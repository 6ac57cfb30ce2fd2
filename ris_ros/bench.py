"""`ris bench`: times and memory, each beside the reference procedure's in the same run on the same machine.

Absolute times differ from machine to machine and from minute to minute; the ratios are what to compare.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ris_ros.config import Config, EncoderConfig
from ris_ros.types import Proposals

Row = dict[str, Any]
RUNS = 3


def bench_start() -> list[Row]:
    """Commands that load no model of vision, as processes."""
    def run(*words: str) -> float:
        ris = [sys.executable, "-c", "from ris_ros.cli import main; main()"]
        return statistics.median(_timed(lambda: subprocess.run([*ris, *words], check=True, capture_output=True))[1]
                                 for _ in range(RUNS))

    return [{"what": "ris --help", "seconds": run("--help")},
            {"what": "ris parse TEXT", "seconds": run("parse", "the red cup on the left")}]


def bench_proposals(image: np.ndarray, config: Config) -> list[Row]:
    """Ours against a grid of 32 x 32 prompts on the same weights and filters, and how much of each the other finds.

    The grid is that of Segment Anything's automatic mask generation (arXiv 2304.02643, section 5).
    """
    from ris_ros.device import resolve_device
    from ris_ros.proposals import make_proposer

    proposer = make_proposer(config.proposals, resolve_device(config.device))
    proposer(image)
    ours = [_timed(lambda: proposer(image)) for _ in range(RUNS)]
    height, width, _ = image.shape
    x, y = np.meshgrid((np.arange(32) + 0.5) * width / 32, (np.arange(32) + 0.5) * height / 32)
    grid, grid_seconds = _timed(lambda: proposer(image, np.stack([x.ravel(), y.ravel()], axis=1)))
    found, seconds = ours[0][0], statistics.median(one for _, one in ours)
    return [{"what": f"{config.proposals.method}, {len(found)} masks", "seconds": seconds, "reference": grid_seconds,
             "ratio": grid_seconds / seconds, "recall of the grid's masks": _recall(grid, found),
             "grid's recall of ours": _recall(found, grid)}]


def bench_encoding(image: np.ndarray, masks: np.ndarray, device: str, models: list[str], counts: list[int]
                   ) -> list[Row]:
    """Features of N masks: a loop of whole forward passes, mask by mask, against ours; random weights at true size."""
    from ris_ros.encoding import load_encoder

    rows = []
    for model in models:
        encoder = load_encoder(EncoderConfig(model=f"{model}/random"), device)
        [text] = encoder.encode_text(["the red cup"])
        for count in counts:
            chosen = masks[np.arange(count) % len(masks)]
            encoder.encode_masks(image, chosen[:2], method="full")
            loop, loop_seconds = _timed(lambda chosen=chosen, encoder=encoder: [
                encoder.encode_masks(image, mask[None], method="reference") for mask in chosen])
            features, seconds = _timed(lambda chosen=chosen, encoder=encoder: encoder.encode_masks(
                image, chosen, method="full"))
            rows.append({"what": f"{model}, {count} masks", "seconds": seconds, "reference": loop_seconds,
                         "ratio": loop_seconds / seconds,
                         "same answer": _answer([features], text) == _answer(loop, text)})
    return rows


def bench_command(image: np.ndarray, config: Config) -> list[Row]:
    """A whole command: on a new image, another one on the same image, and the same image again."""
    from ris_ros.segmenter import ReferringSegmenter

    segmenter = ReferringSegmenter.from_config(config)
    segmenter(image, "the blue box")  # Warm: libraries choose their kernels.
    rows = []
    for number in range(RUNS):
        # Shifted, as a picture that differs by noise alone is taken for the same.
        other = np.roll(image, 24 * (number + 1), axis=1)
        first, later = f"the red cup {number}", f"the green bowl {number}"
        jobs = (partial(segmenter, other, first), partial(segmenter.query, later),
                partial(segmenter.encoder.encode_text, [f"the black pen {number}", f"a pen {number}"]),
                partial(segmenter, other, later))
        rows.append([_timed(job)[1] for job in jobs])
    cold, second, text, still = (statistics.median(column) for column in zip(*rows, strict=True))
    return [{"what": "first command on a new image", "seconds": cold},
            {"what": "another command on the same image", "seconds": second, "reference": text,
             "ratio": second / text, "note": "reference: encoding its two texts"},
            {"what": "the same command on the same image", "seconds": still},
            {"what": "peak memory of this process, GB", "value": _peak_memory() / 1e9}]


def example_image() -> np.ndarray:
    """A simulated tabletop, RGB uint8 [480, 640, 3]."""
    from ris_ros.sim.render import Renderer
    from ris_ros.sim.splits import TEST_SEEDS
    from ris_ros.sim.tabletop import sample_scene

    with Renderer() as renderer:
        return renderer.render(sample_scene(TEST_SEEDS[0])).image


def _recall(wanted: Proposals, found: Proposals) -> float:
    """Share of `wanted` masks that a found one overlaps by an IoU of 0.7 or more."""
    a, b = (p.masks.reshape(len(p), -1).astype(np.float32) for p in (wanted, found))
    shared = a @ b.T
    iou = shared / (a.sum(1)[:, None] + b.sum(1) - shared)
    return float((iou.max(axis=1) >= 0.7).mean())


def _answer(features: list[tuple], text: Any) -> int:
    import torch

    from ris_ros.matching import fuse, similarity

    visual = fuse(*(torch.cat(kind) for kind in zip(*features, strict=True)), 0.95)
    return int(similarity(visual, text).argmax())


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def _peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
