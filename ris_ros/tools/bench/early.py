"""Time of a first command that is answered early, next to that of the same command among all masks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from ris_ros.config import Config
from ris_ros.errors import InputError
from ris_ros.tools.bench.command import SHIFT_PIXELS, Example
from ris_ros.tools.bench.measure import RUNS, Row, run_in_subprocess, timed
from ris_ros.types import Result
from ris_ros.utils.masks import mask_iou


def bench_early(examples: list[Example], config: Config, device: str) -> list[Row]:
    """Measure first commands with and without early answers, in turns on the same images.

    Returns
    -------
    A row for each command, and the medians: of those that were answered early, and of all. The ratio of processor times
    is that of the times on a machine with other work.

    Raises
    ------
    InputError
        Where the settings allow no early answer.

    """
    if not config.proposals.early_prompts or config.method != "full":
        raise InputError("early answers are off: set proposals.early_prompts to more than 0, and method to full")
    rows = run_in_subprocess(_measure, examples, config.replace({"device": device}))
    early = [row for row in rows if row["early"]]
    return [*rows, *([_medians(f"answered early: {len(early)} of {len(rows)}", early)] if early else []),
            _medians("all", rows)]


def _measure(examples: list[Example], config: Config) -> list[Row]:
    from ris_ros.segmenter import ReferringSegmenter

    early = ReferringSegmenter.from_config(config)
    whole = early.sibling()
    whole.config = config.replace({"proposals.early_prompts": 0})
    for segmenter in (early, whole):  # Lets the libraries choose their kernels.
        segmenter(np.rot90(examples[0].image).copy(), "the red cup")
    rows = []
    for number, example in enumerate(examples):
        for run, text in enumerate(example.texts[:RUNS]):
            image = np.roll(example.image, SHIFT_PIXELS * run, axis=1)
            jobs = [(segmenter, partial(segmenter, image, text)) for segmenter in (early, whole)]
            ordered = jobs[::-1] if run % 2 else jobs
            done = {segmenter: _timed_both(job) for segmenter, job in ordered}
            (result, seconds, cpu), (full, whole_seconds, whole_cpu) = done[early], done[whole]
            rows.append({"what": f"image {number + 1}: {text}", "early": result.early, "seconds": seconds,
                         "whole: seconds": whole_seconds, "ratio": whole_seconds / seconds,
                         "ratio of processor times": whole_cpu / cpu, "IoU": mask_iou(result.mask, full.mask)})
    return rows


def _timed_both(job: Callable[[], Result]) -> tuple[Result, float, float]:
    """Return a result, the seconds that it took, and those of processor time."""
    start = time.process_time()
    result, seconds = timed(job)
    return result, seconds, time.process_time() - start


def _medians(what: str, rows: list[Row]) -> Row:
    return {"what": what, **{name: statistics.median(row[name] for row in rows) for name in rows[0]
                             if name not in ("what", "early")}}
