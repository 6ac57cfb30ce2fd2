"""The geometry between an image and SAM's square input and low-resolution logits."""

from __future__ import annotations

import cv2
import numpy as np

SIDE = 1024
"""Pixels along the longer side of the network's input; the shorter side is padded at its end."""
STRIDE = 4
"""Input pixels a logit stands for, along each side."""
CELL = 16
"""Input pixels a cell of the embedding stands for, along each side."""


class ResizeTransform:
    """How one image lies in the network's input (Segment Anything, arXiv 2304.02643, appendix A).

    Attributes
    ----------
    height, width : of the image, pixels
    size : (width, height) the network sees it at, before padding
    scale : float64 [2], input pixels per image pixel along x and y
    logit_shape : (rows, columns) of the logits that the image covers

    """

    def __init__(self, height: int, width: int):
        self.height, self.width = height, width
        longer = SIDE / max(height, width)
        self.size = tuple(max(1, round(side * longer)) for side in (width, height))
        self.scale = np.array(self.size) / (width, height)
        self.logit_shape = tuple(-(-side // STRIDE) for side in reversed(self.size))

    def resize(self, image: np.ndarray) -> np.ndarray:
        """The image uint8 [H, W, 3] at the size the network sees, before padding."""
        # Bilinear sampling without averaging would alias when the image shrinks.
        shrinks = self.size[0] < self.width
        return cv2.resize(np.ascontiguousarray(image), self.size,
                          interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)

    def masks(self, logits: np.ndarray, least: float = 0) -> np.ndarray:
        """Bool [N, H, W] for float32 logits [N, rows, columns], interpolated bilinearly and cut at 0.

        A mask of fewer than `least` pixels is empty.
        """
        # Pages of zeros cost no memory until a mask's box is written, which is what keeps large images cheap.
        masks = np.zeros((len(logits), self.height, self.width), bool)
        step = self.scale / STRIDE
        for mask, logit in zip(masks, logits, strict=True):
            rows, columns = (np.flatnonzero((logit > 0).any(axis=axis)) for axis in (1, 0))
            if not rows.size:
                continue
            # Between two logits of opposite sign the border may lie up to one logit outside the positive ones.
            x1, y1 = np.maximum(np.floor((np.array([columns[0], rows[0]]) - 0.5) / step), 0).astype(int)
            x2, y2 = np.minimum(np.ceil((np.array([columns[-1], rows[-1]]) + 1.5) / step),
                                (self.width, self.height)).astype(int)
            x = ((np.arange(x1, x2) + 0.5) * step[0] - 0.5).astype(np.float32)
            y = ((np.arange(y1, y2) + 0.5) * step[1] - 0.5).astype(np.float32)
            inside = _sample(logit, x, y) > 0
            if np.count_nonzero(inside) >= least:
                mask[y1:y2, x1:x2] = inside
        return masks


def _sample(grid: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear samples float32 [len(y), len(x)] of a grid at every pair of coordinates, clamped at its rim."""
    def weights(at: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        at = np.clip(at, 0, size - 1)
        low = np.minimum(at.astype(int), max(size - 2, 0))
        return low, np.minimum(low + 1, size - 1), at - low

    top, bottom, down = weights(y, grid.shape[0])
    left, right, across = weights(x, grid.shape[1])
    rows = grid[top] * (1 - down)[:, None] + grid[bottom] * down[:, None]
    return rows[:, left] * (1 - across) + rows[:, right] * across
