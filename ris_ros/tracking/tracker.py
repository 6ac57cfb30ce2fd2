"""Keeps a chosen object across frames: quick tracking on every one, a slow look by SAM and CLIP whenever it is ready.

On every frame `Tracker.track` carries the mask on by points (`motion`) and checks its colours (`template`), in a few
milliseconds. Beside it, in a thread of its own where that is wanted, a keyframe is examined: SAM cuts the object out
anew, prompted by the carried mask's box and points, and CLIP says whether it still is the object that was chosen
(`identity`). What that finds is true of a frame that is past when it arrives; the motion since then brings it up to
date.

A target that is hidden, out of view or something else by its looks is lost, and said to be. It is then sought where it
should be by the motion of the background; elsewhere only after some patience, and only when a single thing looks like
it. Whatever is found must first behave like the target for a few frames.
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
from ris_ros.tracking.identity import Identity
from ris_ros.tracking.motion import IDENTITY, compose, inverse, moved
from ris_ros.tracking.track import TRUSTED, Picture, Track
from ris_ros.tracking.verification import Keyframe, Verification, features, overlaps, verify
from ris_ros.types import Result, check_image
from ris_ros.utils.masks import mask_box

if TYPE_CHECKING:
    from ris_ros.segmenter import ReferringSegmenter

HISTORY = 150
"""Frames kept while a lost target is sought; a verification that comes later than that is of no use."""
AGREEMENT, LEAST_AGREEMENT = 0.85, 0.5
"""IoU with the carried mask from which on SAM's mask replaces it: without question, and if its look is as good."""
APART = 0.3
"""IoU with the target up to which something in the first image is another thing, and no part or whole of it."""
WHOLE = 0.85
"""Share of the target that must be seen for its look and extent to be judged and learnt anew."""
DOUBTS = 2
"""Keyframes in a row that must look like something else before the target counts as lost."""
RETURN, HALF, STEADY = 0.9, 0.5, 0.02
"""Share of a lost target whose colours must be back in its place for it to be back; less if it changes little."""
SURE = 0.3
"""Of its size: how uncertain its place may be for that to count."""
PROBATION = 5
"""Frames for which something found again must behave like the target before it is taken for it."""
STRAY = 0.35
"""Of its size: how far something found again may move otherwise than the target's place meanwhile."""
SMALLER = 0.7
"""Of its size: how small something found again may be; a smaller one may be a part of it that is seen already."""
NEAR = 0.75
"""Of its size: how far from its place a lost target is looked for."""
SLIP = 0.1
"""Of the way that a lost target's place has gone in the picture: by how much it has become uncertain."""


@dataclass(frozen=True, eq=False)
class TrackedObject:
    """The target in one frame.

    Attributes
    ----------
    found : whether it is seen; if not, it is lost
    mask : bool [H, W], what is seen of it; all False while it is lost
    box : float32 [4], xyxy pixels; zeros while it is lost
    confidence : 0..1, the share of it that looks as it did, times its likeness when it was last examined
    event : "lost" or "regained" in the frame where that happens, else empty
    reason : why it is lost; empty while it is found

    """

    found: bool
    mask: np.ndarray
    box: np.ndarray
    confidence: float
    event: str = ""
    reason: str = ""


