"""Where the masks to choose from come from: a proposer, the data set's own objects, or a file of any generator.

A source is a function (picture, image) -> Proposals, or None for what the method itself proposes. The masks that a
proposer made can be kept in a folder, so that compared methods choose from the same ones and their cost is paid
once.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.config import ProposalsConfig
from ris_ros.errors import InputError
from ris_ros.evaluation.datasets.base import Picture
from ris_ros.proposals import Proposer, make_proposer
from ris_ros.proposals.given import from_coco
from ris_ros.types import Proposals
from ris_ros.utils.masks import mask_to_rle

Source = Callable[[Picture, np.ndarray], Proposals | None]

TRUTH = "truth"


def make_source(name: str, config: ProposalsConfig, device: str, cache: Path | None = None) -> Source:
    """The source that `name` asks for.

    Parameters
    ----------
    name : empty for the configured proposer, "truth" for the annotated objects, else the path of a file
    config, device : of the proposer
    cache : folder in which a proposer's masks are kept, and found again

    """
    if name == TRUTH:
        return true_masks
    if name:
        return GivenMasks(Path(name))
    return ProposedMasks(make_proposer(config, device), cache)


def true_masks(picture: Picture, image: np.ndarray) -> Proposals:
    """Every annotated object of the picture: the upper bound, with which only the choice can be wrong.

    An object whose mask is empty cannot be chosen; one whose mask is broken raises an InputError.
    """
    height, width = image.shape[:2]
    masks = [thing.shape.mask(height, width) for thing in picture.things.values()]
    masks = [mask for mask in masks if mask.any()]
    return Proposals.from_masks(np.stack(masks) if masks else np.zeros((0, height, width), bool))


class GivenMasks:
    """Masks of any generator, from a JSON file in COCO's format.

    Either a list of ``{"image_id", "segmentation", "score"}``, as detectors write their results, or a whole data set
    with ``images`` and ``annotations``. Pictures are found by their id or their file's name.

    Raises
    ------
    InputError
        When the file is neither, or a picture that is asked for has no masks in it.

    """

    def __init__(self, path: Path):
        self._path = path
        try:
            content = json.loads(path.read_bytes())
            names = {row["id"]: row["file_name"] for row in content["images"]} if isinstance(content, dict) else {}
            rows = content["annotations"] if isinstance(content, dict) else content
            self._rows: dict[str, list[dict[str, Any]]] = {str(name): [] for name in names.values()}
            for row in rows:
                for name in {str(row["image_id"]), names.get(row["image_id"], "")} - {""}:
                    self._rows.setdefault(name, []).append(row)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} must hold masks in COCO's format, a list with image_id and segmentation or a "
                             f"whole data set: {type(error).__name__} {error}") from error

    def __call__(self, picture: Picture, image: np.ndarray) -> Proposals:
        """The masks of a picture."""
        rows = self._rows.get(picture.file.name, self._rows.get(picture.id))
        if rows is None:
            raise InputError(f"{self._path} has no masks for {picture.file.name} (id {picture.id})")
        proposals = from_coco(rows, *image.shape[:2])
        return _without_empty(proposals)


class ProposedMasks:
    """What a proposer finds, remembered in `cache` by picture and settings.

    Without a cache the method is left to propose, which it can do better: "full" searches again for what is not found.
    """

    def __init__(self, proposer: Proposer, cache: Path | None = None):
        self.proposer = proposer
        self._cache = cache

    def __call__(self, picture: Picture, image: np.ndarray) -> Proposals | None:
        """The masks of a picture."""
        if self._cache is None:
            return None
        content = hashlib.sha256(json.dumps([asdict(self.proposer.config), image.shape]).encode())
        content.update(np.ascontiguousarray(image))
        file = self._cache / f"{content.hexdigest()[:32]}.json"
        if file.is_file():
            return from_coco(json.loads(file.read_bytes()), *image.shape[:2])
        proposals = self.proposer(image)
        self._cache.mkdir(parents=True, exist_ok=True)
        rows = [{"segmentation": mask_to_rle(mask), "score": float(quality)}
                for mask, quality in zip(proposals.masks, proposals.quality, strict=True)]
        # Written aside first, so that a kill leaves no half of a file behind.
        aside = file.with_suffix(f".{os.getpid()}")
        aside.write_text(json.dumps(rows))
        aside.replace(file)
        return proposals


def _without_empty(proposals: Proposals) -> Proposals:
    whole = proposals.masks.any(axis=(1, 2))
    return Proposals(proposals.masks[whole], proposals.boxes[whole], proposals.quality[whole])
