"""The global-context feature of vision transformers at the cost of the tokens that a mask keeps.

Masking multiplies patch tokens by the soft mask before each of the last blocks. A token whose mask is zero enters
every one of them as the zero vector, so that, first, what a block makes of it is thrown away before the next, and
second, all such tokens have the same key and value. They are therefore worth one token, present once, whose attention
logit is raised by the logarithm of their number: softmax then weighs it as it would weigh them all. In the last block
only the class token's query matters. The result is that of `towers.vision_transformer`, up to rounding, while a mask
that covers a tenth of the image costs about a tenth.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer
from torch import Tensor, nn

from ris_ros.encoding.towers import trunk


def is_sparse(visual: nn.Module) -> bool:
    """Whether a tower that has a global path is a vision transformer of plain blocks, whose inside this file knows."""
    return isinstance(visual, VisionTransformer) and all(
        type(block) is ResidualAttentionBlock for block in visual.transformer.resblocks)


def sparse_vision_transformer(visual: VisionTransformer, image: Tensor, masks: Tensor, masked_blocks: int,
                              batch_size: int) -> Tensor:
    """As `towers.vision_transformer`, for any number of masks: float [N, D]."""
    tokens, last = trunk(visual, image, masked_blocks)
    masks = masks.flatten(1)
    kept = (masks > 0).sum(1)
    features = torch.empty((len(masks), tokens.shape[2]), dtype=tokens.dtype, device=tokens.device)
    # Masks of like size share a batch, so that little of it is padding.
    for batch in kept.argsort().split(batch_size):
        features[batch] = _class_token(tokens[0], masks[batch], int(kept[batch].max()), last)
    return visual.ln_post(features) @ visual.proj


def _class_token(tokens: Tensor, masks: Tensor, most: int, blocks: list[ResidualAttentionBlock]) -> Tensor:
    """The class token, [B, width], after the masked blocks; `tokens` [1 + T, width], `masks` [B, T]."""
    values, places = masks.topk(most, dim=1)
    hidden = masks.shape[1] - (masks > 0).sum(1, keepdim=True)
    one, nothing = values.new_ones(len(masks), 1), values.new_zeros(len(masks), 1)
    # Class token, kept tokens (those beyond a mask's own are padding), and the one that stands for the hidden ones.
    x = torch.cat([tokens[:1].expand(len(masks), 1, -1), tokens[1:][places],
                   tokens.new_zeros(len(masks), 1, tokens.shape[1])], dim=1)
    keep = torch.cat([one, values, nothing], dim=1)[:, :, None]
    logit = torch.cat([nothing, (values > 0).to(values.dtype).log(), hidden.to(values.dtype).log()], dim=1)
    for block in blocks[:-1]:
        x = _block(block, x * keep, logit, queries=x.shape[1])
    for block in blocks[-1:]:
        x = _block(block, x * keep, logit, queries=1)
    return x[:, 0]


def _block(block: ResidualAttentionBlock, x: Tensor, logit: Tensor, queries: int) -> Tensor:
    """One residual block on the first `queries` tokens of x [B, S, width], which attend to all S; `logit` [B, S]."""
    attention = block.attn
    normed = block.ln_1(x)
    weight_q, weight_kv = attention.in_proj_weight.split([x.shape[2], 2 * x.shape[2]])
    bias_q, bias_kv = attention.in_proj_bias.split([x.shape[2], 2 * x.shape[2]])
    query = F.linear(normed[:, :queries], weight_q, bias_q)
    key, value = F.linear(normed, weight_kv, bias_kv).chunk(2, dim=2)
    heads = (t.unflatten(2, (attention.num_heads, -1)).transpose(1, 2) for t in (query, key, value))
    mixed = F.scaled_dot_product_attention(*heads, attn_mask=logit[:, None, None])
    x = x[:, :queries] + block.ls_1(attention.out_proj(mixed.transpose(1, 2).flatten(2)))
    return x + block.ls_2(block.mlp(block.ln_2(x)))
