"""Motion of a target and of the background from one frame to the next, from corner points (pyramidal Lucas-Kanade).

A point belongs to the target until it is no longer found or moves differently from the rest. A point that is selected
later belongs to it only when it has moved with the target for TRIAL_FRAMES frames. An occluder therefore removes points
but never adds any, even if it looks the same, as long as it moves differently.

A motion is a similarity transform, float64 [2, 3], of xy pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from ris_ros.tracking.thresholds import (
    BACKGROUND_POINTS,
    CORNER_QUALITY,
    MAX_FORWARD_BACKWARD_PIXELS,
    MAX_MOTION_ERROR_PIXELS,
    MIN_BACKGROUND_POINTS,
    MIN_MOTION_POINTS,
    MIN_TARGET_POINTS,
    PATCH_PIXELS,
    PYRAMID_LEVELS,
    TARGET_POINTS,
    TRIAL_FRAMES,
)

IDENTITY = np.eye(2, 3)
"""The motion of a static object."""

_FLOW_OPTIONS: dict[str, Any] = {
    "winSize": (PATCH_PIXELS, PATCH_PIXELS), "maxLevel": PYRAMID_LEVELS,
    "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 15, 0.03)}


@dataclass(frozen=True, eq=False)
class FrameMotion:
    """The motion from one frame to the next.

    Attributes
    ----------
    target, background : float64 [2, 3], from pixels of the first frame to pixels of the second
    target_points : number of points left on the target
    is_target_measured : whether its motion was measured by them; if not, it is assumed to move with the background
    is_background_measured : whether its motion was measured by points; if not, it is assumed to be static

    """

    target: np.ndarray
    background: np.ndarray
    target_points: int
    is_target_measured: bool
    is_background_measured: bool


NO_MOTION = FrameMotion(IDENTITY, IDENTITY, 0, False, False)
"""The motion of a target that has been seen in one frame only."""


class PointTracker:
    """Tracks points of a target and of the background through frames, uint8 grey [h, w], all of one size.

    Parameters
    ----------
    grey : the first frame
    mask : bool [h, w], the target in it

    """

    def __init__(self, grey: np.ndarray, mask: np.ndarray):
        self._grey = grey
        self._target = _select_target_points(grey, mask)
        self._trial = self._target[:0]
        self._trial_expected = self._target[:0]  # positions of the points on trial after the target's motion
        self._trial_age = 0
        self.select_background_points(mask)

    def add_target_points(self, mask: np.ndarray) -> None:
        """Put new points on trial in the target's mask, bool [h, w], of the newest frame; drop points outside it."""
        around = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        self._target = self._target[_is_within(self._target, around)]
        is_within = _is_within(self._trial, around)
        self._trial, self._trial_expected = self._trial[is_within], self._trial_expected[is_within]
        # A trial in progress is not restarted, even if points are added often.
        if not len(self._trial):
            self._trial = self._trial_expected = _select_target_points(self._grey, mask)
            self._trial_age = 0

    def select_background_points(self, mask: np.ndarray) -> None:
        """Select new background points outside a mask, bool [h, w], of the newest frame."""
        # Corners of the halved frame are good enough, at a quarter of the cost.
        outside = ~cv2.dilate(mask[::2, ::2].astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool)
        halved = cv2.resize(self._grey, outside.shape[::-1], interpolation=cv2.INTER_AREA)
        self._background = 2 * _detect_corners(halved, outside, BACKGROUND_POINTS) + 0.5

    def drop_target_points(self) -> None:
        """Drop the target's points, so that from now on it moves with the background."""
        self._target = self._trial = self._trial_expected = self._target[:0]

    def advance(self, grey: np.ndarray) -> FrameMotion:
        """Track the points into the next frame, uint8 grey [h, w], and return the motion to it."""
        parts = self._target, self._background, self._trial
        moved_points, is_tracked = _track_points(self._grey, grey, np.concatenate(parts))
        ends = np.cumsum([len(part) for part in parts])[:2]
        target, background, trial = np.split(moved_points, ends)
        target_tracked, background_tracked, trial_tracked = np.split(is_tracked, ends)
        self._grey = grey

        fitted, background_inliers = _estimate_similarity(self._background, background, background_tracked)
        is_background_measured = fitted is not None and bool(background_inliers.sum() >= MIN_MOTION_POINTS)
        background_motion = fitted if fitted is not None and is_background_measured else IDENTITY
        fitted, target_inliers = _estimate_similarity(self._target, target, target_tracked)
        is_target_measured = fitted is not None and bool(target_inliers.sum() >= MIN_MOTION_POINTS)
        target_motion = fitted if fitted is not None and is_target_measured else background_motion
        self._background = background[background_inliers]
        self._target = target[target_inliers if is_target_measured else target_tracked]
        self._advance_trial(trial, trial_tracked, target_motion)
        return FrameMotion(target_motion, background_motion, len(self._target), is_target_measured,
                           is_background_measured)

    def _advance_trial(self, trial: np.ndarray, is_tracked: np.ndarray, target_motion: np.ndarray) -> None:
        expected = transform_points(self._trial_expected, target_motion).astype(np.float32)
        is_tracked &= np.linalg.norm(trial - expected, axis=1) < MAX_MOTION_ERROR_PIXELS
        self._trial, self._trial_expected = trial[is_tracked], expected[is_tracked]
        self._trial_age += 1
        if self._trial_age == TRIAL_FRAMES:
            # Older points are kept up to the maximum number.
            room = max(TARGET_POINTS - len(self._trial), 0)
            self._target = np.concatenate([self._trial, self._target[:room]])
            self._trial = self._trial_expected = self._trial[:0]

    @property
    def target_points(self) -> np.ndarray:
        """The points that belong to the target, float32 [N, 2], xy pixels of the newest frame."""
        return self._target

    @property
    def needs_target_points(self) -> bool:
        """Whether the target has too few points left and none on trial, so that new ones should be added."""
        return len(self._target) < MIN_TARGET_POINTS and not len(self._trial)

    @property
    def needs_background_points(self) -> bool:
        """Whether the background has too few points left, so that new ones should be selected."""
        return len(self._background) < MIN_BACKGROUND_POINTS


