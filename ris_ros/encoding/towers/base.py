"""Shared parts of the global paths: their interface, and pooling under a mask."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.timm_model import TimmModel
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn

ImageTower: TypeAlias = VisionTransformer | ModifiedResNet | TimmModel
"""The image tower of an open_clip model. open_clip has no type information, so a type checker sees ``Any``."""


def covers_all(visual: ImageTower) -> tuple[float, float]:
    """Return 1.0 and 1.0: the patches cover the whole input."""
    return 1.0, 1.0


@dataclass(frozen=True)
class GlobalPath:
    """How one kind of image tower computes global features of masks.

    Attributes
    ----------
    description : for tables
    applies_to : whether a tower is of this kind
    encode : ``(visual, image, masks, masked_blocks) -> features``: the image tower, its preprocessed input
        [1, 3, H, W], soft masks [N, rows, columns] on the patch grid and the number of last blocks that see a mask, to
        features [N, D]; reads N from the shape, because `len` would be a constant in an exported network
    patch_grid : rows and columns of the tower's patch grid; raises an InputError if the patches do not divide the input
    patch_coverage : shares of the input's height and width, from the upper left corner, that the patches cover

    """

    description: str
    applies_to: Callable[[nn.Module], bool]
    encode: Callable[[ImageTower, Tensor, Tensor, int], Tensor]
    patch_grid: Callable[[ImageTower], tuple[int, int]]
    patch_coverage: Callable[[ImageTower], tuple[float, float]] = covers_all


def split_blocks(blocks: Iterable[Any], masked_blocks: int) -> tuple[list[Any], list[Any]]:
    """Return the transformer blocks that see no mask, and the last `masked_blocks`, which do."""
    blocks = list(blocks)
    first_masked = max(0, len(blocks) - masked_blocks)
    return blocks[:first_masked], blocks[first_masked:]


def masked_mean(features: Tensor, masks: Tensor) -> Tensor:
    """Return the means [N, D] of patch features [T, D] under soft masks [N, rows, columns]."""
    weights = _patch_weights(masks)
    return (weights / weights.sum(dim=1, keepdim=True)) @ features


def attention_logits(masks: Tensor, prefix_tokens: int) -> Tensor:
    """Return what soft masks add to the attention logits of `prefix_tokens` + T tokens, [N, prefix_tokens + T]."""
    weights = _patch_weights(masks)
    return torch.cat([weights.new_ones(weights.shape[0], prefix_tokens), weights], dim=1).log()


def _patch_weights(masks: Tensor) -> Tensor:
    """Return soft masks as [N, T]; a mask that covers no patch is replaced by one that covers all."""
    flat = masks.flatten(1)
    return torch.where(flat.any(dim=1, keepdim=True), flat, 1)
