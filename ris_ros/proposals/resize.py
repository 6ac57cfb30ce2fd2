"""Coordinate transforms between an image, SAM's square input and its low-resolution logits."""

from __future__ import annotations

import cv2
import numpy as np

INPUT_SIDE = 1024
"""Pixels along the longer side of the network's input; the shorter side is padded at its end."""

LOGIT_STRIDE = 4
"""Input pixels per logit, along each side."""

CELL_STRIDE = 16
"""Input pixels per cell of the embedding, along each side."""


class ResizeTransform:
    """The transform of one image to the network's input (Segment Anything, arXiv 2304.02643, appendix A).

    Parameters
    ----------
    height, width : of the image, pixels
    keep_aspect : False to stretch the image to a square, as SAM 2 does

    Attributes
    ----------
    input_size : (width, height) of the image in the network's input, before padding, pixels
    scale : float64 [2], input pixels per image pixel along x and y
    logit_shape : (rows, columns) of the logits that the image covers
    cell_shape : (rows, columns) of the cells that the image covers

    """

    def __init__(self, height: int, width: int, *, keep_aspect: bool = True):
        self.height, self.width = height, width
        scale = INPUT_SIDE / max(height, width)
        self.input_size = (max(1, round(width * scale)), max(1, round(height * scale))) if keep_aspect \
            else (INPUT_SIDE, INPUT_SIDE)
        self.scale = np.array(self.input_size) / (width, height)
        self.logit_shape = -(-self.input_size[1] // LOGIT_STRIDE), -(-self.input_size[0] // LOGIT_STRIDE)
        self.cell_shape = -(-self.input_size[1] // CELL_STRIDE), -(-self.input_size[0] // CELL_STRIDE)

    def resize(self, image: np.ndarray) -> np.ndarray:
        """Return the image, uint8 [H, W, 3], at its size in the network's input, without padding."""
        # Bilinear sampling would alias where the image shrinks.
        shrinks = self.input_size[0] < self.width
        return cv2.resize(np.ascontiguousarray(image), self.input_size,
                          interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)

    def resize_logits(self, logits: np.ndarray, min_area: float = 0) -> np.ndarray:
        """Return the masks of logits at the size of the image: interpolated bilinearly, then cut at 0.

        Parameters
        ----------
        logits : float32 [N, *logit_shape]
        min_area : pixels; a smaller mask becomes empty

        Returns
        -------
        masks : bool [N, H, W]

        """
        # Pages of zeros cost no memory until a mask's box is written, which keeps large images cheap.
        masks = np.zeros((len(logits), self.height, self.width), bool)
        step = self.scale / LOGIT_STRIDE
        for mask, logit in zip(masks, logits, strict=True):
            rows, columns = (np.flatnonzero((logit > 0).any(axis=axis)) for axis in (1, 0))
            if not rows.size:
                continue
            # Between two logits of opposite sign the mask's border may lie up to one logit outside the positive ones.
            x1, y1 = np.maximum(np.floor((np.array([columns[0], rows[0]]) - 0.5) / step), 0).astype(int)
            x2, y2 = np.minimum(np.ceil((np.array([columns[-1], rows[-1]]) + 1.5) / step),
                                (self.width, self.height)).astype(int)
            x = ((np.arange(x1, x2) + 0.5) * step[0] - 0.5).astype(np.float32)
            y = ((np.arange(y1, y2) + 0.5) * step[1] - 0.5).astype(np.float32)
            inside = _sample(logit, x, y) > 0
            if np.count_nonzero(inside) >= min_area:
                mask[y1:y2, x1:x2] = inside
        return masks


def _sample(grid: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return bilinear samples, float32 [len(y), len(x)], of a grid at all pairs of coordinates, clamped at its edge."""
    top, bottom, down = _neighbours(y, grid.shape[0])
    left, right, across = _neighbours(x, grid.shape[1])
    rows = grid[top] * (1 - down)[:, None] + grid[bottom] * down[:, None]
    samples: np.ndarray = rows[:, left] * (1 - across) + rows[:, right] * across
    return samples


def _neighbours(positions: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the grid index before and after each position, and the weight of the one after."""
    positions = np.clip(positions, 0, size - 1)
    before = np.minimum(positions.astype(int), max(size - 2, 0))
    return before, np.minimum(before + 1, size - 1), positions - before
