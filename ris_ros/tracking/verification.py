"""The slow look at a frame: SAM cuts out what may be the target, CLIP tells what it looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ris_ros.grounding import fuse
from ris_ros.tracking.prompts import object_prompt
from ris_ros.tracking.track import Picture

if TYPE_CHECKING:
    from ris_ros.segmenter import ReferringSegmenter

AROUND = 4
"""Points along each side of the square that is asked about when a lost target is sought near its place."""


@dataclass(frozen=True, eq=False)
class Keyframe:
    """A frame to be examined, with what is thought of it.

    Attributes
    ----------
    number : of the keyframe
    picture : the frame
    scope : where to look for the target: "here" while it is followed; once it is lost "near" its place, or "everywhere"
    seen, hidden : bool [H, W], where the target is, or should be, seen and where something else covers it
    visible : 0..1, how much of it is thought to be seen
    place : float64 [2], the middle of where it is or should be, xy pixels of the small picture
    reach : how far from there it may be, pixels of the small picture

    """

    number: int
    picture: Picture
    scope: str
    seen: np.ndarray
    hidden: np.ndarray
    visible: float
    place: np.ndarray
    reach: float


@dataclass(frozen=True, eq=False)
class Verification:
    """What the verification of a keyframe brought.

    Attributes
    ----------
    keyframe : that was examined
    masks : bool [N, H, W], what may be the target; when it was looked for "here", the carried mask and then SAM's
    features : float32 [N, D], of the masks
    agreement : IoU of the carried mask and SAM's, where there is one

    """

    keyframe: Keyframe
    masks: np.ndarray
    features: torch.Tensor
    agreement: float


@torch.inference_mode()
def verify(segmenter: ReferringSegmenter, keyframe: Keyframe) -> Verification:
    """Look at a keyframe with the proposer and the encoder of a segmenter."""
    image, proposer = keyframe.picture.image, segmenter.proposer
    embedded = proposer.embed(image)
    masks, agreement = np.zeros((0, *image.shape[:2]), bool), 0.0
    if keyframe.seen.any():
        asked = proposer.object_in(embedded, *object_prompt(keyframe.seen, keyframe.hidden))
        fit = overlaps(asked.masks, keyframe.seen)
        if len(asked):
            best = int((fit * asked.quality).argmax())
            masks, agreement = asked.masks[best:best + 1], float(fit[best])
    if keyframe.scope == "here":
        masks = np.concatenate([keyframe.seen[None], masks])
    else:
        points = _points_near(keyframe) if keyframe.scope == "near" else None
        masks = np.concatenate([masks, proposer(image, points, embedded=embedded).masks])
    return Verification(keyframe, masks, features(segmenter, image, masks), agreement)


def features(segmenter: ReferringSegmenter, image: np.ndarray, masks: np.ndarray) -> torch.Tensor:
    """What masks, bool [N, H, W], of an image look like to the encoder of a segmenter, float32 [N, D]."""
    config, encoder = segmenter.config, segmenter.encoder
    weight = config.matching.visual_weight
    return fuse(*encoder.encode_masks(image, masks, method=config.method),
                weight if weight >= 0 else encoder.default_visual_weight)


def overlaps(masks: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """IoU float64 [N] of masks bool [N, H, W] with one [H, W]."""
    shared = np.count_nonzero(masks & mask, axis=(1, 2))
    return shared / np.maximum(np.count_nonzero(masks | mask, axis=(1, 2)), 1)


def _points_near(keyframe: Keyframe) -> np.ndarray:
    """Points float64 [P, 2], xy pixels of the image, spread over where the lost target may be."""
    around = np.linspace(-1, 1, AROUND) * keyframe.reach / np.sqrt(2)
    points = keyframe.place + np.stack(np.meshgrid(around, around), axis=-1).reshape(-1, 2)
    height, width = keyframe.picture.grey.shape
    return (points[((points >= 0) & (points < (width, height))).all(axis=1)] + 0.5) * keyframe.picture.scale
