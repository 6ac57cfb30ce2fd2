"""Global paths of open_clip's own image towers: CLIP's vision transformers and ResNets, CLIPA and CoCa."""

from __future__ import annotations

import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer
from torch import Tensor, nn

from ris_ros.encoding.towers.base import GlobalPath, ImageTower, attention_logits, masked_mean, split_blocks
from ris_ros.errors import InputError

RESNET_STRIDE = 32
"""Input pixels per cell of a CLIP ResNet's last feature map, along each side."""


def encode_class_token(visual: VisionTransformer, image: Tensor, masks: Tensor, masked_blocks: int) -> Tensor:
    """Multiply the patch tokens by the mask before each of the last blocks; the class token is kept.

    Parameters and shapes of this and the other encoders as in :class:`GlobalPath`.
    """
    unmasked, masked = split_blocks(visual.transformer.resblocks, masked_blocks)
    tokens = visual._embeds(image)
    for block in unmasked:
        tokens = block(tokens)
    keep = torch.cat([masks.new_ones(masks.shape[0], 1), masks.flatten(1)], dim=1)[:, :, None]
    tokens = tokens.expand(masks.shape[0], -1, -1)
    for block in masked:
        tokens = block(tokens * keep)
    pooled, _ = visual._pool(tokens)
    features: Tensor = pooled @ visual.proj
    return features


def encode_feature_map(visual: ModifiedResNet, image: Tensor, masks: Tensor, masked_blocks: int) -> Tensor:
    """Multiply the last feature map by the mask before the attention pooling; `masked_blocks` is ignored."""
    features: Tensor = visual.attnpool(last_feature_map(visual, image) * masks[:, None])
    return features


def last_feature_map(visual: ModifiedResNet, image: Tensor) -> Tensor:
    """Return the last feature map, [B, C, rows, columns], of a CLIP ResNet for preprocessed images [B, 3, H, W]."""
    feature_map: Tensor = visual.stem(image)
    for layer in (visual.layer1, visual.layer2, visual.layer3, visual.layer4):
        feature_map = layer(feature_map)
    return feature_map


def encode_mean(visual: VisionTransformer, image: Tensor, masks: Tensor, masked_blocks: int) -> Tensor:
    """Average the patch tokens under the mask, where the tower averages all of them (CLIPA)."""
    tokens = visual.transformer(visual._embeds(image))
    if not visual.final_ln_after_pool:
        tokens = visual.ln_post(tokens)
    mean = masked_mean(tokens[0, 1:], masks)
    features: Tensor = (visual.ln_post(mean) if visual.final_ln_after_pool else mean) @ visual.proj
    return features


def encode_attention_pool(visual: VisionTransformer, image: Tensor, masks: Tensor, masked_blocks: int) -> Tensor:
    """Let the pooler's first query attend to the class token and the patches under the mask (CoCa)."""
    pooler = visual.attn_pool
    tokens = pooler.ln_k(visual.transformer(visual._embeds(image))).expand(masks.shape[0], -1, -1)
    query = pooler.ln_q(pooler.query[:1]).expand(masks.shape[0], -1, -1)
    logits = attention_logits(masks, prefix_tokens=1).repeat_interleave(pooler.attn.num_heads, dim=0)[:, None]
    pooled, _ = pooler.attn(query, tokens, tokens, attn_mask=logits, need_weights=False)
    features: Tensor = visual.ln_post(pooled[:, 0]) @ visual.proj
    return features


def is_plain_vit(visual: ImageTower) -> bool:
    """Return whether a tower is CLIP's vision transformer: read at its class token, and made of plain blocks."""
    return CLASS_TOKEN.applies_to(visual) and all(
        type(block) is ResidualAttentionBlock for block in visual.transformer.resblocks)


def _resnet_grid(visual: ModifiedResNet) -> tuple[int, int]:
    return _divided((visual.image_size, visual.image_size), (RESNET_STRIDE, RESNET_STRIDE))


def _patch_grid(visual: VisionTransformer) -> tuple[int, int]:
    return _divided(visual.image_size, visual.patch_size)


def _divided(size: tuple[int, int], patch_size: tuple[int, int]) -> tuple[int, int]:
    """Return the rows and columns of patches in an input of `size`, height and width in pixels."""
    (height, width), (patch_height, patch_width) = size, patch_size
    if height % patch_height or width % patch_width:
        raise InputError(f"the model's input of {[height, width]} pixels does not divide into patches of "
                         f"{[patch_height, patch_width]}, so masks cannot be resized to a patch grid; choose a model "
                         "whose input does")
    return height // patch_height, width // patch_width


def _pools_by(visual: nn.Module, pool_type: str) -> bool:
    """Return whether a tower is a vision transformer without attention pooling that pools its tokens this way."""
    return isinstance(visual, VisionTransformer) and visual.attn_pool is None and visual.pool_type == pool_type


def _pools_by_attention(visual: nn.Module) -> bool:
    return (isinstance(visual, VisionTransformer) and visual.attn_pool is not None
            and visual.attn_pool_contrastive is None and visual.pool_type == "tok")


CLASS_TOKEN = GlobalPath(
    "class token, patches masked in the last blocks (the paper's)",
    applies_to=lambda visual: _pools_by(visual, "tok"), encode=encode_class_token, patch_grid=_patch_grid)
"""CLIP's vision transformers."""

FEATURE_MAP = GlobalPath(
    "attention pooling of the masked feature map (the paper's)",
    applies_to=lambda visual: isinstance(visual, ModifiedResNet), encode=encode_feature_map, patch_grid=_resnet_grid)
"""CLIP's ResNets."""

MEAN = GlobalPath(
    "mean of the patches under the mask",
    applies_to=lambda visual: _pools_by(visual, "avg"), encode=encode_mean, patch_grid=_patch_grid)
"""Vision transformers that average their patch tokens, such as CLIPA."""

ATTENTION_POOL = GlobalPath(
    "attention pooling of the patches under the mask",
    applies_to=_pools_by_attention, encode=encode_attention_pool, patch_grid=_patch_grid)
"""Vision transformers with an attention pooler, such as CoCa's."""