class Tracker:
    """Follows one object.

    `track` costs milliseconds and `verify` as long as SAM and CLIP take, so that it may run beside the others, in
    another thread. Whoever calls the follower itself has both done for a frame.

    Parameters
    ----------
    segmenter : whose proposer and encoder verify keyframes

    """

    def __init__(self, segmenter: ReferringSegmenter):
        self._segmenter = segmenter
        self._lock = threading.Lock()
        self._track: Track | None = None
        self._keyframes = 0

    @property
    def config(self) -> FollowingConfig:
        """The settings, those of the segmenter."""
        return self._segmenter.config.following

    def start(self, image: np.ndarray, mask: np.ndarray, stamp: float = 0.0, *, others: np.ndarray | None = None
              ) -> TrackedObject:
        """Begin with an object that was just found.

        Parameters
        ----------
        image : uint8 RGB [H, W, 3]
        mask : bool [H, W], of the object
        stamp : seconds
        others : bool [N, H, W], of other things in the image, none empty, from which the object is to be told; None
            asks the proposer for them

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
        others = others[overlaps(others, mask) < APART]
        identity = Identity(features(self._segmenter, image, np.concatenate([mask[None], others])))
        return self._begin(image, mask, stamp, identity)

    def start_from(self, result: Result, image: np.ndarray, stamp: float = 0.0) -> TrackedObject:
        """Begin with what the segmenter has just found in an image, uint8 RGB [H, W, 3]; costs next to nothing.

        Raises
        ------
        InputError
            When that was not one object.

        """
        if len(result.instances) != 1:
            raise InputError(f"one object can be followed, not {len(result.instances)}")
        [chosen] = result.instances
        apart = overlaps(self._segmenter.proposals.masks, chosen.mask) < APART
        looks = self._segmenter.visual_features()
        identity = Identity(torch.cat([looks[chosen.index][None], looks[torch.from_numpy(apart).to(looks.device)]]))
        return self._begin(image, chosen.mask, stamp, identity)

    def _begin(self, image: np.ndarray, mask: np.ndarray, stamp: float, identity: Identity) -> TrackedObject:
        with self._lock:
            self._identity = identity
            self._picture, self._stamp = Picture.of(image), stamp
            self._track = Track(self._picture, mask)
            self._likeness = 1.0
            self._doubts = 0
            self._drift = 0.0           # Its motion against the background lately, pixels a frame.
            self._lost = self._event = ""
            self._lost_at = stamp
            self._still = True          # Whether it stood still against the background when it was lost.
            self._slip = 0.0            # Pixels by which its place may be wrong since.
            self._visible = 0.0         # How much of it had its colours in its place a frame ago,
            self._back = 0              # and for how many frames that was enough.
            self._candidate: Track | None = None        # What was found again and is on probation.
            self._candidate_start = np.zeros(2)         # Its middle then,
            self._candidate_place = IDENTITY            # and how the background has moved since.
            self._since: np.ndarray | None = None       # The motion since the keyframe that is being examined.
            self._history: deque[Picture] = deque(maxlen=HISTORY + 1)   # The frames since then.
            return self._state()

    def __call__(self, image: np.ndarray, stamp: float) -> TrackedObject:
        """Track and verify one frame, uint8 RGB [H, W, 3], and wait for it."""
        event = self.track(image, stamp).event
        if (keyframe := self.keyframe()) is not None:
            self.take(self.verify(keyframe))
        return self.state(event)

    def state(self, event: str = "") -> TrackedObject:
        """The target in the newest frame once more, as a verification may have changed it since it was tracked."""
        with self._lock:
            self._event = self._event or event
            return self._state()

    def track(self, image: np.ndarray, stamp: float) -> TrackedObject:
        """Go on to the next frame, uint8 RGB [H, W, 3] of the size of the first, taken at `stamp`, seconds.

        Raises
        ------
        InputError
            When nothing was started, or the image has another size.

        """
        check_image(image)
        if self._track is None:
            raise InputError("nothing to follow: call start first")
        if image.shape != self._picture.image.shape:
            raise InputError(f"the frame is {image.shape[1]} x {image.shape[0]} pixels, the first one was "
                             f"{self._picture.image.shape[1]} x {self._picture.image.shape[0]}")
        picture = Picture.of(image)
        with self._lock:
            self._picture, self._stamp = picture, stamp
            self._track.advance(picture)
            if self._since is not None:
                self._since = compose(self._track.step.target, self._since)
                if self._lost:
                    self._history.append(picture)
            if self._lost:
                self._when_lost()
            else:
                self._when_found()
            return self._state()

    def keyframe(self) -> Keyframe | None:
        """The newest frame, to be examined; None when there is nothing in it yet to look for.

        A verification about any earlier one is of no use from now on.
        """
        with self._lock:
            place, reach, scope = self._track.middle(), self._reach(), "here"
            if self._lost:
                scope = "near" if self._stamp - self._lost_at < self.config.patience else "everywhere"
                height, width = self._picture.grey.shape
                if scope == "near" and not ((place > -reach) & (place < (width + reach, height + reach))).all():
                    return None
            self._keyframes += 1
            self._since = IDENTITY
            self._history.clear()
            extent = self._track.extent()
            seen = extent if self._lost else self._track.mask()
            return Keyframe(self._keyframes, self._picture, scope, seen, extent & ~seen, self._track.view.visible,
                            place, reach)

    def verify(self, keyframe: Keyframe) -> Verification:
        """Look at a keyframe with SAM and CLIP; changes nothing here."""
        return verify(self._segmenter, keyframe)

    def take(self, verification: Verification) -> None:
        """Take over what an verification brought; it shows from the next frame on."""
        with self._lock:
            keyframe = verification.keyframe
            if keyframe.number != self._keyframes or self._since is None:
                return
            since, self._since = self._since, None
            if keyframe.scope == "here" and not self._lost:
                self._confirm(verification, since)
            elif (keyframe.scope != "here" and self._lost and self._candidate is None
                  and len(self._history) <= HISTORY):
                self._consider(verification)

    # While it is seen

    def _when_found(self) -> None:
        step, view = self._track.step, self._track.view
        if step.supported and step.anchored and view.seen >= TRUSTED:
            self._drift += 0.2 * (_apart(self._track.middle(), step.target, step.background) - self._drift)
        if view.in_view < self.config.min_visible:
            self._lose("it left the view")
        elif view.visible < self.config.min_visible:
            self._lose("it is hidden")

    def _confirm(self, verification: Verification, since: np.ndarray) -> None:
        """Judge the target, and learn it anew, by a keyframe since which it has moved by `since`."""
        if verification.keyframe.visible < WHOLE:
            return  # Half a thing looks like nothing in particular.
        likeness, rivalry = self._identity.likeness(verification.features), self._identity.rivalry(verification.features)
        # A mask cut anew may be of a part of the target, or of it and a neighbour.
        better = verification.agreement >= AGREEMENT or (
            verification.agreement >= LEAST_AGREEMENT and likeness[-1] >= likeness[0])
        mask = -1 if better else 0
        if not self._is_alike(likeness, rivalry)[mask]:
            self._doubts += 1
            if self._doubts >= DOUBTS:
                self._lose("it looks like something else")
            return
        self._doubts = 0
        self._likeness = float(likeness[mask])
        if self._track.view.visible >= WHOLE:
            self._track.examined(verification.keyframe.picture, verification.masks[mask], since, self._picture)
            self._identity.adapt(verification.features[mask], self.config.min_identity)

    def _lose(self, reason: str) -> None:
        self._event = "lost"
        self._lost, self._lost_at = reason, self._stamp
        self._still = self._drift < 0.02 * self._track.size()
        self._slip = 0.0
        self._candidate = None
        self._back = 0
        self._visible = 0.0
        self._track.release(self._picture, still=self._still)

    # While it is lost

    def _when_lost(self) -> None:
        step, track = self._track.step, self._track
        self._slip += SLIP * _apart(track.middle(), step.target, IDENTITY)
        if not step.anchored:
            self._slip += SLIP * track.size()
        if self._candidate is not None:
            self._candidate.advance(self._picture)
            self._candidate_place = compose(step.background, self._candidate_place)
            if not self._candidate_behaves():
                self._candidate = None
            elif self._candidate.age >= PROBATION:
                self._regain(self._candidate)
        if self._lost and track.is_distinctive:
            self._look_for_colours()

    def _look_for_colours(self) -> None:
        """See whether its colours are back; whether they are its own is for the next keyframe to judge."""
        track = self._track
        visible, before = track.view.visible, self._visible
        self._visible = visible
        if self._slip < SURE * track.size() and (
                visible >= RETURN or (visible >= HALF and abs(visible - before) < STEADY)):
            self._back += 1
            if self._back >= PROBATION:
                self._regain(track.again(self._picture))
            return
        self._back = 0
        # Where its place is not known well, a double would do as well.
        if self._candidate is None and self._identity.twin < self.config.min_identity:
            found = track.sought(self._picture, self._reach(), RETURN)
            if found is not None:
                self._try(found)

    def _reach(self) -> float:
        """How far from its place a lost target may be, pixels of the small picture."""
        return NEAR * self._track.size() + self._slip

    def _regain(self, track: Track) -> None:
        self._track, self._candidate = track, None
        self._lost, self._event = "", "regained"
        self._drift = 0.0
        self._doubts = DOUBTS - 1
        self._since = None

    def _consider(self, verification: Verification) -> None:
        """Put on probation what may be the target, if something in a keyframe may."""
        if not len(verification.masks):
            return
        keyframe, masks = verification.keyframe, verification.masks
        likeness, rivalry = self._identity.likeness(verification.features), self._identity.rivalry(verification.features)
        scale = keyframe.picture.scale
        size = np.sqrt(np.count_nonzero(masks, axis=(1, 2))) / scale / self._track.size()
        alike = self._is_alike(likeness, rivalry) & (size > SMALLER) & (size < 1 / SMALLER)
        boxes = np.stack([mask_box(mask) for mask in masks])
        middles = (boxes[:, :2] + boxes[:, 2:] - scale) / 2 / scale
        distance = np.linalg.norm(middles - keyframe.place, axis=1)
        near = alike & (distance < keyframe.reach)
        if near.any():
            # Of several masks of one thing the most like it, of several things the closest.
            chosen = int(np.where(near, distance / self._track.size() - likeness, np.inf).argmin())
        elif keyframe.scope == "everywhere" and alike.any() and self._identity.twin < self.config.min_identity:
            chosen = int(np.where(alike, likeness, -np.inf).argmax())
            if (alike & (overlaps(masks, masks[chosen]) < APART)).any():
                return
        else:
            return
        self._try(Track(keyframe.picture, masks[chosen]))
        for picture in self._history:
            self._candidate.advance(picture)
            self._candidate_place = compose(self._candidate.step.background, self._candidate_place)
        self._likeness = float(likeness[chosen])
        if not self._candidate_behaves():
            self._candidate = None

    def _try(self, candidate: Track) -> None:
        self._candidate, self._candidate_start, self._candidate_place = candidate, candidate.middle(), IDENTITY

    def _candidate_behaves(self) -> bool:
        """Whether the candidate is still seen, and stays in its place if the target did."""
        candidate = self._candidate
        if candidate.view.visible < HALF:
            return False
        apart = np.linalg.norm(candidate.middle() - moved(self._candidate_start[None], self._candidate_place)[0])
        return not self._still or apart < STRAY * candidate.size() + self._slip / 2

    # Both

    def _is_alike(self, likeness: np.ndarray, rivalry: np.ndarray) -> np.ndarray:
        """Which masks look like the target, and no less so than like the other things that were beside it."""
        # Where one of those is the target's double, looks cannot decide and must not pretend to.
        return (likeness >= self.config.min_identity) & (rivalry <= np.maximum(likeness, self._identity.twin))

    def _state(self) -> TrackedObject:
        event, self._event = self._event, ""
        if self._lost:
            mask = np.zeros(self._picture.image.shape[:2], bool)
            return TrackedObject(False, mask, np.zeros(4, np.float32), 0.0, event, self._lost)
        mask = self._track.mask()
        confidence = float(np.clip(self._track.view.visible * self._likeness, 0, 1))
        return TrackedObject(True, mask, mask_box(mask).astype(np.float32), confidence, event)


def _apart(point: np.ndarray, motion: np.ndarray, other: np.ndarray) -> float:
    """How far one motion has brought what is now at a point [2] from where another would have."""
    start = moved(point[None], inverse(motion))
    return float(np.linalg.norm(point - moved(start, other)[0]))
