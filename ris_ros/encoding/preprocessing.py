"""Image and mask preprocessing for the image tower: resizing, cropping and masking."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ris_ros.utils.masks import mask_box

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Mean RGB colour of ImageNet, 0..1, which replaces the surroundings of a proposal in its crop (paper, section 3.2)."""

UNIT_VECTORS_PER_BATCH = 256
"""Columns of a resizing matrix computed at a time; all at once would take size x size numbers for a long side."""


def image_tensor(image: np.ndarray, device: torch.device) -> Tensor:
    """Return an image, RGB uint8 [H, W, 3], as float32 [1, 3, H, W] in 0..1."""
    pixels = torch.from_numpy(np.ascontiguousarray(image)).to(device)
    return pixels.permute(2, 0, 1)[None].float() / 255


def resize_image(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize images, float [N, 3, H, W], to [N, 3, *size]: bicubic, antialiased, without keeping the aspect ratio."""
    return F.interpolate(image, size, mode="bicubic", antialias=True)


def resize_masks(masks: np.ndarray, grid: tuple[int, int], device: torch.device,
                 coverage: tuple[float, float] = (1.0, 1.0)) -> Tensor:
    """Resize masks to a patch grid: each cell holds the share of its pixels that the mask covers.

    The filter is bilinear and antialiased. Resizing is linear and separable, so it is a product with one matrix per
    side, of which each mask needs only the part that meets its box.

    Parameters
    ----------
    masks : bool [N, H, W]
    grid : rows and columns
    device : of the result
    coverage : shares of the height and width, from the upper left corner, that the grid covers; the rest is dropped

    Returns
    -------
    soft masks : float32 [N, rows, columns], 0..1

    """
    bottom, right = (round(share * size) for share, size in zip(coverage, masks.shape[1:], strict=True))
    rows, columns = (_resizing_matrix(size, cells).to(device)
                     for size, cells in ((bottom, grid[0]), (right, grid[1])))
    soft = torch.zeros((len(masks), *grid), device=device)
    for cells, mask in zip(soft, masks, strict=True):
        x1, y1, x2, y2 = mask_box(mask)
        y2, x2 = min(y2, bottom), min(x2, right)
        inside = torch.from_numpy(np.ascontiguousarray(mask[y1:y2, x1:x2])).to(device).float()
        cells[:] = rows[:, y1:y2] @ inside @ columns[:, x1:x2].T
    return soft


def masked_crop(image: Tensor, mask: np.ndarray, size: tuple[int, int]) -> Tensor:
    """Crop an image to the box of a mask, with the ImageNet mean outside the mask, and resize the crop.

    Parameters
    ----------
    image : float [1, 3, H, W], 0..1
    mask : bool [H, W], not empty
    size : height and width of the crop

    Returns
    -------
    crop : float [1, 3, *size]

    """
    x1, y1, x2, y2 = mask_box(mask)
    inside = torch.from_numpy(np.ascontiguousarray(mask[y1:y2, x1:x2])).to(image.device)
    mean = torch.tensor(IMAGENET_MEAN, device=image.device).view(1, 3, 1, 1)
    return resize_image(torch.where(inside, image[:, :, y1:y2, x1:x2], mean), size)


@lru_cache(maxsize=16)
def _resizing_matrix(size: int, cells: int) -> Tensor:
    """Return the matrix, float32 [cells, size], that resizes a column of `size` pixels to `cells` cells."""
    step = UNIT_VECTORS_PER_BATCH
    unit_vectors = (torch.eye(size)[:, start:start + step] for start in range(0, size, step))
    return torch.cat([F.interpolate(columns[None, None], (cells, columns.shape[1]), mode="bilinear",
                                    antialias=True)[0, 0] for columns in unit_vectors], dim=1)
