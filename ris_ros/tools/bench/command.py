"""A whole command, from image and words to a mask, and commands that load no model of vision."""

from __future__ import annotations

import statistics
import subprocess
import sys
from functools import partial

import numpy as np

from ris_ros.config import Config
from ris_ros.tools.bench.measure import Row, alone, peak_memory, timed
from ris_ros.tools.bench.pictures import Picture

RUNS = 3
FIRST, ANOTHER = "first command on a new image", "another command on the same image"
STILL, IN_VAIN = "the same command on the next image of a still camera", "another command, for what is not there"


def bench_start() -> list[Row]:
    """Commands that load no model of vision, as processes."""
    def run(*words: str) -> float:
        ris = [sys.executable, "-c", "from ris_ros.cli import main; main()"]
        return statistics.median(timed(lambda: subprocess.run([*ris, *words], check=True, capture_output=True))[1]
                                 for _ in range(RUNS))

    return [{"what": "ris --help", "seconds": run("--help")},
            {"what": "ris parse TEXT", "seconds": run("parse", "the red cup on the left")}]


def bench_command(picture: Picture, config: Config, device: str) -> list[Row]:
    """On a new image, another one on the same image, on a still camera; each beside the reference procedure's.

    That keeps nothing from one command to the next, so that every one costs it the same.
    """
    ours = alone(_ours, picture, config.replace({"device": device}))
    seconds, memory = alone(_theirs, picture, config, device)
    rows = [{"what": what, "seconds": ours[what], "reference": seconds, "ratio": seconds / ours[what]}
            for what in (FIRST, ANOTHER, STILL)]
    rows[0] |= {"GB": ours["GB"], "reference, GB": memory}
    return [*rows,
            {"what": f"{ANOTHER}; reference: its two texts, by open_clip", "seconds": ours[ANOTHER],
             "reference": ours["texts"], "ratio": ours["texts"] / ours[ANOTHER]},
            {"what": f"{ANOTHER}; reference: its texts, by us, within it", "seconds": ours[ANOTHER],
             "reference": ours["our texts"], "ratio": ours["our texts"] / ours[ANOTHER]},
            {"what": IN_VAIN, "seconds": ours[IN_VAIN]}]


def _ours(picture: Picture, config: Config) -> dict[str, float]:
    from ris_ros.segmenter import ReferringSegmenter
    from ris_ros.tools.bench import reference

    segmenter = ReferringSegmenter.from_config(config)
    segmenter(np.rot90(picture.image).copy(), "the red cup")  # Warm: libraries choose their kernels.
    rng = np.random.default_rng(0)
    found = []
    for number in range(RUNS):
        # Moved, so that it is another image with the same things on it.
        image = np.roll(picture.image, 24 * (number + 1), axis=1)
        still = np.clip(image + rng.normal(0, 2, image.shape).round(), 0, 255).astype(np.uint8)
        first, later = picture.texts[2 * number:2 * number + 2]
        query = segmenter.parser.parse(later)
        jobs = {FIRST: partial(segmenter, image, first),
                # What open_clip takes for the two texts of the published procedure.
                "texts": lambda query=query: [reference.text(segmenter.encoder, words)
                                              for words in (query.sentence, query.target_phrase)],
                ANOTHER: partial(segmenter.query, later),
                STILL: partial(segmenter, still, later),
                IN_VAIN: partial(segmenter.query, f"the striped umbrella number {number}")}
        done = {what: timed(job) for what, job in jobs.items()}
        found.append({what: seconds for what, (_, seconds) in done.items()}
                     | {"our texts": done[ANOTHER][0].timings.get("text", 0.0)})
    return {what: statistics.median(run[what] for run in found) for what in found[0]} | {"GB": peak_memory()}


def _theirs(picture: Picture, config: Config, device: str) -> tuple[float, float]:
    from ris_ros.encoding import load_encoder
    from ris_ros.language import ExpressionParser
    from ris_ros.proposals import make_proposer
    from ris_ros.tools.bench import reference

    network, encoder = make_proposer(config.proposals, device).network, load_encoder(config.encoder, device)
    parser = ExpressionParser(config.language, "reference")
    parser.parse(picture.texts[1])
    reference.in_context(encoder, picture.image, np.ones(picture.image.shape[:2], bool))  # Warm, as ours.
    _, seconds = timed(lambda: reference.answer(network, encoder, parser, picture.image, picture.texts[0]))
    return seconds, peak_memory()
