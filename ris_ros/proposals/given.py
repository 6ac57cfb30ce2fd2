"""Masks that someone else made: arrays, label images and COCO annotations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.errors import InputError
from ris_ros.types import Proposals


def from_labels(labels: np.ndarray) -> Proposals:
    """One mask for each value of an integer label image [H, W] except 0, in the order of the values."""
    if labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"a label image must hold integers [H, W], not {labels.dtype} {list(labels.shape)}")
    values = np.unique(labels)
    return Proposals.from_masks(labels == values[values != 0][:, None, None])


def from_coco(annotations: list[dict[str, Any]], height: int, width: int) -> Proposals:
    """A mask for each COCO annotation: polygons, run lengths or compressed run lengths under ``segmentation``.

    A ``score``, where there is one, becomes the quality.

    Raises
    ------
    InputError
        When a segmentation cannot be read or has not the size of the image.

    """
    masks = np.zeros((len(annotations), height, width), bool)
    for mask, annotation in zip(masks, annotations, strict=True):
        mask[:] = _decode(annotation, height, width)
    return Proposals.from_masks(masks, np.array([annotation.get("score", 1.0) for annotation in annotations]))


def read_masks(path: str | Path, height: int, width: int, file_name: str = "") -> Proposals:
    """Masks for an image of `height` x `width` pixels from a file.

    The file is a label image (PNG or TIFF, 8 or 16 bits, one channel or a palette, 0 is background) or JSON in COCO's
    format: a list of annotations, or a whole data set, in which `file_name` (or, where it holds one image, nothing)
    says whose annotations are meant.

    Raises
    ------
    InputError
        When the file cannot be read or does not fit the image.

    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".json":
            return from_coco(_annotations(json.loads(path.read_text()), file_name, path), height, width)
        from PIL import Image

        with Image.open(path) as picture:
            labels = np.array(picture)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot read masks from {path}: {error}") from error
    if labels.shape != (height, width):
        raise InputError(f"{path} must be a label image of one channel, {width} x {height} pixels like its image, "
                         f"not {list(labels.shape)}")
    return from_labels(labels)


def _annotations(content: Any, file_name: str, path: Path) -> list[dict[str, Any]]:
    if isinstance(content, list):
        return content
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        raise InputError(f"{path} must hold a list of COCO annotations or a COCO data set")
    ids = [image["id"] for image in content["images"] if file_name in ("", image["file_name"])]
    if len(ids) != 1:
        raise InputError(f"{path} holds {len(ids)} images named {file_name!r}; name the one that is meant"
                         if file_name else f"{path} holds {len(ids)} images; name the one that is meant")
    return [annotation for annotation in content["annotations"] if annotation["image_id"] == ids[0]]


def _decode(annotation: dict[str, Any], height: int, width: int) -> np.ndarray:
    from pycocotools import mask as coco

    try:
        shape = annotation["segmentation"]
        if isinstance(shape, list):
            runs = coco.merge(coco.frPyObjects(shape, height, width))
        elif isinstance(shape["counts"], list):
            runs = coco.frPyObjects(shape, *shape["size"])
        else:
            runs = shape
        if list(runs["size"]) != [height, width]:
            raise InputError(f"a segmentation of {runs['size']} does not fit an image of {[height, width]}")
        if sum(_run_lengths(runs["counts"])) != height * width:
            raise InputError("the run lengths of a segmentation do not fill the image")
        return coco.decode(runs).astype(bool)
    except InputError:
        raise
    except Exception as error:  # pycocotools raises whatever its C parser meets.
        raise InputError(f"cannot read the segmentation {str(annotation)[:100]}: {error}") from error


def _run_lengths(counts: str | bytes) -> list[int]:
    """The runs in COCO's compressed text. pycocotools decodes a damaged one without a word, so they are added up."""
    runs: list[int] = []
    value = shift = 0
    for character in counts.encode("ascii") if isinstance(counts, str) else counts:
        bits = character - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            value -= (bits & 0x10) << shift - 4  # the highest bit of the last group is the sign
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return runs
