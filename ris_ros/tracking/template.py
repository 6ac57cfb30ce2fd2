"""Colour template of a target at its last verification, and the parts of it that are visible now."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ris_ros.tracking.motion import compose, rescale_motion, transform_points
from ris_ros.tracking.thresholds import (
    GRID_CELLS,
    MAX_COLOUR_DISTANCE,
    MAX_LIGHT_CHANGE,
    MAX_SURROUNDINGS_MATCH,
    MIN_MATCHING_NEIGHBOURS,
    SEARCH_SIZE_PIXELS,
)
from ris_ros.utils.masks import mask_box


@dataclass(frozen=True, eq=False)
class Visibility:
    """How much of a target is visible.

    Attributes
    ----------
    matching : bool [GRID_CELLS, GRID_CELLS], the cells of the target whose colours match the template
    in_view : 0..1, the share of the target inside the frame
    unoccluded : 0..1, the share of that part whose colours match the template; the rest counts as occluded

    """

    matching: np.ndarray
    in_view: float
    unoccluded: float

    @property
    def share(self) -> float:
        """The share of the target that is visible, 0..1."""
        return self.in_view * self.unoccluded


class Template:
    """The colours of a masked object, cell by cell.

    Parameters
    ----------
    image : uint8 RGB [h, w, 3]
    mask : bool [h, w]

    Attributes
    ----------
    size : the square root of the object's area, pixels
    centre : float64 [2], the centre of its box, xy pixels
    is_distinctive : whether its colours differ from those of its surroundings on all sides

    """

    def __init__(self, image: np.ndarray, mask: np.ndarray):
        x1, y1, x2, y2 = (float(edge) for edge in mask_box(mask))
        # From cells to pixels; the centre of the first cell is (0, 0).
        self._cells_to_pixels = np.array([[(x2 - x1) / GRID_CELLS, 0, x1 + (x2 - x1) / GRID_CELLS / 2 - 0.5],
                                          [0, (y2 - y1) / GRID_CELLS, y1 + (y2 - y1) / GRID_CELLS / 2 - 0.5]])
        inside = _sample_cells(mask.astype(np.uint8) * 255, self._cells_to_pixels) > 127
        self._inside = inside if inside.any() else np.ones_like(inside)
        self._colours = _cell_colours(image, self._cells_to_pixels)
        self.size = float(np.sqrt(max(mask.sum(), 1)))
        self.centre = np.array([(x1 + x2 - 1) / 2, (y1 + y2 - 1) / 2])
        shifted = [self.compare(image, np.array([[1, 0, dx * (x2 - x1)], [0, 1, dy * (y2 - y1)]]))
                   for dx, dy in ((0.8, 0), (-0.8, 0), (0, 0.8), (0, -0.8))]
        self.is_distinctive = all(visibility.unoccluded < MAX_SURROUNDINGS_MATCH for visibility in shifted)

    def compare(self, image: np.ndarray, motion: np.ndarray) -> Visibility:
        """Return the visibility of the target in an image [h, w, 3], after a motion [2, 3] since the template."""
        cells_to_pixels = compose(motion, self._cells_to_pixels)
        height, width = image.shape[:2]
        grid = np.stack(np.meshgrid(np.arange(GRID_CELLS), np.arange(GRID_CELLS)), axis=-1).reshape(-1, 2)
        pixels = transform_points(grid, cells_to_pixels)
        in_view = ((pixels > -0.5) & (pixels < (width - 0.5, height - 0.5))).all(axis=1).reshape(GRID_CELLS, GRID_CELLS)
        in_view &= self._inside
        if not in_view.any():
            return Visibility(in_view, 0.0, 0.0)
        difference = _cell_colours(image, cells_to_pixels) - self._colours
        # A change of the lighting, mostly in lightness, changes all cells by the same amount.
        max_change = np.array(MAX_LIGHT_CHANGE)
        difference -= np.clip(np.median(difference[in_view], axis=0), -max_change, max_change)
        matching = in_view & (np.linalg.norm(difference, axis=2) < MAX_COLOUR_DISTANCE)
        matching = in_view & (cv2.blur(matching.astype(np.float32), (5, 5)) >
                              MIN_MATCHING_NEIGHBOURS * cv2.blur(in_view.astype(np.float32), (5, 5)))
        return Visibility(matching, float(in_view.sum() / self._inside.sum()), float(matching.sum() / in_view.sum()))

    def search(self, image: np.ndarray, motion: np.ndarray, radius: float) -> np.ndarray | None:
        """Search an image for the target's colours.

        Parameters
        ----------
        image : uint8 RGB [h, w, 3]
        motion : float64 [2, 3], to the expected position of the target
        radius : pixels from there within which its centre is searched for

        Returns
        -------
        The motion [2, 3] to the best match. None if so little of the search region is inside the image that the target
        does not fit into it.

        """
        scale = np.sqrt(abs(np.linalg.det(motion[:, :2])))
        centre, shape = transform_points(self.centre[None], motion)[0], image.shape[1::-1]
        half = scale * GRID_CELLS / 2 * np.diag(self._cells_to_pixels)
        low = np.clip(np.floor(centre - half - radius), 0, shape).astype(int)
        high = np.clip(np.ceil(centre + half + radius), 0, shape).astype(int)
        reduction = SEARCH_SIZE_PIXELS / max(scale * self.size, 1.0)
        target_sides, region_sides = (np.maximum(np.round(reduction * extent), 1).astype(int)
                                      for extent in (2 * half, high - low))
        if (region_sides < target_sides).any():
            return None
        colours, inside = (cv2.resize(cells, target_sides.tolist(), interpolation=cv2.INTER_AREA)
                           for cells in (self._colours, self._inside.astype(np.float32)))
        region = cv2.resize(image[low[1]:high[1], low[0]:high[0]], region_sides.tolist(), interpolation=cv2.INTER_AREA)
        distance = cv2.matchTemplate(_to_lab(region.astype(np.float32) / 255), colours, cv2.TM_SQDIFF,
                                     mask=np.repeat((inside > 0.5).astype(np.float32)[..., None], 3, axis=2))
        row, column = np.unravel_index(distance.argmin(), distance.shape)
        found = low + (np.array([column, row]) + target_sides / 2 - 0.5) * (high - low) / region_sides
        return compose(np.column_stack([np.eye(2), found - centre]), motion)

    def occlusion(self, visibility: Visibility, motion: np.ndarray, shape: tuple[int, ...], scale: float = 1.0
                  ) -> np.ndarray:
        """Return the mask of the target's occluded part.

        Parameters
        ----------
        visibility : as `compare` returns it
        motion : float64 [2, 3], since the template
        shape : height and width of the mask to return
        scale : pixels of that mask for one of the template's image

        Returns
        -------
        bool [h, w] of `shape`

        """
        occluded = (self._inside & ~visibility.matching).astype(np.uint8)
        cells_to_pixels = rescale_motion(compose(motion, self._cells_to_pixels), 1.0, scale)
        return cv2.warpAffine(occluded, cells_to_pixels, shape[::-1], flags=cv2.INTER_NEAREST) > 0


def _cell_colours(image: np.ndarray, cells_to_pixels: np.ndarray) -> np.ndarray:
    """Return the colours of cells as CIE L*a*b* with halved L*, float32 [GRID_CELLS, GRID_CELLS, 3], blurred."""
    cells = _sample_cells(image, cells_to_pixels).astype(np.float32) / 255
    return _to_lab(cv2.blur(cells, (3, 3)))


def _to_lab(colours: np.ndarray) -> np.ndarray:
    """Return RGB float32 [h, w, 3] in 0..1 as CIE L*a*b* with halved L*."""
    lab: np.ndarray = cv2.cvtColor(colours, cv2.COLOR_RGB2LAB)
    lab[..., 0] /= 2
    return lab


def _sample_cells(image: np.ndarray, cells_to_pixels: np.ndarray) -> np.ndarray:
    """Return the pixel of an image [h, w, ...] at each cell, [GRID_CELLS, GRID_CELLS, ...]."""
    return cv2.warpAffine(image, cells_to_pixels, (GRID_CELLS, GRID_CELLS),
                          flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)
