"""One thing followed through frames at camera rate, from the frame it was masked in."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import cv2
import numpy as np

from ris_ros.tracking.motion import IDENTITY, PointMotion, Step, compose, moved, scaled
from ris_ros.tracking.template import Template

SIDE = 640
"""Pixels of the longer side of the pictures that are compared; larger ones are reduced."""
NOISE = 0.02
"""Share of the cells that may differ without anything being in front."""
TRUSTED = 0.85
"""Share of the target that must look as it did for its own motion to be believed when it is then hidden."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A frame as tracking needs it.

    Attributes
    ----------
    image : uint8 RGB [H, W, 3], as it came
    small : the same, at most SIDE pixels along its longer side
    grey : uint8 [h, w], of the small one
    scale : pixels of `image` for one of `small`

    """

    image: np.ndarray
    small: np.ndarray
    grey: np.ndarray
    scale: float

    @classmethod
    def of(cls, image: np.ndarray) -> Picture:
        """The picture of an image, uint8 RGB [H, W, 3]."""
        longer = max(image.shape[:2])
        small = np.ascontiguousarray(image)
        if longer > SIDE:
            small = cv2.resize(small, [max(1, round(side * SIDE / longer)) for side in image.shape[1::-1]],
                               interpolation=cv2.INTER_AREA)
        return cls(image, small, cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), image.shape[1] / small.shape[1])


class Track:
    """A masked thing, from one picture on.

    Parameters
    ----------
    picture : the frame it was masked in
    mask : bool [H, W], not empty

    Attributes
    ----------
    motion : float64 [2, 3], in pixels of the small picture, since that frame
    view : what is seen of it in the newest frame
    step : how it moved last; None before it did
    age : frames since that frame

    """

    def __init__(self, picture: Picture, mask: np.ndarray):
        self._scale, self._shape = picture.scale, mask.shape
        self.step: Step | None = None
        self.age = 0
        self._learn(picture, mask, IDENTITY, picture)
        self._points = PointMotion(picture.grey, self._seen_small(picture))

    def examined(self, picture: Picture, mask: np.ndarray, motion: np.ndarray, now: Picture) -> None:
        """Take over a mask, bool [H, W], of an earlier picture, from which it has gone through `motion` until `now`."""
        self._learn(picture, mask, motion, now)
        self._points.choose(self._seen_small(now))

    def _learn(self, picture: Picture, mask: np.ndarray, motion: np.ndarray, now: Picture) -> None:
        self._mask = mask.astype(np.uint8)
        self._template = Template(picture.small, self._reduced(self._mask))
        self.motion = self._place = motion
        self._seen_as = motion[:, :2]
        self.view = self._template.compare(now.small, motion)

    def again(self, picture: Picture) -> Track:
        """The same thing where this track has it now, with points chosen anew on what is seen of it in a picture."""
        track = copy.copy(self)
        track._points = PointMotion(picture.grey, self._seen_small(picture))
        track.age = 0
        return track

    def sought(self, picture: Picture, reach: float, least: float) -> Track | None:
        """The same thing where its colours are met in a picture, `reach` pixels of the small one or less from here.

        None where less than the share `least` of it is seen there.
        """
        # The background's turns do not add up as well as its shifts, and a camera that looks back shows what it showed.
        best = None
        for turn in (self.motion[:, :2], self._seen_as, np.eye(2)):
            motion = np.column_stack([turn, self.middle() - turn @ self._template.middle])
            motion = self._template.search(picture.small, motion, reach)
            view = None if motion is None else self._template.compare(picture.small, motion)
            if view is not None and view.visible >= least:
                best, least = (motion, view), view.visible
        if best is None:
            return None
        track = copy.copy(self)
        track.motion, track.view = best
        return track.again(picture)

    def advance(self, picture: Picture) -> None:
        """Go on to the next frame."""
        self.step = self._points.step(picture.grey)
        self.motion = compose(self.step.target, self.motion)
        self.view = self._template.compare(picture.small, self.motion)
        # Where it would be if it had stood still against the background since it was last seen well.
        self._place = compose(self.step.background, self._place)
        if self.step.supported and self.view.seen >= TRUSTED:
            self._place, self._seen_as = self.motion, self.motion[:, :2]
        self.age += 1
        if self._points.is_thin and self.step.supported and self.view.visible >= TRUSTED:
            self._points.choose(self._seen_small(picture))
        elif self._points.background_is_thin:
            self._points.choose_background(self._extent_small(picture))

    def release(self, picture: Picture, *, still: bool) -> None:
        """Let it move with the background from now on, and if it stood still, since it was last seen well.

        The last points that are left on a thing may be dragged along by what passes in front of it.
        """
        self._points.release()
        if still:
            self.motion = self._place
            self.view = self._template.compare(picture.small, self.motion)

    @property
    def is_distinctive(self) -> bool:
        """Whether its colours tell it from what was beside it."""
        return self._template.is_distinctive

    def extent(self) -> np.ndarray:
        """Where it is, bool [H, W], whether it can be seen there or not."""
        return self._warped(self._mask, scaled(self.motion, self._scale, self._scale), self._shape)

    def mask(self) -> np.ndarray:
        """Where it is seen, bool [H, W]."""
        extent = self.extent()
        if self.view.seen < 1 - NOISE:
            extent &= ~self._template.hidden(self.view, self.motion, self._shape, self._scale)
        return extent

    def middle(self) -> np.ndarray:
        """The middle of its extent, (x, y) in pixels of the small picture, where that may lie outside it."""
        return moved(self._template.middle[None], self.motion)[0]

    def size(self) -> float:
        """The square root of its area, in pixels of the small picture."""
        return float(self._template.size * np.sqrt(abs(np.linalg.det(self.motion[:, :2]))))

    def _reduced(self, mask: np.ndarray) -> np.ndarray:
        if self._scale == 1:
            return mask > 0
        height, width = (round(side / self._scale) for side in self._shape)
        return cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA) > 0

    def _extent_small(self, picture: Picture) -> np.ndarray:
        return self._warped(self._reduced(self._mask).astype(np.uint8), self.motion, picture.grey.shape)

    def _seen_small(self, picture: Picture) -> np.ndarray:
        return self._extent_small(picture) & ~self._template.hidden(self.view, self.motion, picture.grey.shape)

    @staticmethod
    def _warped(mask: np.ndarray, motion: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        return cv2.warpAffine(mask, motion, shape[::-1], flags=cv2.INTER_NEAREST) > 0
