"""A run spread over a Ray cluster: pictures go to workers, one model each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ris_ros.evaluation.examiner import Examined
from ris_ros.utils.ray_pool import ATTEMPTS, LOCAL, Buildable, Lost, Spread, cluster

if TYPE_CHECKING:
    from ris_ros.evaluation.datasets.base import Picture
    from ris_ros.evaluation.run import Stream


@contextmanager
def examined_on(plan: Buildable, address: str = LOCAL, workers: int = 0) -> Iterator[Stream]:
    """A stream for `evaluate` that examines pictures on a cluster; parameters and errors as of :func:`cluster`."""
    with cluster(plan, address, workers) as spread:
        yield lambda pictures: _examined(spread, pictures)


def _examined(spread: Spread, pictures: Iterable[Picture]) -> Iterator[Examined]:
    for picture, result in spread(pictures):
        if isinstance(result, Lost):
            result = Examined(len(picture.expressions), [], [
                f"picture {picture.id}: {ATTEMPTS} workers were lost over it ({result.reason}); its "
                f"{len(picture.expressions)} expressions are left out"], 0.0, 0.0)
        yield result