def compose(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return the composition [2, 3] of two motions: `first`, then `second`."""
    return second @ np.vstack([first, (0, 0, 1)])


def transform_points(points: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Return points [N, 2] transformed by a motion [2, 3]."""
    return points @ motion[:, :2].T + motion[:, 2]


def invert(motion: np.ndarray) -> np.ndarray:
    """Return the inverse [2, 3] of a motion."""
    linear = np.linalg.inv(motion[:, :2])
    return np.column_stack([linear, -linear @ motion[:, 2]])


def rescale_motion(motion: np.ndarray, source: float, destination: float) -> np.ndarray:
    """Return a motion [2, 3] between images that were enlarged by these factors; the first pixel's centre is (0, 0)."""
    def enlarge(factor: float) -> np.ndarray:
        return np.array([[factor, 0, (factor - 1) / 2], [0, factor, (factor - 1) / 2]])
    return compose(compose(enlarge(destination), motion), enlarge(1 / source))


def motion_distance(point: np.ndarray, motion: np.ndarray, other: np.ndarray) -> float:
    """Return the distance in pixels between a point [2] after `motion` and the same point after `other` instead."""
    start = transform_points(point[None], invert(motion))
    return float(np.linalg.norm(point - transform_points(start, other)[0]))


def _is_within(points: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return which points [N, 2] lie in a mask, bool [h, w]."""
    columns, rows = np.clip(np.round(points).astype(int), 0, np.array(mask.shape[::-1]) - 1).T
    return mask[rows, columns]


def _select_target_points(grey: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return points, float32 [N, 2], on a target, half of them well inside its mask and half near its edge."""
    # The strongest corners are at the edge, but there a part of the patch is background, which moves differently.
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)[1:-1, 1:-1]
    inside = depth > min(PATCH_PIXELS / 2, depth.max() / 3)
    return np.concatenate([_detect_corners(grey, part, TARGET_POINTS // 2) for part in (inside, mask & ~inside)])


def _detect_corners(grey: np.ndarray, mask: np.ndarray, max_corners: int) -> np.ndarray:
    """Return corner points, float32 [N, 2], spread over a mask, bool [h, w]."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return np.zeros((0, 2), np.float32)
    y1, y2, x1, x2 = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    min_distance = max(2.0, 0.5 * np.sqrt(mask.sum() / max_corners))
    points = cv2.goodFeaturesToTrack(np.ascontiguousarray(grey[y1:y2, x1:x2]), max_corners, CORNER_QUALITY,
                                     min_distance, mask=mask[y1:y2, x1:x2].astype(np.uint8))
    if points is None:
        return np.zeros((0, 2), np.float32)
    return points.reshape(-1, 2) + np.array((x1, y1), np.float32)


def _track_points(before: np.ndarray, after: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return points [N, 2] in the next frame, and which of them pass the forward-backward test, bool [N]."""
    if not len(points):
        return points, np.zeros(0, bool)
    forward, forward_status, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points, None, **_FLOW_OPTIONS)  # type: ignore[call-overload]
    backward, backward_status, _ = cv2.calcOpticalFlowPyrLK(
        after, before, forward, points.copy(), flags=cv2.OPTFLOW_USE_INITIAL_FLOW, **_FLOW_OPTIONS)
    is_tracked = (forward_status & backward_status).ravel().astype(bool)
    is_tracked &= np.linalg.norm(backward - points, axis=1) < MAX_FORWARD_BACKWARD_PIXELS
    height, width = after.shape
    is_tracked &= ((forward >= 0) & (forward < (width, height))).all(axis=1)
    return forward, is_tracked


def _estimate_similarity(before: np.ndarray, after: np.ndarray, is_tracked: np.ndarray
                         ) -> tuple[np.ndarray | None, np.ndarray]:
    """Estimate the motion [2, 3] of the tracked points [N, 2] by RANSAC.

    Returns
    -------
    The motion, None if there is none, and its inliers, bool [N].

    """
    is_inlier = np.zeros(len(before), bool)
    if is_tracked.sum() < 2:
        return None, is_inlier
    motion, inliers = cv2.estimateAffinePartial2D(
        before[is_tracked], after[is_tracked], method=cv2.RANSAC, ransacReprojThreshold=MAX_MOTION_ERROR_PIXELS,
        maxIters=200)
    if motion is None:
        return None, is_inlier
    is_inlier[np.flatnonzero(is_tracked)] = inliers.ravel().astype(bool)
    return motion, is_inlier
