"""How a target and what is behind it move from one frame to the next, from corner points (pyramidal Lucas-Kanade).

A point belongs to the target until it can no longer be found or moves otherwise than the rest, and one that is chosen
later belongs to it only when it has moved with the target for TRIAL frames. What passes in front of the target
therefore takes points away and gains none, however alike the two look, as long as they move apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

TARGET_POINTS, BACKGROUND_POINTS = 60, 80
WINDOW, LEVELS = 15, 3
"""Side of the compared patches, pixels, and halvings of the image: points may move about 60 pixels a frame."""
ROUND_TRIP = 0.7
"""Pixels by which a point may miss its origin when it is tracked there and back (Kalal et al., ICPR 2010)."""
AGREEMENT = 1.5
"""Pixels by which a point may stray from the motion of the rest, in a frame or during its trial."""
FEWEST = 4
"""Points that make a motion; with fewer on the target, it is taken to move with what is around it."""
TRIAL = 5
"""Frames for which a point must move with the target to belong to it."""

IDENTITY = np.eye(2, 3)

_CRITERIA = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 15, 0.03)


@dataclass(frozen=True, eq=False)
class Step:
    """The motion between two frames.

    Attributes
    ----------
    target, background : float64 [2, 3], from pixels of the frame before to pixels of this one
    points : how many points the target has left
    supported : whether they gave its motion; if not, it is taken to move with the background
    anchored : whether points of the background gave the background's; if not, it is taken to stand still

    """

    target: np.ndarray
    background: np.ndarray
    points: int
    supported: bool
    anchored: bool


class PointMotion:
    """Follows points through frames, uint8 grey [h, w], all of one size.

    Parameters
    ----------
    grey : the first frame
    mask : bool [h, w], the target in it

    """

    def __init__(self, grey: np.ndarray, mask: np.ndarray):
        self._grey = grey
        self._target = _spread(grey, mask)
        self._trial = self._target[:0]          # Points on trial,
        self._expected = self._target[:0]       # where the target's motion would have brought them,
        self._tried = 0                         # and for how many frames.
        self.choose_background(mask)

    def choose(self, mask: np.ndarray) -> None:
        """Put new points on trial in the target's mask, bool [h, w], of the newest frame; points outside it go."""
        around = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        self._target = self._target[_within(self._target, around)]
        still = _within(self._trial, around)
        self._trial, self._expected = self._trial[still], self._expected[still]
        # A trial that goes on must come to its end, however often points are chosen.
        if not len(self._trial):
            self._trial = self._expected = _spread(self._grey, mask)
            self._tried = 0

    def choose_background(self, mask: np.ndarray) -> None:
        """Choose points anew outside a mask, bool [h, w], of the newest frame."""
        # Corners of the halved image do, and cost a quarter.
        outside = ~cv2.dilate(mask[::2, ::2].astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
        halved = cv2.resize(self._grey, outside.shape[::-1], interpolation=cv2.INTER_AREA)
        self._background = 2 * _corners(halved, outside, BACKGROUND_POINTS) + 0.5

    def release(self) -> None:
        """Give up the target's points: from now on it moves with the background."""
        self._target = self._trial = self._expected = self._target[:0]

    def step(self, grey: np.ndarray) -> Step:
        """The motion to the next frame."""
        parts = self._target, self._background, self._trial
        after, kept = _track(self._grey, grey, np.concatenate(parts))
        ends = np.cumsum([len(part) for part in parts])[:2]
        (target, background, trial), kept = np.split(after, ends), np.split(kept, ends)
        self._grey = grey

        behind, steady = _similarity(self._background, background, kept[1])
        anchored = behind is not None and steady.sum() >= FEWEST
        if not anchored:
            behind = IDENTITY
        motion, agreeing = _similarity(self._target, target, kept[0])
        supported = motion is not None and agreeing.sum() >= FEWEST
        if not supported:
            motion = behind
        self._background = background[steady]
        self._target = target[agreeing if supported else kept[0]]
        self._try(trial, kept[2], motion)
        return Step(motion, behind, len(self._target), supported, anchored)

    def _try(self, trial: np.ndarray, kept: np.ndarray, motion: np.ndarray) -> None:
        expected = moved(self._expected, motion).astype(np.float32)
        kept &= np.linalg.norm(trial - expected, axis=1) < AGREEMENT
        self._trial, self._expected = trial[kept], expected[kept]
        self._tried += 1
        if self._tried == TRIAL:
            # Of the older points as many stay as there is room for.
            room = max(TARGET_POINTS - len(self._trial), 0)
            self._target = np.concatenate([self._trial, self._target[:room]])
            self._trial = self._expected = self._trial[:0]

    @property
    def is_thin(self) -> bool:
        """Whether so many of the target's points are gone that new ones should be tried, if none are."""
        return len(self._target) < TARGET_POINTS // 3 and not len(self._trial)

    @property
    def background_is_thin(self) -> bool:
        """Whether so many points of the background are gone that they should be chosen anew."""
        return len(self._background) < BACKGROUND_POINTS // 2


def compose(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The motion [2, 3] that does `first` and then `second`."""
    return second @ np.vstack([first, (0, 0, 1)])


def moved(points: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Points [N, 2] after a motion [2, 3]."""
    return points @ motion[:, :2].T + motion[:, 2]


def inverse(motion: np.ndarray) -> np.ndarray:
    """The motion [2, 3] that undoes another."""
    linear = np.linalg.inv(motion[:, :2])
    return np.column_stack([linear, -linear @ motion[:, 2]])


def scaled(motion: np.ndarray, source: float, destination: float) -> np.ndarray:
    """A motion [2, 3] between pictures that were enlarged by these factors; the first pixel's middle is (0, 0)."""
    def enlarge(factor: float) -> np.ndarray:
        return np.array([[factor, 0, (factor - 1) / 2], [0, factor, (factor - 1) / 2]])
    return compose(compose(enlarge(destination), motion), enlarge(1 / source))


def _within(points: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Which points [N, 2] lie in a mask, bool [h, w]."""
    columns, rows = np.clip(np.round(points).astype(int), 0, np.array(mask.shape[::-1]) - 1).T
    return mask[rows, columns]


def _spread(grey: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Points float32 [N, 2] for a target, half of them well inside its mask and half near its rim."""
    # The strongest corners are on the rim, but there a part of the patch is background, which moves otherwise.
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)[1:-1, 1:-1]
    inside = depth > min(WINDOW / 2, depth.max() / 3)
    return np.concatenate([_corners(grey, part, TARGET_POINTS // 2) for part in (inside, mask & ~inside)])


def _corners(grey: np.ndarray, mask: np.ndarray, most: int) -> np.ndarray:
    """Corner points float32 [N, 2] in a mask, spread over it."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return np.zeros((0, 2), np.float32)
    y1, y2, x1, x2 = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    apart = max(2.0, 0.5 * np.sqrt(mask.sum() / most))
    points = cv2.goodFeaturesToTrack(np.ascontiguousarray(grey[y1:y2, x1:x2]), most, 0.005, apart,
                                     mask=mask[y1:y2, x1:x2].astype(np.uint8))
    return np.zeros((0, 2), np.float32) if points is None else points.reshape(-1, 2) + np.float32((x1, y1))


def _track(before: np.ndarray, after: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where points [N, 2] have gone, and which of them return to their origin when tracked back."""
    if not len(points):
        return points, np.zeros(0, bool)
    options = {"winSize": (WINDOW, WINDOW), "maxLevel": LEVELS, "criteria": _CRITERIA}
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, points, None, **options)
    back, returned, _ = cv2.calcOpticalFlowPyrLK(after, before, there, points.copy(),
                                                 flags=cv2.OPTFLOW_USE_INITIAL_FLOW, **options)
    kept = (found & returned).ravel().astype(bool)
    kept &= np.linalg.norm(back - points, axis=1) < ROUND_TRIP
    height, width = after.shape
    kept &= ((there >= 0) & (there < (width, height))).all(axis=1)
    return there, kept


def _similarity(before: np.ndarray, after: np.ndarray, kept: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """The similarity [2, 3] that most of the kept points agree with, if any, and which points those are."""
    agree = np.zeros(len(before), bool)
    if kept.sum() < 2:
        return None, agree
    motion, inliers = cv2.estimateAffinePartial2D(before[kept], after[kept], method=cv2.RANSAC,
                                                  ransacReprojThreshold=AGREEMENT, maxIters=200)
    if motion is None:
        return None, agree
    agree[np.flatnonzero(kept)] = inliers.ravel().astype(bool)
    return motion, agree
