"""Global paths of timm's image towers: EVA, MobileCLIP, SigLIP, Perception Encoder, ConvNeXt, ViTamin and Swin."""

from __future__ import annotations

from typing import Any

import torch
from open_clip.timm_model import TimmModel
from timm.layers.patch_embed import PatchEmbed
from torch import Tensor, nn

from ris_ros.encoding.towers.base import GlobalPath, attention_logits, masked_mean, split_blocks


def encode_class_token(visual: TimmModel, image: Tensor, masks: Tensor, masked_blocks: int) -> Tensor:
    """Multiply the patch tokens by the mask before each of the last blocks; class and register tokens are kept.

    Parameters and shapes of this and the other encoders as in :class:`GlobalPath`.
    """
    _, masked = split_blocks(visual.trunk.blocks, masked_blocks)
    kept = masks.new_ones(masks.shape[0], visual.trunk.num_prefix_tokens)
    keep = torch.cat([kept, masks.flatten(1)], dim=1)[:, :, None]
    # Blocks differ in their further arguments, but the first one is always the tokens. Up to the first masked block
    # there is one image; multiplying by N masks makes a batch of N.
    hooks = [block.register_forward_pre_hook(lambda _, inputs: (inputs[0] * keep, *inputs[1:])) for block in masked]
    try:
        features: Tensor = visual(image)
    finally:
        for hook in hooks:
            hook.remove()
    return features.expand(masks.shape[0], -1)


def encode_mean(visual: TimmModel, image: Tensor, masks: Tensor, masked_blocks: int) -> Tensor:
    """Average the last patch features or feature map under the mask (ConvNeXt, FastViT, Swin, ViTamin)."""
    trunk = visual.trunk
    features = trunk.forward_features(image)
    if features.ndim == 3:
        prefix = trunk.num_prefix_tokens
        mean = masked_mean(features[0, prefix:], masks)[:, None]
        mean = torch.cat([features[:, :prefix].expand(masks.shape[0], -1, -1), mean], dim=1)
    elif getattr(trunk, "output_fmt", "NCHW") == "NHWC":
        mean = masked_mean(features[0].flatten(0, 1), masks)[:, None, None]
    else:
        mean = masked_mean(features[0].flatten(1).T, masks)[:, :, None, None]
    # The trunk's own head averages too, but the mean of a single patch is that patch.
    pooled: Tensor = visual.head(trunk.forward_head(mean))
    return pooled


def encode_attention_pool(visual: TimmModel, image: Tensor, masks: Tensor, masked_blocks: int) -> Tensor:
    """Let the pooling query attend to the patches under the mask, and to the class token if the pool includes it.

    SigLIP has no class token; Perception Encoder has one.
    """
    trunk = visual.trunk
    tokens = trunk.forward_features(image)
    prefix = tokens.shape[1] - masks.shape[1] * masks.shape[2]
    if prefix and not getattr(trunk, "pool_include_prefix", True):
        tokens, prefix = tokens[:, prefix:], 0
    logits = attention_logits(masks, prefix)[:, None, None]
    pooled = trunk.attn_pool(tokens.expand(masks.shape[0], -1, -1), attn_mask=logits)
    features: Tensor = visual.head(trunk.head(trunk.head_drop(trunk.fc_norm(pooled))))
    return features


def _patch_grid(visual: TimmModel) -> tuple[int, int]:
    if hasattr(visual.trunk, "blocks"):
        rows, columns = visual.trunk.patch_embed.grid_size
    else:
        stride = visual.trunk.feature_info[-1]["reduction"]
        rows, columns = (-(-side // stride) for side in visual.image_size)
    return rows, columns


def _patch_coverage(visual: TimmModel) -> tuple[float, float]:
    """Return the shares of the input's height and width that the patches cover.

    Some towers ignore a margin of less than a patch at the lower and right edge, and were trained that way (SigLIP
    SO400M/14 at 384 pixels: 27 patches, 378 pixels).
    """
    patches = getattr(visual.trunk, "patch_embed", None)
    if not isinstance(patches, PatchEmbed):
        return 1.0, 1.0
    rows, columns = patches.grid_size
    patch_height, patch_width = patches.patch_size
    height, width = visual.image_size
    return rows * patch_height / height, columns * patch_width / width


def _pooling(visual: nn.Module) -> str:
    """Return how a tower pools its patches: by "attention", "class token" or "mean"; empty for any other way."""
    if not isinstance(visual, TimmModel) or hasattr(visual.head, "pool"):
        return ""
    trunk: Any = visual.trunk
    if getattr(trunk, "attn_pool", None) is not None:
        return "attention"
    if hasattr(trunk, "blocks"):
        if trunk.global_pool == "token" and trunk.num_prefix_tokens:
            return "class token"
        return "mean" if trunk.global_pool == "avg" else ""
    pool = getattr(getattr(trunk, "head", trunk), "global_pool", None)
    return "mean" if getattr(pool, "pool_type", "") == "avg" else ""


CLASS_TOKEN = GlobalPath(
    "class token, patches masked in the last blocks (the paper's)",
    applies_to=lambda visual: _pooling(visual) == "class token",
    encode=encode_class_token, patch_grid=_patch_grid, patch_coverage=_patch_coverage)
"""Vision transformers that are read at their class token, such as EVA and MobileCLIP-B."""

MEAN = GlobalPath(
    "mean of the patches under the mask",
    applies_to=lambda visual: _pooling(visual) == "mean",
    encode=encode_mean, patch_grid=_patch_grid, patch_coverage=_patch_coverage)
"""Towers that average their patch features or last feature map, such as ConvNeXt, FastViT, Swin and ViTamin."""

ATTENTION_POOL = GlobalPath(
    "attention pooling of the patches under the mask",
    applies_to=lambda visual: _pooling(visual) == "attention",
    encode=encode_attention_pool, patch_grid=_patch_grid, patch_coverage=_patch_coverage)
"""Vision transformers with an attention pooler, such as SigLIP and Perception Encoder."""
