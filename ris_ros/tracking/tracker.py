"""Tracking of a chosen object: fast propagation on every frame, and slower verification of keyframes in parallel.

On every frame `Tracker.track` propagates the mask by tracked points (`motion`) and checks its colours (`template`), in
a few milliseconds. In parallel, possibly on another thread, a keyframe is verified (`verification`): SAM segments the
object again, prompted with the box and points of the propagated mask, and CLIP features are compared with those of the
chosen object (`appearance`). The result concerns an earlier frame; the motion since then brings it up to date.

With `following.method` sam2 the mask of each frame comes from SAM 2's video memory (`video_memory`, `memory_track`).

A target that is occluded, out of view or no longer similar is lost (`target`), and reported as lost. It is then
searched for where the motion of the background predicts it, and after some time in the whole image, if no distractor
looks like it. A candidate must first behave like the target for a few frames (`recovery`).
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ris_ros.config import FollowingConfig
from ris_ros.errors import InputError
from ris_ros.tracking.appearance import AppearanceModel
from ris_ros.tracking.frames import FramePyramid, Keyframe
from ris_ros.tracking.motion import IDENTITY, compose
from ris_ros.tracking.recovery import Recovery
from ris_ros.tracking.target import Target
from ris_ros.tracking.thresholds import MAX_DISTRACTOR_IOU, MAX_HISTORY_FRAMES
from ris_ros.tracking.track import Track
from ris_ros.tracking.verification import Verification, encode_masks, verify
from ris_ros.tracking.video_memory import load_memory
from ris_ros.types import Result, check_image
from ris_ros.utils.masks import mask_box, mask_ious

if TYPE_CHECKING:
    from ris_ros.segmenter import ReferringSegmenter


@dataclass(frozen=True, eq=False)
class TrackedObject:
    """The target in one frame.

    Attributes
    ----------
    found : whether the target is visible; if not, it is lost
    mask : bool [H, W], its visible part; all False while it is lost
    box : float32 [4], xyxy pixels; zeros while it is lost
    confidence : 0..1, the share of it that is visible, times its similarity when it was last verified
    event : "lost" or "regained" in the frame in which that happens, else empty
    reason : why it is lost; empty while it is found

    """

    found: bool
    mask: np.ndarray
    box: np.ndarray
    confidence: float
    event: str = ""
    reason: str = ""


class Tracker:
    """Tracks one object through frames.

    `track` takes milliseconds. `verify` takes as long as SAM and CLIP do; it does not change the tracker and may run on
    another thread, in parallel with the other methods. Calling the tracker itself does both for a frame.

    Parameters
    ----------
    segmenter : its proposer and encoder verify keyframes

    Raises
    ------
    InputError, MissingError
        If the settings ask for SAM 2's video memory, and its model cannot be loaded.

    """

    def __init__(self, segmenter: ReferringSegmenter):
        self._segmenter = segmenter
        self._memory = load_memory(segmenter)
        self._lock = threading.Lock()
        self._target: Target | None = None
        self._recovery: Recovery | None = None  # while the target is lost
        self._event = ""
        self._keyframe_count = 0
        # Since the keyframe that is being verified: the target's motion and, while it is lost, the frames.
        self._keyframe_motion: np.ndarray | None = None
        self._keyframe_history: deque[FramePyramid] = deque(maxlen=MAX_HISTORY_FRAMES + 1)

    @property
    def config(self) -> FollowingConfig:
        """The settings, those of the segmenter."""
        return self._segmenter.config.following

    def start(self, image: np.ndarray, mask: np.ndarray, stamp: float = 0.0, *, others: np.ndarray | None = None
              ) -> TrackedObject:
        """Start with an object whose mask is given.

        Parameters
        ----------
        image : uint8 RGB [H, W, 3]
        mask : bool [H, W], of the object
        stamp : seconds
        others : bool [N, H, W], of other objects in the image, none empty, from which appearance must distinguish the
            target; None to propose them

        Raises
        ------
        InputError
            When image and mask do not fit each other, or the mask is empty.

        """
        check_image(image)
        if mask.shape != image.shape[:2] or mask.dtype != np.bool_ or not mask.any():
            raise InputError(f"the mask to follow must be bool {list(image.shape[:2])} and not empty")
        if others is None:
            others = self._segmenter.set_image(image).masks
        distractors = others[mask_ious(others, mask) < MAX_DISTRACTOR_IOU]
        features = encode_masks(self._segmenter, image, np.concatenate([mask[None], distractors]))
        return self._start(image, mask, stamp, AppearanceModel(features))

    def start_from(self, result: Result, image: np.ndarray, stamp: float = 0.0) -> TrackedObject:
        """Start with the segmenter's last result, on an image uint8 RGB [H, W, 3]; reuses its features, so it is fast.

        Raises
        ------
        InputError
            When the result is not exactly one object.

        """
        if len(result.instances) != 1:
            raise InputError(f"one object can be followed, not {len(result.instances)}")
        [chosen] = result.instances
        features, proposals = self._segmenter.visual_features(), self._segmenter.proposals
        assert proposals is not None  # where there are features
        is_distractor = mask_ious(proposals.masks, chosen.mask) < MAX_DISTRACTOR_IOU
        # Masks that were added for a query, by a search or a detector, and early ones are not among the image's own.
        own = (features[chosen.index][None] if chosen.index < len(features) and not result.early
               else encode_masks(self._segmenter, image, chosen.mask[None]))
        appearance = AppearanceModel(torch.cat([own, features[torch.from_numpy(is_distractor).to(features.device)]]))
        return self._start(image, chosen.mask, stamp, appearance)

    def __call__(self, image: np.ndarray, stamp: float) -> TrackedObject:
        """Track one frame, uint8 RGB [H, W, 3], taken at `stamp`, seconds, and verify it at once."""
        event = self.track(image, stamp).event
        if (keyframe := self.next_keyframe()) is not None:
            self.apply(self.verify(keyframe))
        return self.state(event)

    def state(self, event: str = "") -> TrackedObject:
        """Return the target in the newest frame, as a verification may have changed it since it was tracked.

        Parameters
        ----------
        event : reported if no other event has happened since

        """
        with self._lock:
            self._event = self._event or event
            return self._report(self._started())

    def track(self, image: np.ndarray, stamp: float) -> TrackedObject:
        """Track the target into the next frame.

        Parameters
        ----------
        image : uint8 RGB [H, W, 3], of the size of the first
        stamp : seconds

        Raises
        ------
        InputError
            When tracking was not started, or the image has another size.

        """
        check_image(image)
        first = self._started().frame.image
        if image.shape != first.shape:
            raise InputError(f"the frame is {image.shape[1]} x {image.shape[0]} pixels, the first one was "
                             f"{first.shape[1]} x {first.shape[0]}")
        frame = FramePyramid.from_image(image)
        with self._lock:
            target = self._started()
            target.advance(frame, stamp)
            if self._keyframe_motion is not None:
                self._keyframe_motion = compose(target.track.frame_motion.target, self._keyframe_motion)
                if self._recovery is not None:
                    self._keyframe_history.append(frame)
            if self._recovery is None:
                self._lose(target, target.check_visibility(self.config.min_visible))
            elif (track := self._recovery.advance(self.config)) is not None:
                self._regain(target, track)
            return self._report(target)

    def next_keyframe(self) -> Keyframe | None:
        """Return the newest frame as a keyframe to verify; None when the target cannot be in it.

        Verifications of earlier keyframes are ignored from now on.
        """
        with self._lock:
            target, recovery = self._started(), self._recovery
            scope, search_radius = "here", 0.0
            if recovery is not None:
                scope, search_radius = recovery.scope(self.config.patience), recovery.search_radius
                if scope == "near" and not recovery.is_in_reach():
                    return None
            self._keyframe_count += 1
            self._keyframe_motion = IDENTITY
            self._keyframe_history.clear()
            extent = target.track.extent()
            visible = target.track.mask() if recovery is None else extent
            return Keyframe(self._keyframe_count, target.frame, scope, visible, extent & ~visible,
                            target.track.visibility.share, target.track.centre(), search_radius)

    def verify(self, keyframe: Keyframe) -> Verification:
        """Verify a keyframe with SAM and CLIP; the tracker does not change until the verification is applied."""
        return verify(self._segmenter, keyframe)

    def apply(self, verification: Verification) -> None:
        """Apply a verification, with effect from the next frame on; an outdated one is ignored."""
        with self._lock:
            target, recovery, keyframe = self._started(), self._recovery, verification.keyframe
            if keyframe.number != self._keyframe_count or self._keyframe_motion is None:
                return
            motion, self._keyframe_motion = self._keyframe_motion, None
            if recovery is None and keyframe.scope == "here":
                self._lose(target, target.confirm(verification, motion, self.config))
            elif (recovery is not None and keyframe.scope != "here" and not recovery.has_candidate
                    and len(self._keyframe_history) <= MAX_HISTORY_FRAMES):
                recovery.consider(verification, self._keyframe_history, self.config)

    def _start(self, image: np.ndarray, mask: np.ndarray, stamp: float, appearance: AppearanceModel) -> TrackedObject:
        with self._lock:
            self._target = Target(FramePyramid.from_image(image), mask, appearance, stamp, self._memory)
            self._recovery, self._event = None, ""
            self._keyframe_motion = None
            self._keyframe_history.clear()
            return self._report(self._target)

    def _started(self) -> Target:
        if self._target is None:
            raise InputError("nothing to follow: call start first")
        return self._target

    def _lose(self, target: Target, reason: str) -> None:
        """Start to search for the target if it is lost for a reason; do nothing if the reason is empty."""
        if reason:
            self._event = "lost"
            self._recovery = Recovery(target, reason)

    def _regain(self, target: Target, track: Track) -> None:
        self._event = "regained"
        self._recovery = None
        self._keyframe_motion = None
        target.restore(track)

    def _report(self, target: Target) -> TrackedObject:
        """Return the target in the newest frame, with the event since the last report."""
        event, self._event = self._event, ""
        if self._recovery is not None:
            mask = np.zeros(target.frame.image.shape[:2], bool)
            return TrackedObject(False, mask, np.zeros(4, np.float32), 0.0, event, self._recovery.reason)
        mask = target.track.mask()
        return TrackedObject(True, mask, mask_box(mask).astype(np.float32), target.confidence, event)
