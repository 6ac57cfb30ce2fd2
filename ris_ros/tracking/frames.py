"""Frame representations for tracking and verification."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ris_ros.tracking.thresholds import MAX_SIDE_PIXELS


@dataclass(frozen=True, eq=False)
class FramePyramid:
    """A frame in full size and reduced.

    Attributes
    ----------
    image : uint8 RGB [H, W, 3], in full size
    small : uint8 RGB [h, w, 3], the reduced frame, at most MAX_SIDE_PIXELS along its longer side
    grey : uint8 [h, w], the same in grey
    scale : pixels of `image` per pixel of `small`

    """

    image: np.ndarray
    small: np.ndarray
    grey: np.ndarray
    scale: float

    @classmethod
    def from_image(cls, image: np.ndarray) -> FramePyramid:
        """Reduce an image, uint8 RGB [H, W, 3]."""
        longer = max(image.shape[:2])
        small: np.ndarray = np.ascontiguousarray(image)
        if longer > MAX_SIDE_PIXELS:
            small = cv2.resize(small, [max(1, round(side * MAX_SIDE_PIXELS / longer)) for side in image.shape[1::-1]],
                               interpolation=cv2.INTER_AREA)
        return cls(image, small, cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), image.shape[1] / small.shape[1])


@dataclass(frozen=True, eq=False)
class Keyframe:
    """A frame to be verified, with the tracked state of the target in it.

    Attributes
    ----------
    number : counts the keyframes of a tracker
    frame : the frame
    scope : where to search for the target: "here" while it is tracked; when it is lost, "near" its location or
        "everywhere"
    mask : bool [H, W], the target's visible part; its expected mask when it is lost
    occlusion : bool [H, W], its occluded part
    visibility : 0..1, the share of it that is visible
    location : float64 [2], its centre, expected when it is lost, xy pixels of the reduced frame
    search_radius : distance from there within which it is searched for, pixels of the reduced frame; 0 while tracked

    """

    number: int
    frame: FramePyramid
    scope: str
    mask: np.ndarray
    occlusion: np.ndarray
    visibility: float
    location: np.ndarray
    search_radius: float
