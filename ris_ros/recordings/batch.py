"""Segmentation of several bags, one after the other or in parallel on a Ray cluster."""

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
    from ris_ros.recordings.run import BagSummary
    from ris_ros.segmenter import ReferringSegmenter

BagJob = tuple[Path, Path]
"""A bag and the folder for its results."""


@dataclass(frozen=True)
class BagPlan:
    """How every bag of a batch is segmented; a :class:`ris_ros.utils.ray_pool.WorkerPlan`.

    Attributes
    ----------
    config : of the segmenter
    texts : expressions to find
    topic, depth, camera_info : topics to read, as :class:`ris_ros.recordings.bag.Bag` takes them
    every : 1 for every frame, n for every n-th one

    """

    config: Config
    texts: list[str]
    topic: str | None = None
    depth: str | None = None
    camera_info: str | None = None
    every: int = 1

    def build(self) -> Callable[[BagJob], BagSummary | str]:
        """Load the models and return the function that segments a bag: its summary, or why the bag cannot be used."""
        from ris_ros.segmenter import ReferringSegmenter

        return partial(self.segment, ReferringSegmenter.from_config(self.config))

    def segment(self, segmenter: ReferringSegmenter, job: BagJob) -> BagSummary | str:
        """Segment a bag and return the summary, or why the bag cannot be used.

        The folder for the results appears when it is complete.
        """
        from ris_ros.recordings.bag import Bag
        from ris_ros.recordings.run import segment_bag

        path, folder = job
        # Start over where a lost worker left a part of the results.
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        try:
            with Bag(path, self.topic, self.depth, self.camera_info, self.config.max_image_pixels) as bag:
                summary = segment_bag(segmenter, bag, self.texts, part, every=self.every)
            os.replace(part, folder)
        except InputError as error:
            return str(error)
        return replace(summary, files=[folder / file.name for file in summary.files])


def default_folder_name(bag: Path) -> str:
    """Return the name of the folder for the results of a bag, unless another is given: BAG_ris."""
    return f"{bag.resolve().stem}_ris"


def plan_folders(bags: list[Path], output: Path | None) -> list[BagJob]:
    """Return each bag with the folder for its results: BAG_ris, in `output` or in the working directory.

    Creates `output`, but not the folders in it.

    Raises
    ------
    InputError
        If two bags have the same name, or a folder exists and is not empty.

    """
    from ris_ros.recordings.run import check_new_folder

    jobs = [(bag, (output or Path()) / default_folder_name(bag)) for bag in bags]
    taken: dict[Path, Path] = {}
    for bag, folder in jobs:
        if folder in taken:
            raise InputError(f"the results of {taken[folder]} and {bag} would both be in {folder}; run them "
                             "separately, each with --output")
        check_new_folder(folder)
        taken[folder] = bag
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
    return jobs


def segment_bags(plan: BagPlan, jobs: list[BagJob], *, ray: str = "", workers: int = 0
                 ) -> Iterator[tuple[Path, BagSummary | str]]:
    """Yield each bag with its summary, or with the reason why it cannot be used, in order of completion.

    A bag that cannot be used does not stop the others.

    Parameters
    ----------
    plan : how each bag is segmented
    jobs : the bags and their folders, of :func:`plan_folders`
    ray : the address of a Ray cluster as :func:`ris_ros.utils.ray_pool.ray_pool` takes it; empty to segment the bags in
        this process, one after the other
    workers : of the cluster; 0 for one per GPU, or one per CPU core if there is no GPU

    Raises
    ------
    InputError, MissingError
        If the models cannot be loaded or no cluster answers.

    """
    if not ray:
        segment = plan.build()
        for job in jobs:
            yield job[0], segment(job)
        return
    from ris_ros.utils.ray_pool import MAX_ATTEMPTS, WorkerLost, ray_pool

    with ray_pool(plan, ray, workers) as pool_map:
        for (bag, _), result in pool_map(jobs):
            is_lost = isinstance(result, WorkerLost)
            yield bag, f"{MAX_ATTEMPTS} workers were lost over it ({result.reason})" if is_lost else result
