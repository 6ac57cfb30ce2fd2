"""The global-context feature: where each kind of image tower lets a mask in (paper, section 3.2).

A path is a function ``(visual, image, masks, masked_blocks) -> features``: `visual` is the image tower, `image` its
normalised input [1, 3, S, S], `masks` soft masks [N, rows, columns] on the tower's patch grid; the result is [N, D].
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn


def vision_transformer(visual: VisionTransformer, image: Tensor, masks: Tensor, masked_blocks: int) -> Tensor:
    """Multiply the patch tokens by the mask before each of the last blocks; the class token is kept."""
    tokens, last = trunk(visual, image, masked_blocks)
    keep = torch.cat([masks.new_ones(len(masks), 1), masks.flatten(1)], dim=1)[:, :, None]
    tokens = tokens.expand(len(masks), -1, -1)
    for block in last:
        tokens = block(tokens * keep)
    pooled, _ = visual._pool(tokens)
    return pooled @ visual.proj


def trunk(visual: VisionTransformer, image: Tensor, masked_blocks: int) -> tuple[Tensor, list[nn.Module]]:
    """Tokens [1, 1 + T, width] of the image after the blocks that see no mask, and the blocks that see one."""
    blocks = list(visual.transformer.resblocks)
    first_masked = max(0, len(blocks) - masked_blocks)
    tokens = visual._embeds(image)
    for block in blocks[:first_masked]:
        tokens = block(tokens)
    return tokens, blocks[first_masked:]


def modified_resnet(visual: ModifiedResNet, image: Tensor, masks: Tensor, masked_blocks: int) -> Tensor:
    """Multiply the last feature map by the mask and pool it by attention; there are no blocks to choose."""
    features = visual.stem(image)
    for layer in (visual.layer1, visual.layer2, visual.layer3, visual.layer4):
        features = layer(features)
    return visual.attnpool(features * masks[:, None])


def global_path(visual: nn.Module) -> Callable[[nn.Module, Tensor, Tensor, int], Tensor] | None:
    """The path for a tower; None when it has none and only its local features can be had."""
    if isinstance(visual, VisionTransformer) and visual.attn_pool is None and visual.pool_type == "tok":
        return vision_transformer
    if isinstance(visual, ModifiedResNet):
        return modified_resnet
    return None


def patch_grid(visual: nn.Module) -> tuple[int, int]:
    """Rows and columns of the grid that a tower with a global path puts its masks on."""
    if isinstance(visual, VisionTransformer):
        return visual.grid_size
    return (visual.image_size // 32, visual.image_size // 32)
