"""Proposals from given masks: label images and COCO annotations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.errors import InputError, one_line
from ris_ros.types import Proposals

MIN_POLYGON_LENGTH = 6
"""Numbers of the smallest polygon, a triangle: x and y of each point."""

MAX_POLYGON_REACH = 100
"""Largest coordinate of a polygon, in sides of its image."""

MAX_EXCERPT_LENGTH = 100
"""Characters of an unreadable annotation that an error shows."""


def from_labels(labels: np.ndarray) -> Proposals:
    """Return a mask for each value except 0 of an integer label image [H, W], sorted by value.

    Raises
    ------
    InputError
        If it is not an integer array of two dimensions.

    """
    if labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"a label image must hold integers [H, W], not {labels.dtype} {list(labels.shape)}")
    values = np.unique(labels)
    return Proposals.from_masks(labels == values[values != 0][:, None, None])


def from_coco(annotations: list[dict[str, Any]], height: int, width: int) -> Proposals:
    """Return a mask for each COCO annotation.

    Parameters
    ----------
    annotations : each with a ``segmentation`` (polygons, run lengths or compressed run lengths); a ``score``, where
        there is one, becomes the quality
    height, width : of the image, pixels

    Raises
    ------
    InputError
        If a segmentation cannot be read or does not have the size of the image.

    """
    masks = np.zeros((len(annotations), height, width), bool)
    for mask, annotation in zip(masks, annotations, strict=True):
        mask[:] = _decode_segmentation(annotation, height, width)
    return Proposals.from_masks(masks, np.array([annotation.get("score", 1.0) for annotation in annotations]))


def read_masks(path: str | Path, height: int, width: int, file_name: str = "") -> Proposals:
    """Read the masks of an image from a file.

    Parameters
    ----------
    path : a label image (PNG or TIFF, 8 or 16 bits, one channel or a palette, 0 is background), or JSON in COCO's
        format: a list of annotations, or a whole data set
    height, width : of the image, pixels
    file_name : of the image in a data set; may be empty if the data set holds one image

    Raises
    ------
    InputError
        If the file cannot be read or does not fit the image.

    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".json":
            return from_coco(_select_annotations(json.loads(path.read_text()), file_name, path), height, width)
        from PIL import Image

        with Image.open(path) as image:
            labels = np.array(image)
    except InputError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot read masks from {path}: {one_line(error)}") from error
    if labels.shape != (height, width):
        raise InputError(f"{path} must be a label image of one channel, {width} x {height} pixels like its image, "
                         f"not {list(labels.shape)}")
    return from_labels(labels)


def _select_annotations(content: Any, file_name: str, path: Path) -> list[dict[str, Any]]:
    """Return the annotations of the named image in a file's content."""
    if isinstance(content, list):
        return content
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        raise InputError(f"{path} must hold a list of COCO annotations or a COCO data set")
    ids = [image["id"] for image in content["images"] if file_name in ("", image["file_name"])]
    if len(ids) != 1:
        raise InputError(f"{path} holds {len(ids)} images named {file_name!r}; name the one that is meant"
                         if file_name else f"{path} holds {len(ids)} images; name the one that is meant")
    return [annotation for annotation in content["annotations"] if annotation["image_id"] == ids[0]]


def _decode_segmentation(annotation: dict[str, Any], height: int, width: int) -> np.ndarray:
    """Return the mask, bool [H, W], of a COCO annotation."""
    from pycocotools import mask as coco

    try:
        segmentation = annotation["segmentation"]
        if isinstance(segmentation, list):
            for polygon in segmentation:
                _check_polygon(polygon, max(height, width))
            runs = coco.merge(coco.frPyObjects(segmentation, height, width))
        elif isinstance(segmentation["counts"], list):
            runs = coco.frPyObjects(segmentation, *segmentation["size"])
        else:
            runs = segmentation
        if list(runs["size"]) != [height, width]:
            raise InputError(f"a segmentation of {runs['size']} does not fit an image of {[height, width]}")
        if sum(_run_lengths(runs["counts"])) != height * width:
            raise InputError("the run lengths of a segmentation do not fill the image")
        mask: np.ndarray = coco.decode(runs).astype(bool)
        return mask
    except InputError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        excerpt = str(annotation)[:MAX_EXCERPT_LENGTH]
        raise InputError(f"cannot read the segmentation {excerpt}: {one_line(error)}") from error


def _check_polygon(polygon: list[float], side: int) -> None:
    """Raise an InputError for a polygon of which pycocotools would make a box, or with which it would crash."""
    if len(polygon) < MIN_POLYGON_LENGTH or len(polygon) % 2:
        raise InputError(f"a polygon of a segmentation has {len(polygon)} numbers: x and y of three points at least")
    if not all(abs(value) <= MAX_POLYGON_REACH * side for value in polygon):  # NaN is refused too.
        raise InputError(f"a polygon of a segmentation reaches far out of an image of {side} pixels")


def _run_lengths(counts: str | bytes) -> list[int]:
    """Return the run lengths in COCO's compressed text, to validate them: pycocotools decodes damaged ones silently."""
    runs: list[int] = []
    value = shift = 0
    for character in counts.encode("ascii") if isinstance(counts, str) else counts:
        bits = character - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            value -= (bits & 0x10) << shift - 4  # The highest bit of the last group is the sign.
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return runs
