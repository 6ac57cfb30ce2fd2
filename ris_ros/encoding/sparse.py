"""Features of CLIP's vision transformers at the cost of what reaches them.

*A mask* multiplies patch tokens by its soft values before each of the last blocks. A token whose mask is zero enters
every one of them as the zero vector, so that, first, what a block makes of it is thrown away before the next, and
second, all such tokens have the same key and value. They are therefore worth one token, present once, whose attention
logit is raised by the logarithm of their number: softmax then weighs it as it would weigh them all. A mask that covers
a tenth of the image costs about a tenth.

*The feature* is read off the class token: in the last block only its query matters.

The results are those of `towers.vision_transformer` and of the tower itself, up to rounding. In half precision they are
closer to the exact ones: products are taken in it, but the tokens that go from block to block stay in float32.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer
from torch import Tensor, nn

from ris_ros.device import Batches
from ris_ros.encoding.towers import global_path, vision_transformer


def is_sparse(visual: nn.Module) -> bool:
    """Whether a tower is a vision transformer of plain blocks with a class token, whose inside this file knows."""
    return global_path(visual) is vision_transformer and all(
        type(block) is ResidualAttentionBlock for block in visual.transformer.resblocks)


def encode_in_context(visual: VisionTransformer, image: Tensor, masks: Tensor, masked_blocks: int,
                      batches: Batches) -> Tensor:
    """As `towers.vision_transformer`, for any number of masks: float32 [N, D]."""
    blocks = list(visual.transformer.resblocks)
    first_masked = max(0, len(blocks) - masked_blocks)
    tokens = visual._embeds(image).float()
    for block in blocks[:first_masked]:
        tokens = _block(block, tokens)
    masks = masks.flatten(1).float()
    kept = (masks > 0).sum(1)
    # Masks of like size share a batch, so that little of it is padding.
    order = kept.argsort()
    read = batches.map(lambda batch: _class_token(tokens[0], masks[batch], int(kept[batch].max()),
                                                  blocks[first_masked:]), order)
    return _project(visual, torch.cat(read)[order.argsort()])


def encode_images(visual: VisionTransformer, images: Tensor) -> Tensor:
    """As ``visual(images)``: float32 [B, D]."""
    tokens = visual._embeds(images).float()
    blocks = list(visual.transformer.resblocks)
    for block in blocks[:-1]:
        tokens = _block(block, tokens)
    for block in blocks[-1:]:
        tokens = _block(block, tokens, queries=1)
    return _project(visual, tokens[:, 0])


def _class_token(tokens: Tensor, masks: Tensor, most: int, blocks: list[ResidualAttentionBlock]) -> Tensor:
    """The class token, [B, width], after the masked blocks; `tokens` [1 + T, width], `masks` [B, T]."""
    values, places = masks.topk(most, dim=1)
    hidden = masks.shape[1] - (masks > 0).sum(1, keepdim=True)
    one, nothing = values.new_ones(len(masks), 1), values.new_zeros(len(masks), 1)
    # Class token, kept tokens (those beyond a mask's own are padding), and the one that stands for the hidden ones.
    x = torch.cat([tokens[:1].expand(len(masks), 1, -1), tokens[1:][places],
                   tokens.new_zeros(len(masks), 1, tokens.shape[1])], dim=1)
    keep = torch.cat([one, values, nothing], dim=1)[:, :, None]
    logits = torch.cat([nothing, (values > 0).float().log(), hidden.float().log()], dim=1)
    for block in blocks[:-1]:
        x = _block(block, x * keep, logits)
    for block in blocks[-1:]:
        x = _block(block, x * keep, logits, queries=1)
    return x[:, 0]


def _block(block: ResidualAttentionBlock, x: Tensor, logits: Tensor | None = None, queries: int | None = None
           ) -> Tensor:
    """One block on the first `queries` (None: all) tokens of x, float32 [B, S, width], which attend to all S.

    `logits` [B, S] are added to the attention that each token gets.
    """
    attention, width = block.attn, x.shape[2]
    dtype = attention.in_proj_weight.dtype
    normed = _norm(block.ln_1, x).to(dtype)
    if queries is None:
        query, key, value = F.linear(normed, attention.in_proj_weight, attention.in_proj_bias).chunk(3, dim=2)
    else:
        x = x[:, :queries]
        query = F.linear(normed[:, :queries], attention.in_proj_weight[:width], attention.in_proj_bias[:width])
        key, value = F.linear(normed, attention.in_proj_weight[width:], attention.in_proj_bias[width:]).chunk(2, dim=2)
    heads = (t.unflatten(2, (attention.num_heads, -1)).transpose(1, 2) for t in (query, key, value))
    mask = None if logits is None else logits[:, None, None].to(dtype)
    mixed = F.scaled_dot_product_attention(*heads, attn_mask=mask)
    x = x + block.ls_1(attention.out_proj(mixed.transpose(1, 2).flatten(2))).float()
    return x + block.ls_2(block.mlp(_norm(block.ln_2, x).to(dtype))).float()


def _project(visual: VisionTransformer, pooled: Tensor) -> Tensor:
    return _norm(visual.ln_post, pooled) @ visual.proj.float()


def _norm(norm: nn.LayerNorm, x: Tensor) -> Tensor:
    return F.layer_norm(x, norm.normalized_shape, norm.weight.float(), norm.bias.float(), norm.eps)
