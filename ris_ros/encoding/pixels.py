"""From pixels and masks to what the image tower eats: resizing, cropping, normalising."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ris_ros.utils.masks import mask_box

# What hides the surroundings of a proposal in its crop (paper, section 3.2): the mean colour of ImageNet.
IMAGENET_MEAN = (0.485, 0.456, 0.406)


def image_tensor(image: np.ndarray, device: torch.device) -> Tensor:
    """Float [1, 3, H, W] in 0..1 from RGB uint8 [H, W, 3]."""
    pixels = torch.from_numpy(np.ascontiguousarray(image)).to(device)
    return pixels.permute(2, 0, 1)[None].float() / 255


def resize_image(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Bicubic and antialiased, float [N, 3, H, W] -> [N, 3, *size]; the aspect is not kept."""
    return F.interpolate(image, size, mode="bicubic", antialias=True)


def resize_masks(masks: np.ndarray, grid: tuple[int, int], device: torch.device,
                 covered: tuple[float, float] = (1.0, 1.0)) -> Tensor:
    """Soft masks, float [N, *grid] in 0..1, from bool [N, H, W]: each cell's share of masked pixels.

    Bilinear and antialiased. As resizing is linear and separable, it is a product with a matrix on either side, of
    which a mask needs only the part that meets its box. Where the grid covers but a share of the height and width, from
    the upper left corner, the rest is left out.
    """
    bottom, right = (round(share * size) for share, size in zip(covered, masks.shape[1:], strict=True))
    rows, columns = _bilinear(bottom, grid[0]).to(device), _bilinear(right, grid[1]).to(device)
    soft = torch.zeros((len(masks), *grid), device=device)
    for cells, mask in zip(soft, masks, strict=True):
        x1, y1, x2, y2 = mask_box(mask)
        y2, x2 = min(y2, bottom), min(x2, right)
        inside = torch.from_numpy(np.ascontiguousarray(mask[y1:y2, x1:x2])).to(device).float()
        cells[:] = rows[:, y1:y2] @ inside @ columns[:, x1:x2].T
    return soft


def masked_crop(image: Tensor, mask: np.ndarray, size: tuple[int, int]) -> Tensor:
    """The proposal alone, float [1, 3, *size]: its box of the image, with the ImageNet mean outside the mask."""
    x1, y1, x2, y2 = mask_box(mask)
    inside = torch.from_numpy(np.ascontiguousarray(mask[y1:y2, x1:x2])).to(image.device)
    mean = torch.tensor(IMAGENET_MEAN, device=image.device).view(1, 3, 1, 1)
    return resize_image(torch.where(inside, image[:, :, y1:y2, x1:x2], mean), size)


@lru_cache(maxsize=16)
def _bilinear(size: int, cells: int) -> Tensor:
    """The matrix, float [cells, size], that resizes a column of `size` pixels to `cells`: what it makes of each."""
    some = 256  # The unit vectors of a long side, all at once, would take size^2 numbers.
    return torch.cat([F.interpolate(unit[None, None], (cells, unit.shape[1]), mode="bilinear", antialias=True)[0, 0]
                      for unit in (torch.eye(size)[:, start:start + some] for start in range(0, size, some))], dim=1)
