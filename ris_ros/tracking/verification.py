"""Verification of a keyframe: SAM segments candidates for the target, and the encoder computes their features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor

from ris_ros.errors import InputError
from ris_ros.grounding import fuse
from ris_ros.proposals import as_promptable
from ris_ros.tracking.frames import Keyframe
from ris_ros.tracking.thresholds import (
    MIN_OCCLUDED_PROMPT_SHARE,
    PROMPT_BOX_MARGIN,
    PROMPT_POINTS,
    SEARCH_GRID_POINTS,
)
from ris_ros.utils.masks import mask_box, mask_ious

if TYPE_CHECKING:
    from ris_ros.segmenter import ReferringSegmenter


@dataclass(frozen=True, eq=False)
class Verification:
    """The result of verifying a keyframe.

    Attributes
    ----------
    keyframe : the keyframe
    masks : bool [N, H, W], candidates for the target; with scope "here", the propagated mask and then SAM's, if any
    features : float32 [N, D], of the masks
    agreement : IoU of SAM's mask with the propagated one, 0..1; 0 where SAM has none

    """

    keyframe: Keyframe
    masks: np.ndarray
    features: Tensor
    agreement: float


@torch.inference_mode()
def verify(segmenter: ReferringSegmenter, keyframe: Keyframe) -> Verification:
    """Verify a keyframe with the proposer and the encoder of a segmenter.

    Raises
    ------
    InputError
        If the proposer cannot be prompted.

    """
    image, proposer = keyframe.frame.image, as_promptable(segmenter.proposer)
    if proposer is None:
        raise InputError("tracking needs a proposer that can be prompted, such as mobilesam")
    embedding = proposer.embed(image)
    masks, agreement = np.zeros((0, *image.shape[:2]), bool), 0.0
    if keyframe.mask.any():
        answers = proposer.object_in(embedding, *object_prompt(keyframe.mask, keyframe.occlusion))
        ious = mask_ious(answers.masks, keyframe.mask)
        if len(answers):
            best = int((ious * answers.quality).argmax())
            masks, agreement = answers.masks[best:best + 1], float(ious[best])
    if keyframe.scope == "here":
        masks = np.concatenate([keyframe.mask[None], masks])
    else:
        points = _search_points(keyframe) if keyframe.scope == "near" else None
        masks = np.concatenate([masks, proposer(image, points, embedding=embedding).masks])
    return Verification(keyframe, masks, encode_masks(segmenter, image, masks), agreement)


def encode_masks(segmenter: ReferringSegmenter, image: np.ndarray, masks: np.ndarray) -> Tensor:
    """Return the fused features, float32 [N, D], of masks, bool [N, H, W], of an image."""
    weight = segmenter.visual_weight
    features = segmenter.encoder.encode_masks(image, masks, method=segmenter.config.method)
    return fuse(*features.for_fusion(weight), weight)


def object_prompt(visible: np.ndarray, occlusion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the prompt for SAM of an object near its expected position.

    Parameters
    ----------
    visible : bool [H, W], the visible part of the object, not empty
    occlusion : bool [H, W], the occluded part

    Returns
    -------
    box : float64 [4], xyxy pixels
    points : float64 [P, 2], xy pixels: deep inside the visible part, and one deep inside the occluded part
    labels : int64 [P], 1 for points on the object, 0 for points that are not

    """
    height, width = visible.shape
    x1, y1, x2, y2 = mask_box(visible).astype(float)
    dx, dy = PROMPT_BOX_MARGIN * (x2 - x1), PROMPT_BOX_MARGIN * (y2 - y1)
    box = np.array([max(x1 - dx, 0), max(y1 - dy, 0), min(x2 + dx, width), min(y2 + dy, height)])
    positive, negative = _deepest_points(visible, PROMPT_POINTS), np.zeros((0, 2))
    if occlusion.sum() > MIN_OCCLUDED_PROMPT_SHARE * (visible.sum() + occlusion.sum()):
        negative = _deepest_points(occlusion, 1)
    return box, np.concatenate([positive, negative]), np.repeat([1, 0], [len(positive), len(negative)])


def _deepest_points(mask: np.ndarray, max_points: int) -> np.ndarray:
    """Return points, float64 [P, 2], each as far as possible from the mask's edge and from the ones before."""
    x1, y1, x2, y2 = mask_box(mask)
    rest = np.pad(mask[y1:y2, x1:x2].astype(np.uint8), 1)
    points: list[tuple[float, float]] = []
    while len(points) < max_points and rest.any():
        depth = cv2.distanceTransform(rest, cv2.DIST_L2, cv2.DIST_MASK_5)
        row, column = np.unravel_index(depth.argmax(), depth.shape)
        points.append((x1 + column - 0.5, y1 + row - 0.5))
        cv2.circle(rest, (int(column), int(row)), max(2, int(1.2 * depth[row, column])), 0, -1)
    return np.array(points).reshape(-1, 2)


def _search_points(keyframe: Keyframe) -> np.ndarray:
    """Return points, float64 [P, 2], xy pixels of the image, spread over where the lost target may be."""
    offsets = np.linspace(-1, 1, SEARCH_GRID_POINTS) * keyframe.search_radius / np.sqrt(2)
    points = keyframe.location + np.stack(np.meshgrid(offsets, offsets), axis=-1).reshape(-1, 2)
    height, width = keyframe.frame.grey.shape
    in_view = ((points >= 0) & (points < (width, height))).all(axis=1)
    return (points[in_view] + 0.5) * keyframe.frame.scale
