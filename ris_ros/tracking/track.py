"""Propagation of one mask from frame to frame, at camera rate."""

from __future__ import annotations

import copy

import cv2
import numpy as np

from ris_ros.tracking.frames import FramePyramid
from ris_ros.tracking.motion import IDENTITY, NO_MOTION, PointTracker, compose, rescale_motion, transform_points
from ris_ros.tracking.template import Template, Visibility
from ris_ros.tracking.thresholds import COLOUR_NOISE_SHARE, MIN_TRUSTED_MATCH


class Track:
    """A masked object, tracked from one frame on.

    Parameters
    ----------
    frame : the frame of the mask
    mask : bool [H, W], not empty

    Attributes
    ----------
    motion : float64 [2, 3], since that frame, in pixels of the reduced frame
    visibility : of the object in the newest frame
    frame_motion : the motion into the newest frame
    age : frames since that frame

    """

    motion: np.ndarray
    visibility: Visibility
    _static_motion: np.ndarray  # `motion`, if it has not moved against the background since it was last well visible
    _seen_motion: np.ndarray    # `motion` when it was last well visible

    def __init__(self, frame: FramePyramid, mask: np.ndarray):
        self._scale, self._shape = frame.scale, mask.shape
        self.frame_motion = NO_MOTION
        self.age = 0
        self._set_template(frame, mask, IDENTITY, frame)
        self._points = PointTracker(frame.grey, self._visible_small(frame))

    def confirm(self, keyframe: FramePyramid, mask: np.ndarray, motion: np.ndarray, frame: FramePyramid) -> None:
        """Adopt a mask that was verified in an earlier frame.

        Parameters
        ----------
        keyframe : the earlier frame
        mask : bool [H, W], of the object in it
        motion : float64 [2, 3], from there to the newest frame, in pixels of the reduced frame
        frame : the newest frame

        """
        self._set_template(keyframe, mask, motion, frame)
        self._points.add_target_points(self._visible_small(frame))

    def reinitialize(self, frame: FramePyramid) -> Track:
        """Return a track of the object at the same position, with newly selected points in a frame."""
        track = copy.copy(self)
        track._points = PointTracker(frame.grey, self._visible_small(frame))
        track.age = 0
        return track

    def relocalize(self, frame: FramePyramid, radius: float, min_visibility: float) -> Track | None:
        """Search for the object by its colours.

        Parameters
        ----------
        frame : the frame to search
        radius : distance from its position in this track, pixels of the reduced frame
        min_visibility : share of the object that must be visible

        Returns
        -------
        A new track of the object where it is most visible; None if that is less than `min_visibility`.

        """
        # Rotations of the background accumulate larger errors than its shifts. A camera that returns sees the object in
        # its earlier orientation.
        best = None
        for linear in (self.motion[:, :2], self._seen_motion[:, :2], np.eye(2)):
            start = np.column_stack([linear, self.centre() - linear @ self._template.centre])
            motion = self._template.search(frame.small, start, radius)
            if motion is None:
                continue
            visibility = self._template.compare(frame.small, motion)
            if visibility.share >= min_visibility:
                best, min_visibility = (motion, visibility), visibility.share
        if best is None:
            return None
        track = copy.copy(self)
        track.motion, track.visibility = best
        return track.reinitialize(frame)

    def advance(self, frame: FramePyramid) -> None:
        """Track the object into the next frame."""
        self.frame_motion = self._points.advance(frame.grey)
        self.motion = compose(self.frame_motion.target, self.motion)
        self.visibility = self._compare(frame)
        self._static_motion = compose(self.frame_motion.background, self._static_motion)
        if self.frame_motion.is_target_measured and self.visibility.unoccluded >= MIN_TRUSTED_MATCH:
            self._static_motion = self._seen_motion = self.motion
        self.age += 1
        if (self._points.needs_target_points and self.frame_motion.is_target_measured
                and self.visibility.share >= MIN_TRUSTED_MATCH):
            self._points.add_target_points(self._visible_small(frame))
        elif self._points.needs_background_points:
            self._points.select_background_points(self._extent_small(frame))

    def attach_to_background(self, frame: FramePyramid, *, was_static: bool) -> None:
        """Let the object move with the background from now on, and if it was static, since it was last well visible.

        An occluder that moves may drag the last points of an object along with it.
        """
        self._points.drop_target_points()
        if was_static:
            self.motion = self._static_motion
            self.visibility = self._template.compare(frame.small, self.motion)

    @property
    def is_distinctive(self) -> bool:
        """Whether its colours differ from those around it."""
        return self._template.is_distinctive

    def extent(self) -> np.ndarray:
        """Return the mask of the whole object, bool [H, W], including its occluded part."""
        return _warp(self._mask, rescale_motion(self.motion, self._scale, self._scale), self._shape)

    def mask(self) -> np.ndarray:
        """Return the mask of the object's visible part, bool [H, W]."""
        extent = self.extent()
        if self.visibility.unoccluded < 1 - COLOUR_NOISE_SHARE:
            extent &= ~self._template.occlusion(self.visibility, self.motion, self._shape, self._scale)
        return extent

    def centre(self) -> np.ndarray:
        """Return the centre of its extent, float64 [2], xy pixels of the reduced frame; may lie outside the frame."""
        return transform_points(self._template.centre[None], self.motion)[0]

    def size(self) -> float:
        """Return the square root of its area, pixels of the reduced frame."""
        return float(self._template.size * np.sqrt(abs(np.linalg.det(self.motion[:, :2]))))

    def _compare(self, frame: FramePyramid) -> Visibility:
        """Return how much of the object is visible in the next frame, to which it has just been moved."""
        return self._template.compare(frame.small, self.motion)

    def _set_template(self, keyframe: FramePyramid, mask: np.ndarray, motion: np.ndarray, frame: FramePyramid) -> None:
        self._mask = mask.astype(np.uint8)
        self._template = Template(keyframe.small, self._reduce(self._mask))
        self.motion = self._static_motion = self._seen_motion = motion
        self.visibility = self._template.compare(frame.small, motion)

    def _reduce(self, mask: np.ndarray) -> np.ndarray:
        """Return a mask, uint8 [H, W], in the size of the reduced frame, bool [h, w]."""
        if self._scale == 1:
            return mask > 0
        height, width = (round(side / self._scale) for side in self._shape)
        return cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA) > 0

    def _extent_small(self, frame: FramePyramid) -> np.ndarray:
        """Return the mask of the whole object in the reduced frame, bool [h, w]."""
        return _warp(self._reduce(self._mask).astype(np.uint8), self.motion, frame.grey.shape)

    def _visible_small(self, frame: FramePyramid) -> np.ndarray:
        """Return the mask of the object's visible part in the reduced frame, bool [h, w]."""
        occlusion = self._template.occlusion(self.visibility, self.motion, frame.grey.shape)
        return self._extent_small(frame) & ~occlusion


def _warp(mask: np.ndarray, motion: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a mask, uint8 [h, w], after a motion, bool of `shape`."""
    return cv2.warpAffine(mask, motion, shape[::-1], flags=cv2.INTER_NEAREST) > 0
