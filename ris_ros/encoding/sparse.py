"""Sparse computation of CLIP ViT features: tokens that cannot influence the feature are skipped or merged.

Masked tokens: before each of the last blocks a mask multiplies the patch tokens by its soft values. A token whose mask
is zero enters every one of these blocks as the zero vector. What a block computes for it is discarded before the next
block, and all such tokens have the same key and value. One token therefore stands for all of them, with the logarithm
of their number added to its attention logit: the softmax then weighs it as it would weigh them all. A mask that covers
a tenth of the image costs about a tenth.

First masked block: every mask gives it the same tokens but for a factor, which the block's layer norm removes again,
except for the norm's epsilon. Queries, keys and values are computed once per image and corrected for the epsilon.

Last block: the feature is read off the class token, so only the class token's query matters. Keys and values of the
other tokens are not computed either, because q . (W x) = (W' q) . x, and a mean of W x is W times the mean of x.

The results equal those of `towers.clip_towers.encode_class_token`, and of the tower itself, up to rounding. In half
precision they are closer to the exact ones: products use half precision, but tokens stay float32 between blocks.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer
from torch import Tensor, nn

from ris_ros.encoding.towers import split_blocks
from ris_ros.utils.device import AdaptiveBatcher, has_fast_bfloat16

MIN_BFLOAT16_WIDTH = 512
"""Width of an image tower, in channels, from which bfloat16 is worth its error; narrower towers gain little from it."""

CPU_BATCH_TOKENS = 2048
"""Tokens that pass through the blocks together on a CPU: few enough to stay in its cache from one step to the next."""


def fastest_crop_dtype(visual: nn.Module, dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """Return the dtype for crops of a tower that runs in `dtype`: bfloat16 in place of float32 where that is faster.

    Crops take most of the time and have little weight in the comparison with a text (paper: 5 %). The relative error of
    bfloat16, half a percent, is negligible there.
    """
    is_wide = getattr(getattr(visual, "ln_post", None), "weight", torch.empty(0)).numel() >= MIN_BFLOAT16_WIDTH
    return torch.bfloat16 if dtype == torch.float32 and is_wide and has_fast_bfloat16(device) else dtype


def encode_global(visual: VisionTransformer, image: Tensor, masks: Tensor, masked_blocks: int,
                  batcher: AdaptiveBatcher) -> Tensor:
    """Return the features of `towers.clip_towers.encode_class_token`, for any number of masks: float32 [N, D].

    Parameters
    ----------
    visual : the image tower, for which `towers.is_plain_vit` holds
    image : its preprocessed input [1, 3, H, W]
    masks : soft masks [N, rows, columns] on the patch grid
    masked_blocks : number of last blocks that see a mask
    batcher : divides the masks into batches

    """
    unmasked, masked = split_blocks(visual.transformer.resblocks, masked_blocks)
    tokens = visual._embeds(image).float()
    for block in unmasked:
        tokens = _apply_block(block, tokens)
    if not masked:
        return _project(visual, tokens[:, 0]).expand(len(masks), -1)
    masks = masks.flatten(1).float()
    # Masks of similar size share a batch, so that attention needs little padding.
    by_size = (masks > 0).sum(1).argsort()
    pooled = batcher.map(lambda batch: _masked_class_tokens(tokens[0], masks[batch], masked), by_size)
    return _project(visual, torch.cat(pooled)[by_size.argsort()])


def encode_images(visual: VisionTransformer, images: Tensor) -> Tensor:
    """Return the features of ``visual(images)``, float32 [B, D], for preprocessed images [B, 3, H, W]."""
    batch_size = len(images)
    if images.device.type == "cpu":
        batch_size = max(1, CPU_BATCH_TOKENS // len(visual.positional_embedding))
    return torch.cat([_encode_image_batch(visual, batch) for batch in torch.split(images, batch_size)])


def _encode_image_batch(visual: VisionTransformer, images: Tensor) -> Tensor:
    tokens = visual._embeds(images).float()
    *blocks, last = visual.transformer.resblocks
    for block in blocks:
        tokens = _apply_block(block, tokens)
    return _project(visual, _apply_to_class_token(last, tokens[:, 0], _layer_norm(last.ln_1, tokens)))


def _apply_block(block: ResidualAttentionBlock, x: Tensor) -> Tensor:
    """Apply one block to all tokens x, float32 [B, S, width]."""
    normed = _layer_norm(block.ln_1, x).to(_block_dtype(block))
    qkv = F.linear(normed, block.attn.in_proj_weight, block.attn.in_proj_bias)
    return _add_residuals(block, x, _attend(block, qkv))


def _masked_class_tokens(tokens: Tensor, masks: Tensor, blocks: list[ResidualAttentionBlock]) -> Tensor:
    """Return the class tokens, [B, width], after the masked blocks.

    Kept tokens are stored one mask after the other, [M, width], each mask's class token first. Attention spreads them
    out to [B, S, width]; the zero token, which stands for the hidden ones, fills every slot that is left.

    Parameters
    ----------
    tokens : of the image before the masked blocks, class token first, [1 + T, width]
    masks : soft masks [B, T]
    blocks : the masked blocks, at least one

    """
    keep = torch.cat([masks.new_ones(len(masks), 1), masks], dim=1)
    lengths = (keep > 0).sum(1)
    which, source = keep.nonzero(as_tuple=True)
    keep = keep[which, source][:, None]
    slot = torch.arange(int(lengths.max()) + 1, device=masks.device)
    is_kept = slot < lengths[:, None]
    zero_token_row = len(source)
    rows = torch.where(is_kept, (lengths.cumsum(0) - lengths)[:, None] + slot, zero_token_row)
    logits = torch.where(is_kept, 0.0, -torch.inf)
    # The logarithm of the number of hidden tokens; -inf, so never attended to, if there are none.
    logits[:, -1] = (len(tokens) - lengths).float().log()
    x = tokens[source] * keep
    *blocks, last = blocks
    for number, block in enumerate(blocks):
        attention = block.attn
        weight, zero_token = attention.in_proj_weight, _zero_token_qkv(block)
        if number == 0:
            shared = F.linear(_layer_norm(block.ln_1, tokens, shift=False).to(weight.dtype), weight)
            ratio = _masked_norm_ratio(block.ln_1, tokens, source, keep).to(weight.dtype)
            qkv = shared[source] * ratio + zero_token
        else:
            qkv = F.linear(_layer_norm(block.ln_1, x).to(weight.dtype), weight, attention.in_proj_bias)
        mixed = _attend(block, torch.cat([qkv, zero_token[None]])[rows], logits)[is_kept]
        x = _add_residuals(block, x, mixed)
        x = x * keep
    normed = torch.cat([_layer_norm(last.ln_1, x), last.ln_1.bias.float()[None]])[rows]
    return _apply_to_class_token(last, x[rows[:, 0]], normed, logits)


def _zero_token_qkv(block: ResidualAttentionBlock) -> Tensor:
    """Return query, key and value, [3 width], of a token of zeros, which the layer norm maps to its bias."""
    return F.linear(block.ln_1.bias, block.attn.in_proj_weight, block.attn.in_proj_bias)


def _masked_norm_ratio(norm: nn.LayerNorm, tokens: Tensor, source: Tensor, keep: Tensor) -> Tensor:
    """Return the factor, [M, 1], from the norm of a token to the norm of ``keep * token``, before the norm's bias."""
    variance = tokens.var(dim=1, correction=0)[source][:, None]
    return keep * ((variance + norm.eps) / (keep * keep * variance + norm.eps)).sqrt()


