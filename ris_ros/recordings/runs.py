"""Several bags after one another, or side by side on a cluster."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ris_ros.errors import InputError

if TYPE_CHECKING:
    from ris_ros.config import Config
    from ris_ros.recordings.results import BagSummary
    from ris_ros.segmenter import ReferringSegmenter

# A bag and the folder for its answers.
Run = tuple[Path, Path]


@dataclass(frozen=True)
class BagPlan:
    """What is asked of every bag; a worker of :func:`ris_ros.utils.ray_pool.cluster` builds it."""

    config: Config
    texts: list[str]
    topic: str | None = None
    depth: str | None = None
    camera_info: str | None = None
    every: int = 1

    def build(self) -> Callable[[Run], BagSummary | str]:
        """Load the models; the function runs over one bag and gives the summary, or what was wrong with it."""
        from ris_ros.segmenter import ReferringSegmenter

        return partial(self._run, ReferringSegmenter.from_config(self.config))

    def _run(self, segmenter: ReferringSegmenter, run: Run) -> BagSummary | str:
        from ris_ros.recordings.bag import Bag
        from ris_ros.recordings.results import run_over_bag

        recording, folder = run
        # What a worker that was lost has written of it is begun anew.
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        try:
            with Bag(recording, self.topic, self.depth, self.camera_info) as frames:
                summary = run_over_bag(segmenter, frames, self.texts, part, every=self.every)
            os.replace(part, folder)
        except InputError as error:
            return str(error)
        return replace(summary, files=[folder / file.name for file in summary.files])


def answers_name(recording: Path) -> str:
    """What the folder for the answers to a bag is called unless it is named: BAG_ris."""
    return f"{recording.resolve().stem}_ris"


def folders(recordings: list[Path], output: Path | None) -> list[Run]:
    """Each bag with the folder for its answers: BAG_ris, in `output` or here.

    Raises
    ------
    InputError
        When two bags have one name, or a folder is there and not empty.

    """
    from ris_ros.recordings.results import check_new

    runs = [(recording, (output or Path()) / answers_name(recording)) for recording in recordings]
    taken: dict[Path, Path] = {}
    for recording, folder in runs:
        if folder in taken:
            raise InputError(f"{taken[folder]} and {recording} would both be answered in {folder}; run them apart, "
                             "each with --output")
        check_new(folder)
        taken[folder] = recording
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
    return runs


def run_over_bags(plan: BagPlan, runs: list[Run], *, ray: str = "", workers: int = 0
                  ) -> Iterator[tuple[Path, BagSummary | str]]:
    """Each bag with its summary, or with what was wrong with it, as they are done; one bad bag stops no other.

    Parameters
    ----------
    plan : what is asked
    runs : of :func:`folders`
    ray, workers : address of a cluster and number of workers as in :func:`ris_ros.utils.ray_pool.cluster`; "": one by one here

    Raises
    ------
    InputError, MissingError
        When the models cannot be loaded or no cluster answers.

    """
    if not ray:
        work = plan.build()
        for run in runs:
            yield run[0], work(run)
        return
    from ris_ros.utils.ray_pool import ATTEMPTS, Lost, cluster

    with cluster(plan, ray, workers) as spread:
        for (recording, _), result in spread(runs):
            lost = isinstance(result, Lost)
            yield recording, f"{ATTEMPTS} workers were lost over it ({result.reason})" if lost else result
