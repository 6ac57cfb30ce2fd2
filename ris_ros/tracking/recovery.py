"""Recovery of a lost target: where it is searched for, and when a candidate counts as the target again."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from ris_ros.config import FollowingConfig
from ris_ros.tracking.frames import FramePyramid
from ris_ros.tracking.motion import IDENTITY, compose, motion_distance, transform_points
from ris_ros.tracking.target import Target
from ris_ros.tracking.thresholds import (
    LOCATION_UNCERTAINTY_RATE,
    MAX_CANDIDATE_DRIFT,
    MAX_DISTRACTOR_IOU,
    MAX_RETURN_CHANGE,
    MAX_RETURN_UNCERTAINTY,
    MIN_CANDIDATE_SIZE,
    MIN_RETURN_VISIBILITY,
    PROBATION_FRAMES,
    SEARCH_RADIUS_SIZES,
    SURE_RETURN_VISIBILITY,
)
from ris_ros.tracking.track import Track
from ris_ros.tracking.verification import Verification
from ris_ros.utils.masks import mask_box, mask_ious


class Recovery:
    """The search for a target, from the frame in which it is lost.

    The target is searched for by its colours on every frame, and by its appearance in keyframes. A match becomes a
    candidate, which must behave like the target for a few frames.

    Parameters
    ----------
    target : the target; its track moves with the background from now on
    reason : why it is lost

    """

    def __init__(self, target: Target, reason: str):
        self.reason = reason
        self._target = target
        self._lost_stamp = target.stamp
        self._was_static = target.is_static
        self._uncertainty = 0.0  # of its location, pixels
        self._last_visibility = 0.0
        self._return_frames = 0  # in a row in which its colours were back at its location
        self._candidate: _Candidate | None = None
        target.track.attach_to_background(target.frame, was_static=self._was_static)

    @property
    def has_candidate(self) -> bool:
        """Whether a candidate is on probation."""
        return self._candidate is not None

    @property
    def search_radius(self) -> float:
        """The distance from its location within which the target may be, pixels of the reduced frame."""
        return SEARCH_RADIUS_SIZES * self._target.track.size() + self._uncertainty

    def scope(self, patience: float) -> str:
        """Return where to search: "near" its location for the first `patience` seconds, then "everywhere"."""
        return "near" if self._target.stamp - self._lost_stamp < patience else "everywhere"

    def is_in_reach(self) -> bool:
        """Return whether the target may be near enough to the frame to be visible in it."""
        location, radius = self._target.track.centre(), self.search_radius
        height, width = self._target.frame.grey.shape
        return bool(((location > -radius) & (location < (width + radius, height + radius))).all())

    def advance(self, config: FollowingConfig) -> Track | None:
        """Search the newest frame; return the track of the target when it is found again."""
        track, frame = self._target.track, self._target.frame
        motion = track.frame_motion
        self._uncertainty += LOCATION_UNCERTAINTY_RATE * motion_distance(track.centre(), motion.target, IDENTITY)
        if not motion.is_background_measured:
            self._uncertainty += LOCATION_UNCERTAINTY_RATE * track.size()
        if self._candidate is not None:
            self._candidate.advance(frame, motion.background)
            if not self._is_plausible(self._candidate):
                self._candidate = None
            elif self._candidate.track.age >= PROBATION_FRAMES:
                return self._candidate.track
        return self._search_colours(config) if track.is_distinctive else None

    def consider(self, verification: Verification, frames: Iterable[FramePyramid], config: FollowingConfig) -> None:
        """Choose a candidate among the masks of a keyframe, if one may be the target.

        Parameters
        ----------
        verification : of a keyframe since which the target has been lost
        frames : the frames since then
        config : the settings

        """
        if not len(verification.masks):
            return
        similarity = self._target.appearance.similarity(verification.features)
        chosen = self._choose(verification, similarity, config)
        if chosen is None:
            return
        candidate = _Candidate(Track(verification.keyframe.frame, verification.masks[chosen]))
        for frame in frames:
            candidate.advance(frame)
        self._target.similarity = float(similarity[chosen])
        self._candidate = candidate if self._is_plausible(candidate) else None

    def _search_colours(self, config: FollowingConfig) -> Track | None:
        """Search for the target's colours; the next keyframe verifies a match.

        Returns
        -------
        A track of the target if its colours are back at its location. If they are found elsewhere, or its location is
        uncertain, the match becomes the candidate.

        """
        track, frame = self._target.track, self._target.frame
        visibility, last_visibility = track.visibility.share, self._last_visibility
        self._last_visibility = visibility
        if self._uncertainty < MAX_RETURN_UNCERTAINTY * track.size() and (
                visibility >= SURE_RETURN_VISIBILITY or
                (visibility >= MIN_RETURN_VISIBILITY and abs(visibility - last_visibility) < MAX_RETURN_CHANGE)):
            self._return_frames += 1
            return track.reinitialize(frame) if self._return_frames >= PROBATION_FRAMES else None
        self._return_frames = 0
        if self._candidate is None and self._is_unique(config):
            found = track.relocalize(frame, self.search_radius, SURE_RETURN_VISIBILITY)
            if found is not None:
                self._candidate = _Candidate(found)
        return None

    def _choose(self, verification: Verification, similarity: np.ndarray, config: FollowingConfig) -> int | None:
        """Return the index of the mask that may be the target; None where none is, or several are."""
        keyframe, masks, target_size = verification.keyframe, verification.masks, self._target.track.size()
        scale = keyframe.frame.scale
        relative_size = np.sqrt(np.count_nonzero(masks, axis=(1, 2))) / scale / target_size
        may_be_target = self._target.resembles(verification, similarity, config.min_identity) & (
            relative_size > MIN_CANDIDATE_SIZE) & (relative_size < 1 / MIN_CANDIDATE_SIZE)
        boxes = np.stack([mask_box(mask) for mask in masks])
        centres = (boxes[:, :2] + boxes[:, 2:] - scale) / 2 / scale
        distance = np.linalg.norm(centres - keyframe.location, axis=1)
        is_near = may_be_target & (distance < keyframe.search_radius)
        if is_near.any():
            # Among several masks of one object prefer the most similar, among several objects the closest.
            return int(np.where(is_near, distance / target_size - similarity, np.inf).argmin())
        if keyframe.scope != "everywhere" or not may_be_target.any() or not self._is_unique(config):
            return None
        chosen = int(np.where(may_be_target, similarity, -np.inf).argmax())
        is_ambiguous = (may_be_target & (mask_ious(masks, masks[chosen]) < MAX_DISTRACTOR_IOU)).any()
        return None if is_ambiguous else chosen

    def _is_unique(self, config: FollowingConfig) -> bool:
        """Return whether no distractor looks like the target, so that appearance alone identifies it."""
        return self._target.appearance.hardest_negative < config.min_identity

    def _is_plausible(self, candidate: _Candidate) -> bool:
        """Return whether a candidate is still visible, and stands still if the target did."""
        if candidate.track.visibility.share < MIN_RETURN_VISIBILITY:
            return False
        max_drift = MAX_CANDIDATE_DRIFT * candidate.track.size() + self._uncertainty / 2
        return not self._was_static or candidate.drift() < max_drift


class _Candidate:
    """An object on probation: it may be the lost target."""

    def __init__(self, track: Track):
        self.track = track
        self._start = track.centre()
        self._background = IDENTITY  # its motion since then

    def advance(self, frame: FramePyramid, background: np.ndarray | None = None) -> None:
        """Track it into the next frame; `background` [2, 3] is the motion there, None to measure it."""
        self.track.advance(frame)
        background = self.track.frame_motion.background if background is None else background
        self._background = compose(background, self._background)

    def drift(self) -> float:
        """Return how far it has moved against the background, pixels of the reduced frame."""
        expected = transform_points(self._start[None], self._background)[0]
        return float(np.linalg.norm(self.track.centre() - expected))
