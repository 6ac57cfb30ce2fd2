"""Time and memory of the large models at true size, and the agreement of a GPU with the CPU.

Weights are random, or of a folder: time and memory do not depend on their values. Masks are therefore not those that
SAM 2 proposes, but of a fixed number.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ris_ros.config import Config, EncoderConfig, ProposalsConfig
from ris_ros.tools.bench.measure import RUNS, Row, peak_memory, run_in_subprocess, timed

PROMPTS, MASKS = 64, 64
"""Prompts of an image that are decoded, and masks that are computed in full and encoded."""

FRAMES = 16
"""Frames after which the video memory is full, and measured."""

HEIGHT, WIDTH = 480, 640
"""Of the images, pixels."""

FAR = "furthest from the CPU"
"""Name of the column with the largest difference from the CPU's result, in standard deviations of that."""


def bench_models(checkpoints: Sequence[str], architectures: Sequence[str], device: str) -> list[Row]:
    """Measure SAM 2 as a proposer and as a tracker, encoders, and each pair of proposer and encoder on a frame.

    Parameters
    ----------
    checkpoints : of SAM 2, such as ``tiny/random``
    architectures : of open_clip, or ``bundled``
    device : ``cpu``, ``cuda`` or ``cuda:N``

    Returns
    -------
    Rows with the seconds of the first run in a process ("cold") and the median of later ones, and the peak of memory.

    """
    rows: list[Row] = []
    proposers = {one: run_in_subprocess(measure_proposals, one, device) for one in checkpoints}
    encoders = {one: run_in_subprocess(measure_encoder, one, device) for one in architectures}
    for one in checkpoints:
        rows += [*proposers[one], run_in_subprocess(measure_tracking, one, device)]
    for one in architectures:
        rows += encoders[one]
    for checkpoint, (image, prompts) in proposers.items():
        for architecture, (masks, command) in encoders.items():
            parts = image, prompts, masks
            rows.append({"what": f"{checkpoint} + {architecture}: a new image, {PROMPTS} prompts, {MASKS} masks",
                         **_rate(sum(part["cold"] for part in parts), sum(part["seconds"] for part in parts)),
                         "GB": max(image["GB"], masks["GB"])})
            rows.append({"what": f"{checkpoint} + {architecture}: another command", **_rate(
                command["cold"], command["seconds"])})
    return rows


def measure_proposals(checkpoint: str, device: str) -> list[Row]:
    """Return the rows of encoding an image, and of decoding prompts to masks, with SAM 2."""
    from ris_ros.proposals.sam2 import Sam2

    network, on_cpu = Sam2(checkpoint, device), Sam2(checkpoint, "cpu")
    image, points = _image(0), np.random.default_rng(0).uniform(0, 1024, (PROMPTS, 2))

    def decode(network: Sam2, embedding: Any, count: int = PROMPTS) -> np.ndarray:
        prompts = np.stack([points[:count], np.zeros_like(points[:count])], axis=1)
        prepared = network.decoder.prepare(embedding.features, embedding.fine)
        found = []
        for start in range(0, count, network.batch_size):
            batch = prompts[start:start + network.batch_size]
            decoded = network.decoder.decode(prepared, batch, np.tile((1, -1), (len(batch), 1)))
            decoded.logits(np.arange(len(batch)), np.ones(len(batch), int))
            found.append(decoded.coarse)
        return np.concatenate(found)

    encoding, embedding = _measure(lambda run: network.embed(_image(run)))
    decoding, _ = _measure(lambda _: decode(network, embedding))
    memory = peak_memory()
    ours, theirs = network.embed(image), on_cpu.embed(image)
    return [{"what": f"SAM 2 {checkpoint}: encode an image", **encoding, "GB": memory,
             FAR: _furthest(ours.features, theirs.features)},
            {"what": f"SAM 2 {checkpoint}: {PROMPTS} prompts", **decoding,
             FAR: _furthest(decode(network, ours, 4), decode(on_cpu, theirs, 4))}]


