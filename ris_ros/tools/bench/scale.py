"""`ris bench scale`: how time and memory grow with masks, with the image, with cameras and with the text."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ris_ros.config import Config
from ris_ros.tools.bench.command import Example
from ris_ros.tools.bench.encoding import repeat_masks
from ris_ros.tools.bench.measure import Row, peak_memory, run_in_subprocess, timed

if TYPE_CHECKING:
    from ris_ros.segmenter import ReferringSegmenter

MASKS = (16, 32, 64, 128, 256, 512)
"""Numbers of masks."""
SIZES = ((320, 240), (640, 480), (1280, 960), (1920, 1080), (3840, 2160))
"""Widths and heights of images, pixels."""
CAMERAS = (1, 2, 4, 8)
"""Numbers of cameras that share the models."""
WORDS = (4, 9, 19, 39, 79)
"""Lengths of expressions: a noun phrase, and one more relation for each further five words."""
RELATIONS = ("left of", "right of", "in front", "next to")
"""Relations of two words, for long expressions."""


def bench_scale(example: Example, config: Config, device: str) -> dict[str, list[Row]]:
    """Measure growth; return a table for each of masks, pixels, cameras and words.

    The last row of a table has the exponent: 1 where the time grows in proportion, 0 where it does not grow. Memory is
    the largest that a process had so far, GB; each table has a process of its own.

    Parameters
    ----------
    example : image, and expressions to ask for
    config : every setting
    device : cpu, cuda or cuda:N

    """
    chosen = config.replace({"device": device})
    measurements: dict[str, Callable[..., list[Row]]] = {
        "masks": _measure_masks, "pixels": _measure_sizes, "cameras": _measure_cameras, "words": _measure_words}
    return {f"time and memory by {what}": with_exponent(what, run_in_subprocess(measure, example, chosen))
            for what, measure in measurements.items()}


def with_exponent(what: str, rows: list[Row]) -> list[Row]:
    """Return the rows and one more, with the exponent of "seconds" as a power of the column `what`."""
    size, seconds = (np.array([row[name] for row in rows], float) for name in (what, "seconds"))
    return [*rows, {what: "exponent", "seconds": float(np.polyfit(np.log(size), np.log(seconds), 1)[0])}]


def long_expression(words: int, names: Sequence[str]) -> str:
    """Return an expression of so many words, 4 + 5 n: each name stands in a relation to the next.

    Parameters
    ----------
    words : 4, 9, 14, ...
    names : of an adjective and a noun each

    """
    phrases = itertools.cycle(names)
    relations = itertools.cycle(RELATIONS)
    links = (f" {next(relations)} the {next(phrases)}" for _ in range((words - 4) // 5))
    return f"find the {next(phrases)}" + "".join(links)


def _measure_masks(example: Example, config: Config) -> list[Row]:
    segmenter = _warm_segmenter(example, config)
    found = segmenter.set_image(example.image).masks
    rows = []
    for count in MASKS:
        masks = repeat_masks(found, count)
        _, seconds = timed(partial(_encode_all, segmenter, example.image, masks))
        rows.append({"masks": count, "seconds": seconds, "GB": peak_memory()})
    return rows


def _encode_all(segmenter: ReferringSegmenter, image: np.ndarray, masks: np.ndarray) -> Any:
    features = segmenter.encoder.encode_masks(image, masks, method=segmenter.config.method)
    return features.for_fusion(0.5)  # Neither kind of feature is left out.


def _measure_sizes(example: Example, config: Config) -> list[Row]:
    import cv2

    segmenter = _warm_segmenter(example, config)
    rows = []
    for width, height in SIZES:
        image = cv2.resize(example.image, (width, height), interpolation=cv2.INTER_CUBIC)
        result, seconds = timed(partial(segmenter, image, example.texts[0]))
        rows.append({"pixels": width * height, "size": f"{width} x {height}", "seconds": seconds,
                     **{f"{stage}, s": result.timings.get(stage, 0.0) for stage in ("proposals", "visual", "matching")},
                     "GB": peak_memory()})
    return rows


def _measure_cameras(example: Example, config: Config) -> list[Row]:
    segmenter = _warm_segmenter(example, config)
    rows = []
    for count in CAMERAS:
        siblings = [segmenter.sibling() for _ in range(count)]
        images = [np.roll(example.image, 10 * (count + number), axis=1) for number in range(count)]

        def ask_all(siblings: list[ReferringSegmenter] = siblings, images: list[np.ndarray] = images) -> None:
            for sibling, image in zip(siblings, images, strict=True):
                sibling(image, example.texts[0])

        _, seconds = timed(ask_all)
        rows.append({"cameras": count, "seconds": seconds, "GB": peak_memory()})
    return rows


def _measure_words(example: Example, config: Config) -> list[Row]:
    segmenter = _warm_segmenter(example, config)
    segmenter.set_image(example.image)
    names = [text.partition(" ")[2] for text in example.texts]
    rows = []
    for count in WORDS:
        result, seconds = timed(partial(segmenter.query, long_expression(count, names)))
        rows.append({"words": count, "seconds": seconds,
                     **{f"{stage}, s": result.timings.get(stage, 0.0) for stage in ("language", "text", "matching")},
                     "GB": peak_memory()})
    return rows


def _warm_segmenter(example: Example, config: Config) -> ReferringSegmenter:
    from ris_ros.segmenter import ReferringSegmenter

    # An early answer, and a search for what an expression names and nothing shows, are other matters.
    segmenter = ReferringSegmenter.from_config(config.replace(
        {"proposals.early_prompts": 0, "proposals.search_prompts": 0}))
    segmenter(np.rot90(example.image).copy(), "the red cup")  # Lets the libraries choose their kernels.
    return segmenter
