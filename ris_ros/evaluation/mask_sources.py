"""Sources of candidate masks: a proposer, the annotated objects of the data set, or a file of any generator.

The masks of a proposer can be cached in a folder, so that all compared methods choose from the same masks, which are
computed once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.errors import InputError, one_line
from ris_ros.evaluation.datasets.base import Picture
from ris_ros.proposals import Proposer
from ris_ros.proposals.given import from_coco
from ris_ros.types import Proposals
from ris_ros.utils.files import read_json, write_atomically
from ris_ros.utils.masks import mask_to_rle

MaskSource = Callable[[Picture, np.ndarray], Proposals | None]
"""(picture, its image uint8 RGB [H, W, 3]) -> masks to choose from; None for those that the method itself proposes."""

TRUTH = "truth"
"""The name of the source that returns the annotated objects."""


def make_mask_source(name: str, proposer: Proposer | None = None, cache: Path | None = None) -> MaskSource:
    """Return the mask source of that name.

    Parameters
    ----------
    name : empty for the proposer, "truth" for the annotated objects, otherwise the path of a JSON file
    proposer : needed if `name` is empty
    cache : folder that keeps the proposer's masks; None keeps none

    Raises
    ------
    InputError
        If there is no proposer, or the file cannot be read.

    """
    if name == TRUTH:
        return true_masks
    if name:
        return GivenMasks(Path(name))
    if proposer is None:
        raise InputError("there is no proposer for the masks")
    return ProposedMasks(proposer, cache)


def true_masks(picture: Picture, image: np.ndarray) -> Proposals:
    """Return the masks of all annotated objects, for an upper bound in which only the choice can be wrong.

    Objects with an empty mask, which cannot be chosen, are left out; a damaged mask raises an InputError.
    """
    height, width = image.shape[:2]
    masks = [annotated.mask.decode(height, width) for annotated in picture.objects.values()]
    masks = [mask for mask in masks if mask.any()]
    return Proposals.from_masks(np.stack(masks) if masks else np.zeros((0, height, width), bool))


class GivenMasks:
    """Masks of any generator, from a JSON file in COCO's format.

    The file holds either a list of ``{"image_id", "segmentation", "score"}``, as detectors write their results, or a
    whole data set with ``images`` and ``annotations``. Pictures are looked up by their id or by their file name.

    Raises
    ------
    InputError
        If the file holds neither, or has no masks for a picture.

    """

    def __init__(self, path: Path):
        self._path = path
        try:
            content = read_json(path)
            names = {row["id"]: row["file_name"] for row in content["images"]} if isinstance(content, dict) else {}
            rows = content["annotations"] if isinstance(content, dict) else content
            self._rows: dict[str, list[dict[str, Any]]] = {str(name): [] for name in names.values()}
            for row in rows:
                for name in {str(row["image_id"]), names.get(row["image_id"], "")} - {""}:
                    self._rows.setdefault(name, []).append(row)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} must hold masks in COCO's format, a list with image_id and segmentation or a "
                             f"whole data set: {one_line(error)}") from error

    def __call__(self, picture: Picture, image: np.ndarray) -> Proposals:
        """Return the masks of a picture."""
        rows = self._rows.get(picture.file.name, self._rows.get(picture.id))
        if rows is None:
            raise InputError(f"{self._path} has no masks for {picture.file.name} (id {picture.id})")
        proposals = from_coco(rows, *image.shape[:2])
        is_filled = proposals.masks.any(axis=(1, 2))
        return Proposals(proposals.masks[is_filled], proposals.boxes[is_filled], proposals.quality[is_filled])


class ProposedMasks:
    """The masks of a proposer, kept in a cache folder by image and settings.

    Without a cache this returns None, so that the method proposes masks itself. That works better, because the method
    "full" then searches for further masks if it does not find the target.
    """

    def __init__(self, proposer: Proposer, cache: Path | None = None):
        self._proposer = proposer
        self._cache = cache

    def __call__(self, picture: Picture, image: np.ndarray) -> Proposals | None:
        """Return the masks of a picture."""
        if self._cache is None:
            return None
        digest = hashlib.sha256(json.dumps([asdict(self._proposer.config), image.shape]).encode())
        digest.update(np.ascontiguousarray(image).data)
        file = self._cache / f"{digest.hexdigest()[:32]}.json"
        if file.is_file():
            return from_coco(read_json(file, "delete it, and it is made anew"), *image.shape[:2])
        proposals = self._proposer(image)
        rows = [{"segmentation": mask_to_rle(mask), "score": float(quality)}
                for mask, quality in zip(proposals.masks, proposals.quality, strict=True)]
        write_atomically(file, json.dumps(rows).encode())
        return proposals
