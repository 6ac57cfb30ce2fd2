"""Times of a whole command, from image and text to a mask, and of command lines that load no vision model."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.config import Config
from ris_ros.tools.bench.measure import RUNS, Row, peak_memory, run_in_subprocess, timed

SHIFT_PIXELS = 24
"""Shift of the image from run to run, so that each has a new image with the same objects."""
FIRST, ANOTHER = "first command on a new image", "another command on the same image"
STILL, IN_VAIN = "the same command on the next image of a still camera", "another command, for what is not there"


@dataclass(frozen=True, eq=False)
class Example:
    """An image to measure on.

    Attributes
    ----------
    image : uint8 RGB [H, W, 3]
    texts : expressions to ask for, at least six

    """

    image: np.ndarray
    texts: tuple[str, ...]


def simulated_example(number: int = 0) -> Example:
    """Return a simulated tabletop of 640 x 480 pixels, which no model was trained on, and the names of its objects."""
    from ris_ros.sim.render import Renderer
    from ris_ros.sim.samples import TEST_SEEDS
    from ris_ros.sim.tabletop import sample_scene

    scene = sample_scene(TEST_SEEDS[number])
    with Renderer() as renderer:
        image = renderer.render(scene).image
    names = dict.fromkeys(f"{one.colour} {one.category}" for one in scene.objects)
    return Example(image, tuple(f"{article} {name}" for article in ("the", "a", "that") for name in names))


def read_examples(files: list[Path]) -> list[Example]:
    """Return the images in files, with expressions for common objects, since their content is unknown."""
    from ris_ros.utils.images import read_image

    texts = tuple(f"the {colour} {noun}" for colour in ("red", "white", "dark") for noun in ("thing", "box", "cup"))
    return [Example(read_image(file), texts) for file in files]


def bench_start(config: Config) -> list[Row]:
    """Measure command lines that load no vision model, and each step of loading all models, as processes."""
    def run(*words: str) -> float:
        ris = [sys.executable, "-c", "from ris_ros.cli import main; main()"]
        return statistics.median(timed(lambda: subprocess.run([*ris, *words], check=True, capture_output=True))[1]
                                 for _ in range(RUNS))

    # Not in a process of this package's, which imports torch before anything can be timed.
    loading = [sys.executable, "-m", "ris_ros.tools.loading_times", json.dumps(config.to_dict())]
    output = subprocess.run(loading, check=True, stdout=subprocess.PIPE, text=True).stdout
    steps: dict[str, float] = json.loads(output.splitlines()[-1])
    return [{"what": "ris --help", "seconds": run("--help")},
            {"what": "ris parse TEXT", "seconds": run("parse", "the red cup on the left")},
            *({"what": f"all models: {step}", "seconds": seconds} for step, seconds in steps.items()),
            {"what": "all models", "seconds": sum(steps.values())}]


def bench_command(example: Example, config: Config, device: str) -> list[Row]:
    """Measure commands on a new image, on the same image and on the next one of a still camera.

    The reference method, which each is compared with, keeps nothing between commands: each takes it equally long. Both
    answer among all masks; :func:`bench_early` measures early answers.
    """
    ours = run_in_subprocess(_measure_ours, example, config.replace({"device": device, "proposals.early_prompts": 0}))
    seconds, memory = run_in_subprocess(_measure_reference, example, config, device)
    rows: list[Row] = [{"what": what, "seconds": ours[what], "reference": seconds, "ratio": seconds / ours[what]}
                       for what in (FIRST, ANOTHER, STILL)]
    rows[0] |= {"GB": ours["GB"], "reference, GB": memory}
    return [*rows,
            {"what": f"{ANOTHER}; reference: its two texts, by open_clip", "seconds": ours[ANOTHER],
             "reference": ours["texts"], "ratio": ours["texts"] / ours[ANOTHER]},
            {"what": f"{ANOTHER}; reference: its texts, by us, within it", "seconds": ours[ANOTHER],
             "reference": ours["our texts"], "ratio": ours["our texts"] / ours[ANOTHER]},
            {"what": IN_VAIN, "seconds": ours[IN_VAIN]}]


def _measure_ours(example: Example, config: Config) -> dict[str, float]:
    """Return the median seconds of each kind of command and of text encoding, and the peak of memory in GB."""
    from ris_ros.segmenter import ReferringSegmenter
    from ris_ros.tools.bench import reference

    segmenter = ReferringSegmenter.from_config(config)
    segmenter(np.rot90(example.image).copy(), "the red cup")  # Lets the libraries choose their kernels.
    rng = np.random.default_rng(0)
    runs = []
    for number in range(RUNS):
        image = np.roll(example.image, SHIFT_PIXELS * (number + 1), axis=1)
        still = np.clip(image + rng.normal(0, 2, image.shape).round(), 0, 255).astype(np.uint8)
        first, later = example.texts[2 * number:2 * number + 2]
        query = segmenter.parser.parse(later)
        jobs: dict[str, Callable[[], Any]] = {
            FIRST: partial(segmenter, image, first),
            # What open_clip takes for the two texts of the published method.
            "texts": partial(reference.encode_texts, segmenter.encoder, (query.sentence, query.target_phrase)),
            ANOTHER: partial(segmenter.query, later),
            STILL: partial(segmenter, still, later),
            IN_VAIN: partial(segmenter.query, f"the striped umbrella number {number}")}
        results = {what: timed(job) for what, job in jobs.items()}
        runs.append({what: seconds for what, (_, seconds) in results.items()}
                    | {"our texts": results[ANOTHER][0].timings.get("text", 0.0)})
    return {what: statistics.median(run[what] for run in runs) for what in runs[0]} | {"GB": peak_memory()}


def _measure_reference(example: Example, config: Config, device: str) -> tuple[float, float]:
    """Return the seconds of a command and the peak of memory in GB."""
    from ris_ros.encoding import load_encoder
    from ris_ros.parsing import PublishedParser
    from ris_ros.tools.bench import published, reference

    network = published.load_network(config.proposals, device)
    encoder = load_encoder(config.encoder, device, offline=config.offline)
    parser = PublishedParser(config.language)
    parser.parse(example.texts[1])
    # Lets the libraries choose their kernels.
    reference.encode_global(encoder, example.image, np.ones(example.image.shape[:2], bool))
    _, seconds = timed(lambda: reference.answer(network, encoder, parser, example.image, example.texts[0]))
    return seconds, peak_memory()
