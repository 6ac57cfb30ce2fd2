"""Proposals from given masks: label images and COCO annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ris_ros.errors import InputError, excerpt
from ris_ros.types import Proposals
from ris_ros.utils.files import read_json
from ris_ros.utils.images import read_single_channel
from ris_ros.utils.masks import rle_to_mask

MAX_OUTLINE_PIXELS = 2_000_000
"""Length of the longest polygon that is filled: more than that of any object in the largest image."""

MAX_SCORE = 1e9
"""Largest score of a mask; generators may have scales of their own."""

MAX_MASK_PIXELS = 4_000_000_000
"""Pixels, and bytes, of all masks of an image together."""


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
    values = values[values != 0]
    _check_count(len(values), *labels.shape)
    return Proposals.from_masks(labels == values[:, None, None])


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
    if not isinstance(annotations, list):
        raise InputError(f"annotations must be a list, not {excerpt(annotations)}")
    _check_count(len(annotations), height, width)
    masks = np.zeros((len(annotations), height, width), bool)
    scores = np.ones(len(annotations))
    for i, annotation in enumerate(annotations):
        try:
            if not isinstance(annotation, dict):
                raise InputError("it must be an object with a segmentation")
            masks[i] = _decode_segmentation(annotation, height, width)
            scores[i] = _read_score(annotation.get("score", 1.0))
        except InputError as error:
            name = annotation["id"] if isinstance(annotation, dict) and "id" in annotation else annotation
            raise InputError(f"cannot read the segmentation of annotation {excerpt(name)}: {error}"
                             ) from error
    return Proposals.from_masks(masks, scores)


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
            return from_coco(_select_annotations(read_json(path), file_name), height, width)
        return from_labels(read_single_channel(path, (height, width)))
    except InputError as error:
        raise InputError(f"cannot read masks from {path}: {error}") from error


def _select_annotations(content: Any, file_name: str) -> list[dict[str, Any]]:
    """Return the annotations of the named image in a file's content."""
    if isinstance(content, list):
        return content
    if not isinstance(content, dict) or not {"images", "annotations"} <= content.keys():
        raise InputError("it must hold a list of COCO annotations or a COCO data set")
    for rows, key in ((content["images"], "id"), (content["annotations"], "image_id")):
        if not isinstance(rows, list) or not all(isinstance(row, dict) and key in row for row in rows):
            raise InputError("each of its images must have an id, and each of its annotations an image_id")
    ids = [image["id"] for image in content["images"] if file_name in ("", image.get("file_name"))]
    if len(ids) != 1:
        raise InputError(f"it holds {len(ids)} images named {file_name!r}; name the one that is meant"
                         if file_name else f"it holds {len(ids)} images; name the one that is meant")
    return [annotation for annotation in content["annotations"] if annotation["image_id"] == ids[0]]


def _check_count(count: int, height: int, width: int) -> None:
    """Raise an InputError if masks of an image would take too much memory."""
    if count * height * width > MAX_MASK_PIXELS:
        raise InputError(f"{count} masks of {width} x {height} pixels take more than {MAX_MASK_PIXELS} bytes")


def _read_score(score: Any) -> float:
    if type(score) not in (int, float) or not -MAX_SCORE <= score <= MAX_SCORE:
        raise InputError(f"its score is {excerpt(score)}, which is no finite number")
    return float(score)


def _decode_segmentation(annotation: dict[str, Any], height: int, width: int) -> np.ndarray:
    """Return the mask, bool [H, W], of a COCO annotation."""
    segmentation = annotation.get("segmentation")
    if not isinstance(segmentation, list):
        return rle_to_mask(segmentation, height, width)
    if not segmentation:
        raise InputError("its segmentation is empty")
    from pycocotools import mask as coco

    outlines = [check_outline(polygon, height, width).ravel().tolist() for polygon in segmentation]
    mask: np.ndarray = coco.decode(coco.merge(coco.frPyObjects(outlines, height, width))).astype(bool)
    return mask


def check_outline(polygon: Any, height: int, width: int, min_points: int = 3) -> np.ndarray:
    """Return a polygon's points, float64 [N, 2], if they can be filled in an image of this size.

    The libraries that fill polygons check nothing: their memory grows with the length of the outline, and points that
    are not finite crash them.

    Parameters
    ----------
    polygon : x and y of each point, one after the other
    height, width : of the image, pixels
    min_points : smallest number of points

    Raises
    ------
    InputError
        If it is anything else, a point is further from the image than its size, or the outline is far too long.

    """
    if not isinstance(polygon, list) or len(polygon) % 2 or len(polygon) < 2 * min_points:
        raise InputError(f"a polygon must be a list of x and y of at least {min_points} points, not {excerpt(polygon)}")
    for value, side in zip(polygon, (width, height) * (len(polygon) // 2), strict=True):
        # NaN is in no range.
        if type(value) not in (int, float) or not -side <= value <= 2 * side:
            raise InputError(f"a polygon has the coordinate {excerpt(value)}, in an image of {width} x {height} pixels")
    points = np.array(polygon, np.float64).reshape(-1, 2)
    length = np.abs(np.diff(points, axis=0, append=points[:1])).max(axis=1).sum()
    if length > MAX_OUTLINE_PIXELS:
        raise InputError(f"a polygon has an outline of {length:.0f} pixels; at most {MAX_OUTLINE_PIXELS} can be filled")
    return points