def _attend(block: ResidualAttentionBlock, qkv: Tensor, logits: Tensor | None = None) -> Tensor:
    """Return the attention output of each token, [B, S, width].

    Parameters
    ----------
    block : whose attention it is
    qkv : queries, keys and values [B, S, 3 width]
    logits : [B, S], added to the attention logits that each token receives

    """
    query, key, value = (torch.unflatten(part, 2, (block.attn.num_heads, -1)).transpose(1, 2)
                         for part in qkv.chunk(3, dim=2))
    mask = None if logits is None else logits[:, None, None].to(qkv.dtype)
    mixed: Tensor
    if mask is None and qkv.dtype == torch.bfloat16 and qkv.device.type == "cpu":
        # torch's fused attention on CPUs does not use bfloat16 instructions; this takes two thirds of its time.
        mixed = (query / query.shape[3] ** 0.5 @ key.mT).softmax(3) @ value
    else:
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return mixed.transpose(1, 2).flatten(2)


def _apply_to_class_token(block: ResidualAttentionBlock, class_token: Tensor, normed: Tensor,
                          logits: Tensor | None = None) -> Tensor:
    """Return the class token, [B, width], after a block.

    The key and value matrices of a head are applied to the one query and the one mean instead of to every token. Their
    biases add the same to every token: the keys' bias cancels in the softmax, the values' bias is added once.

    Parameters
    ----------
    block : to apply
    class_token : before the block, float32 [B, width]
    normed : all tokens after the block's first layer norm, class token first, [B, S, width]
    logits : [B, S], added to the attention logits that each token receives

    """
    attention = block.attn
    normed = normed.to(_block_dtype(block))
    query_weight, key_weight, value_weight = attention.in_proj_weight.unflatten(0, (3, attention.num_heads, -1))
    query_bias, _, value_bias = attention.in_proj_bias.unflatten(0, (3, attention.num_heads, -1))
    query = torch.einsum("bw,hdw->bhd", normed[:, 0], query_weight) + query_bias
    query_times_key = torch.einsum("bhd,hdw->bhw", query, key_weight) / query.shape[2] ** 0.5
    scores = (query_times_key @ normed.mT).float()
    weights = (scores if logits is None else scores + logits[:, None]).softmax(2).to(normed.dtype)
    mixed = torch.einsum("bhw,hdw->bhd", weights @ normed, value_weight) + value_bias
    return _add_residuals(block, class_token, mixed.flatten(1))


def _add_residuals(block: ResidualAttentionBlock, x: Tensor, mixed: Tensor) -> Tensor:
    """Return the block's output for tokens x, float32 [..., width], given their attention output."""
    x = x + block.ls_1(block.attn.out_proj(mixed))
    output: Tensor = x + block.ls_2(block.mlp(_layer_norm(block.ln_2, x).to(_block_dtype(block))))
    return output


def _project(visual: VisionTransformer, pooled: Tensor) -> Tensor:
    features: Tensor = _layer_norm(visual.ln_post, pooled) @ visual.proj.float()
    return features


def _layer_norm(norm: nn.LayerNorm, x: Tensor, shift: bool = True) -> Tensor:
    """Apply a layer norm in float32, without its bias if `shift` is False."""
    bias = norm.bias.float() if shift else None
    return F.layer_norm(x, norm.normalized_shape, norm.weight.float(), bias, norm.eps)


def _block_dtype(block: ResidualAttentionBlock) -> torch.dtype:
    dtype: torch.dtype = block.attn.in_proj_weight.dtype
    return dtype
