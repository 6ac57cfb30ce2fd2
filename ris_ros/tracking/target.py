"""State of a tracked target, and the criteria by which it counts as lost."""

from __future__ import annotations

import numpy as np

from ris_ros.config import FollowingConfig
from ris_ros.tracking.appearance import AppearanceModel
from ris_ros.tracking.frames import FramePyramid
from ris_ros.tracking.memory_track import MemoryTrack
from ris_ros.tracking.motion import motion_distance
from ris_ros.tracking.thresholds import (
    DRIFT_UPDATE_RATE,
    MAX_MISMATCHES,
    MAX_STATIC_DRIFT,
    MIN_MASK_IOU,
    MIN_TRUSTED_MATCH,
    MIN_VERIFIED_VISIBILITY,
    SURE_MASK_IOU,
)
from ris_ros.tracking.track import Track
from ris_ros.tracking.verification import Verification
from ris_ros.tracking.video_memory import VideoMemory


class Target:
    """The tracked object: its position, appearance and motion.

    Parameters
    ----------
    frame : the frame it was chosen in
    mask : bool [H, W], not empty
    appearance : its features, and those of the other objects in that frame
    stamp : seconds
    memory : SAM 2's, which then gives the object's mask in each frame; None to propagate the mask by points

    Attributes
    ----------
    track : its track
    frame, stamp : the newest frame
    appearance : as given, updated by keyframes
    similarity : -1..1, to the target as it was chosen, when a mask of it was last verified

    """

    def __init__(self, frame: FramePyramid, mask: np.ndarray, appearance: AppearanceModel, stamp: float,
                 memory: VideoMemory | None = None):
        self.track = Track(frame, mask) if memory is None else MemoryTrack(frame, mask, memory)
        self._memory = memory
        self.frame, self.stamp = frame, stamp
        self.appearance = appearance
        self.similarity = 1.0
        self._mismatches = 0  # consecutive keyframes that do not resemble it
        self._drift = 0.0     # recent motion against the background, pixels a frame

    @property
    def is_static(self) -> bool:
        """Whether it has stood still against the background recently."""
        return self._drift < MAX_STATIC_DRIFT * self.track.size()

    @property
    def confidence(self) -> float:
        """The share of it that is visible, times its similarity, 0..1."""
        return float(np.clip(self.track.visibility.share * self.similarity, 0, 1))

    def advance(self, frame: FramePyramid, stamp: float) -> None:
        """Track it into the next frame."""
        self.frame, self.stamp = frame, stamp
        self.track.advance(frame)

    def check_visibility(self, min_visible: float) -> str:
        """Update the drift, and return why the target is lost in the newest frame; empty if it is not.

        Parameters
        ----------
        min_visible : share of it that must be visible

        """
        motion, visibility = self.track.frame_motion, self.track.visibility
        if (motion.is_target_measured and motion.is_background_measured
                and visibility.unoccluded >= MIN_TRUSTED_MATCH):
            distance = motion_distance(self.track.centre(), motion.target, motion.background)
            self._drift += DRIFT_UPDATE_RATE * (distance - self._drift)
        if visibility.in_view < min_visible:
            return "it left the view"
        if visibility.share < min_visible:
            return "it is hidden"
        return ""

    def confirm(self, verification: Verification, motion: np.ndarray, config: FollowingConfig) -> str:
        """Confirm the target by a keyframe, and adopt the mask and the appearance that were verified.

        Parameters
        ----------
        verification : of a keyframe with scope "here"
        motion : float64 [2, 3], of the target since that keyframe
        config : the settings

        Returns
        -------
        Why the target is lost; empty if it is not.

        """
        # The features of a half-occluded object are not reliable; but a memory may have jumped to a smaller one.
        has_jumped = isinstance(self.track, MemoryTrack) and self.track.is_displaced
        if verification.keyframe.visibility < MIN_VERIFIED_VISIBILITY and not has_jumped:
            return ""
        similarity = self.appearance.similarity(verification.features)
        # A new mask may be of a part of the target, or of the target and its neighbour.
        is_better = verification.agreement >= SURE_MASK_IOU or (
            verification.agreement >= MIN_MASK_IOU and similarity[-1] >= similarity[0])
        chosen = -1 if is_better else 0
        if not self.resembles(verification, similarity, config.min_identity)[chosen]:
            self._mismatches += 1
            if self._mismatches < MAX_MISMATCHES:
                return ""
            if isinstance(self.track, MemoryTrack):
                self.track.distrust()
            return "it looks like something else"
        self._mismatches = 0
        self.similarity = float(similarity[chosen])
        if self.track.visibility.share >= MIN_VERIFIED_VISIBILITY:
            self.track.confirm(verification.keyframe.frame, verification.masks[chosen], motion, self.frame)
            self.appearance.update(verification.features[chosen], config.min_identity)
        return ""

    def resembles(self, verification: Verification, similarity: np.ndarray, min_similarity: float) -> np.ndarray:
        """Return which masks resemble the target, and none of its distractors more.

        Parameters
        ----------
        verification : of N masks
        similarity : float64 [N], of its masks to the target
        min_similarity : how similar they must be

        Returns
        -------
        bool [N]

        """
        # If a distractor looks the same as the target, appearance cannot distinguish them and must not decide.
        max_similarity = np.maximum(similarity, self.appearance.hardest_negative)
        is_own = self.appearance.distractor_similarity(verification.features) <= max_similarity
        return (similarity >= min_similarity) & is_own

    def restore(self, track: Track) -> None:
        """Resume with the track of a target that was lost and is found again."""
        if self._memory is None or (isinstance(track, MemoryTrack) and track.is_trusted):
            self.track = track
        elif isinstance(self.track, MemoryTrack) and self.track.shows(track.mask()):
            self.track = self.track.reinitialize(self.frame)
        else:
            self.track = MemoryTrack(self.frame, track.mask(), self._memory)
        self._drift = 0.0
        # A single keyframe that does not resemble it is then enough to lose it again.
        self._mismatches = MAX_MISMATCHES - 1
