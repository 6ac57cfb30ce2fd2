"""What the page of `ris try` shows: pictures, and answers with all that led to them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ris_ros.config import Config
from ris_ros.tools.demo import simulated_commands
from ris_ros.types import CameraModel, Depth, Proposals, Result
from ris_ros.utils.cancellation import cancellable
from ris_ros.visualization import draw_candidates, draw_proposals, draw_result

if TYPE_CHECKING:
    from ris_ros.language.reader import Reading
    from ris_ros.segmenter import ReferringSegmenter

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Picture:
    """What is searched.

    Attributes
    ----------
    image : uint8 RGB [H, W, 3]
    depth : of the image, where it is known
    sentences : examples of what can be asked

    """

    image: np.ndarray
    depth: Depth | None = None
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Explanation:
    """An answer, and what led to it.

    Attributes
    ----------
    picture : what was searched
    result : the answer
    proposals : the masks that were compared
    reading : how the sentence was read; None where it was not read word by word
    notes : what limits the answers of these models

    """

    picture: Picture
    result: Result
    proposals: Proposals
    reading: Reading | None
    notes: tuple[str, ...]


DRAWINGS: dict[str, Callable[[Explanation], np.ndarray]] = {
    "answer": lambda shown: draw_result(shown.picture.image, shown.result),
    "candidates": lambda shown: draw_candidates(shown.picture.image, shown.result.candidates),
    "all masks": lambda shown: draw_proposals(shown.picture.image, shown.proposals),
    "picture": lambda shown: shown.picture.image,
}
"""What can be drawn of an explanation, as images like its picture."""


class Models:
    """The models and the simulation, all on one thread: neither can serve two pages at once.

    Parameters
    ----------
    config : every setting

    """

    def __init__(self, config: Config):
        self.config = config
        self._thread = ThreadPoolExecutor(1, "ris_try")
        self._segmenter: ReferringSegmenter | None = None
        self._is_closing = False

    async def load(self) -> None:
        """Load the models, unless they are loaded; errors as of :meth:`ReferringSegmenter.from_config`."""
        await self._run(self._loaded)

    async def explain(self, picture: Picture, text: str) -> Explanation:
        """Find what a text names in a picture; errors as of :class:`ReferringSegmenter`."""
        return await self._run(lambda: self._explain(picture, text))

    async def draw(self, name: str, explanation: Explanation) -> np.ndarray:
        """Return one of DRAWINGS."""
        return await self._run(lambda: DRAWINGS[name](explanation))

    async def simulate(self, seed: int) -> Picture:
        """Return a simulated scene with its depth; errors as of :func:`simulated_commands`."""
        return await self._run(lambda: _simulate(seed))

    def close(self) -> None:
        """Stop the work in progress, and start no more."""
        self._is_closing = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        def cancellable_work() -> T:
            with cancellable(lambda: self._is_closing):
                return work()

        return await asyncio.get_running_loop().run_in_executor(self._thread, cancellable_work)

    def _loaded(self) -> ReferringSegmenter:
        if self._segmenter is None:
            from ris_ros.segmenter import ReferringSegmenter
            self._segmenter = ReferringSegmenter.from_config(self.config)
        return self._segmenter

    def _explain(self, picture: Picture, text: str) -> Explanation:
        from ris_ros.language import ExpressionParser

        segmenter = self._loaded()
        result, parser = segmenter(picture.image, text, depth=picture.depth), segmenter.parser
        # The published rule, and parsers of other packages, do not read word by word.
        is_full = self.config.method == "full"
        reading = parser.read(text) if is_full and isinstance(parser, ExpressionParser) else None
        assert segmenter.proposals is not None  # of the image that was searched
        return Explanation(picture, result, segmenter.proposals, reading, tuple(segmenter.notes))


def _simulate(seed: int) -> Picture:
    rendering, sentences, _ = simulated_commands(seed)
    return Picture(rendering.image, Depth(rendering.depth, CameraModel(rendering.intrinsics)), tuple(sentences))
