"""How a target looked when it was last examined, and which parts of it can be seen now."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ris_ros.tracking.motion import compose, moved, scaled
from ris_ros.utils.masks import mask_box

GRID = 48
"""Cells along each side of the box in which looks are compared, whatever the target's size."""
TOLERANCE = 16.0
"""Distance in CIE L*a*b*, lightness counted half, at which a cell looks like something else."""
MISTAKEN = 0.5
"""Share of the target that its surroundings may show too, if its colours are to tell that it is seen."""

SOUGHT = 16.0
"""Pixels to which the square root of the target's area is reduced when it is sought by its colours."""


@dataclass(frozen=True, eq=False)
class View:
    """What can be seen of a target.

    Attributes
    ----------
    alike : bool [GRID, GRID], the cells of the target that look as they did
    in_view : 0..1, the share of the target inside the picture
    seen : 0..1, the share of that part that looks as it did

    """

    alike: np.ndarray
    in_view: float
    seen: float

    @property
    def visible(self) -> float:
        """0..1, the share of the target that is seen."""
        return self.in_view * self.seen


class Template:
    """The colours of a masked object, cell by cell.

    Parameters
    ----------
    image : uint8 RGB [h, w, 3]
    mask : bool [h, w]

    Attributes
    ----------
    size : the square root of the object's area, pixels
    middle : float64 [2], the middle of its box, pixels
    is_distinctive : whether its colours tell it from its surroundings on all sides

    """

    def __init__(self, image: np.ndarray, mask: np.ndarray):
        x1, y1, x2, y2 = (float(edge) for edge in mask_box(mask))
        # From cells to pixels; the middle of the first cell is (0, 0).
        self._placement = np.array([[(x2 - x1) / GRID, 0, x1 + (x2 - x1) / GRID / 2 - 0.5],
                                    [0, (y2 - y1) / GRID, y1 + (y2 - y1) / GRID / 2 - 0.5]])
        inside = _sample(mask.astype(np.uint8) * 255, self._placement) > 127
        self.inside = inside if inside.any() else np.ones_like(inside)
        self._look = _look(image, self._placement)
        self.size = float(np.sqrt(max(mask.sum(), 1)))
        beside = [self.compare(image, np.array([[1, 0, dx * (x2 - x1)], [0, 1, dy * (y2 - y1)]]))
                  for dx, dy in ((0.8, 0), (-0.8, 0), (0, 0.8), (0, -0.8))]
        self.is_distinctive = all(view.seen < MISTAKEN for view in beside)
        self.middle = np.array([(x1 + x2 - 1) / 2, (y1 + y2 - 1) / 2])

    def compare(self, image: np.ndarray, motion: np.ndarray) -> View:
        """The view of the target in an image [h, w, 3] after a motion [2, 3] since its template was taken."""
        placement = compose(motion, self._placement)
        height, width = image.shape[:2]
        cells = moved(np.stack(np.meshgrid(np.arange(GRID), np.arange(GRID)), axis=-1).reshape(-1, 2), placement)
        within = ((cells > -0.5) & (cells < (width - 0.5, height - 0.5))).all(axis=1).reshape(GRID, GRID)
        within &= self.inside
        in_view = within.sum() / self.inside.sum()
        if not within.any():
            return View(within, 0.0, 0.0)
        difference = _look(image, placement) - self._look
        # Light that changes as a whole, mostly in lightness, is no other look.
        difference -= np.clip(np.median(difference[within], axis=0), (-12, -4, -4), (12, 4, 4))
        alike = within & (np.linalg.norm(difference, axis=2) < TOLERANCE)
        # Slivers along the edges come from turning, not from something in between.
        alike = within & (cv2.blur(alike.astype(np.float32), (5, 5)) >
                          0.4 * cv2.blur(within.astype(np.float32), (5, 5)))
        return View(alike, float(in_view), float(alike.sum() / within.sum()))

    def search(self, image: np.ndarray, motion: np.ndarray, reach: float) -> np.ndarray | None:
        """Where in an image [h, w, 3] its colours are best met, up to `reach` pixels from its place by a motion [2, 3].

        The motion that brings it there; None where so much of that region is outside the image that it has no room.
        """
        scale = np.sqrt(abs(np.linalg.det(motion[:, :2])))
        middle, shape = moved(self.middle[None], motion)[0], image.shape[1::-1]
        half = scale * GRID / 2 * np.diag(self._placement)
        low = np.clip(np.floor(middle - half - reach), 0, shape).astype(int)
        high = np.clip(np.ceil(middle + half + reach), 0, shape).astype(int)
        coarse = SOUGHT / max(scale * self.size, 1.0)
        sides = [np.maximum(np.round(coarse * extent), 1).astype(int) for extent in (2 * half, high - low)]
        if (sides[1] < sides[0]).any():
            return None
        look, inside = (cv2.resize(what, sides[0].tolist(), interpolation=cv2.INTER_AREA)
                        for what in (self._look, self.inside.astype(np.float32)))
        region = cv2.resize(image[low[1]:high[1], low[0]:high[0]], sides[1].tolist(), interpolation=cv2.INTER_AREA)
        distance = cv2.matchTemplate(_lab(region.astype(np.float32) / 255), look, cv2.TM_SQDIFF,
                                     mask=np.repeat((inside > 0.5).astype(np.float32)[..., None], 3, axis=2))
        row, column = np.unravel_index(distance.argmin(), distance.shape)
        found = low + (np.array([column, row]) + sides[0] / 2 - 0.5) * (high - low) / sides[1]
        return compose(np.column_stack([np.eye(2), found - middle]), motion)

    def hidden(self, view: View, motion: np.ndarray, shape: tuple[int, int], scale: float = 1.0) -> np.ndarray:
        """Where, bool [h, w] of `shape`, something else is seen in the target's place.

        `scale` is the size of the picture that is asked for, in pixels of the template's.
        """
        hidden = (self.inside & ~view.alike).astype(np.uint8)
        placement = scaled(compose(motion, self._placement), 1.0, scale)
        return cv2.warpAffine(hidden, placement, shape[::-1], flags=cv2.INTER_NEAREST) > 0


def _look(image: np.ndarray, placement: np.ndarray) -> np.ndarray:
    """CIE L*a*b* float32 [GRID, GRID, 3], lightness halved, somewhat blurred."""
    return _lab(cv2.blur(_sample(image, placement).astype(np.float32) / 255, (3, 3)))


def _lab(colours: np.ndarray) -> np.ndarray:
    look = cv2.cvtColor(colours, cv2.COLOR_RGB2LAB)
    look[..., 0] /= 2
    return look


def _sample(image: np.ndarray, placement: np.ndarray) -> np.ndarray:
    return cv2.warpAffine(image, placement, (GRID, GRID), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                          borderMode=cv2.BORDER_REPLICATE)