def measure_tracking(checkpoint: str, device: str) -> Row:
    """Return the row of a frame with SAM 2's video memory, when that is full."""
    from ris_ros.proposals.sam2 import load_model
    from ris_ros.tracking.video_memory import VideoMemory

    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[160:320, 240:400] = True

    def run(device: str) -> tuple[VideoMemory, np.ndarray]:
        model = load_model("Sam2VideoModel", checkpoint, device, setting="following.checkpoint")
        memory = VideoMemory(model, checkpoint)
        memory.start(_image(0), mask)
        return memory, memory.advance(_image(1))

    _, expected = run("cpu")
    memory, first = run(device)
    for number in range(2, FRAMES):
        memory.advance(_image(number))
    times = [timed(partial(memory.advance, _image(number)))[1] for number in range(RUNS)]
    return {"what": f"SAM 2 {checkpoint}: track a frame", **_rate(None, statistics.median(times)), "GB": peak_memory(),
            "pixels as on the CPU": float(np.mean(first == expected))}


def measure_encoder(architecture: str, device: str) -> list[Row]:
    """Return the rows of encoding masks and of a command on the same image, with an encoder of random weights."""
    from ris_ros.encoding import load_encoder
    from ris_ros.language import ExpressionParser
    from ris_ros.segmenter import ReferringSegmenter
    from ris_ros.types import Proposals

    config = EncoderConfig(model=architecture if architecture == "bundled" else f"{architecture}/random",
                           dtype="float32")
    encoder, masks = load_encoder(config, device), _masks()
    encoding, _ = _measure(lambda run: encoder.encode_masks(_image(run), masks, method="full").for_fusion(0.5))
    memory = peak_memory()

    segmenter = ReferringSegmenter(Config(), _NoProposals(), encoder, ExpressionParser())
    segmenter.set_image(_image(0), Proposals.from_masks(masks))
    segmenter.query("the red cup")  # Encodes the vocabulary, once for a model.
    texts = [f"the {colour} {noun}" for colour in ("green", "white", "dark") for noun in ("bottle", "bowl", "box")]
    command, _ = _measure(lambda run: segmenter.query(texts[run]))

    def features(on: str) -> np.ndarray:
        model = encoder if on == device else load_encoder(config, on)
        found: np.ndarray = model.encode_global(_image(0), masks[:4], "full").cpu().numpy()
        return found

    return [{"what": f"{architecture}: encode {MASKS} masks of an image", **encoding, "GB": memory,
             FAR: _furthest(features(device), features("cpu"))},
            {"what": f"{architecture}: another command on the same image", **command}]


class _NoProposals:
    """Stands for a proposer where the masks are given."""

    config = ProposalsConfig()

    def __call__(self, image: np.ndarray) -> Any:
        raise NotImplementedError("the masks are given")


def _measure(work: Callable[[int], Any]) -> tuple[Row, Any]:
    """Return the times of ``work(number of the run)``: of the first and the median of the next; and the last result."""
    result, cold = timed(partial(work, 0))
    times = []
    for number in range(1, RUNS + 1):
        result, seconds = timed(partial(work, number))
        times.append(seconds)
    return _rate(cold, statistics.median(times)), result


def _rate(cold: float | None, seconds: float) -> Row:
    return {"cold": cold, "seconds": seconds, "a second": 1 / seconds}


def _image(number: int) -> np.ndarray:
    """Return an image with smooth shapes, uint8 RGB [HEIGHT, WIDTH, 3]; another one for each number."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    waves = [np.sin(columns / (20 + number)), np.cos(rows / 17 + columns / 60), np.sin((rows - columns) / 41 + number)]
    return np.stack([127 + 120 * wave for wave in waves], axis=2).astype(np.uint8)


def _masks() -> np.ndarray:
    """Return discs of different sizes all over the image, bool [MASKS, HEIGHT, WIDTH]."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([np.hypot(rows - rng.uniform(0, HEIGHT), columns - rng.uniform(0, WIDTH)) < rng.uniform(15, 90)
                     for _ in range(MASKS)])


def _furthest(values: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference of values from expected ones, in standard deviations of these."""
    return float(np.abs(values - expected).max() / expected.std())
