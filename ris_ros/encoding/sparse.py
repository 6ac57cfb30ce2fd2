"""Features of CLIP's vision transformers at the cost of what reaches them.

*A mask* multiplies patch tokens by its soft values before each of the last blocks. A token whose mask is zero enters
every one of them as the zero vector, so that, first, what a block makes of it is thrown away before the next, and
second, all such tokens have the same key and value. They are therefore worth one token, present once, whose attention
logit is raised by the logarithm of their number: softmax then weighs it as it would weigh them all. A mask that covers
a tenth of the image costs about a tenth.

*The first masked block* is given the same tokens for every mask but for a factor, which its layer norm takes out again,
all but the norm's epsilon. Queries, keys and values are computed once for the image and corrected for that.

*The feature* is read off the class token: in the last block only its query matters. Keys and values of the other tokens
are not made either: q . (W x) = (W' q) . x, and a mean of W x is W times the mean of x, see `_read`.

The results are those of `towers.vision_transformer` and of the tower itself, up to rounding. In half precision they are
closer to the exact ones: products are taken in it, but the tokens that go from block to block stay in float32.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer
from torch import Tensor, nn

from ris_ros.encoding.towers import global_path, vision_transformer
from ris_ros.utils.device import Batches, multiplies_bfloat16

WIDE = 512
"""Width of an image tower from which on bfloat16 is worth its error; narrow ones gain little by it."""

IN_CACHE = 2048
"""Tokens that a CPU takes through the blocks together: few enough to stay in its cache from one step to the next."""


def is_sparse(visual: nn.Module) -> bool:
    """Whether a tower is a vision transformer of plain blocks with a class token, whose inside this file knows."""
    return global_path(visual) is vision_transformer and all(
        type(block) is ResidualAttentionBlock for block in visual.transformer.resblocks)


def quick_dtype(visual: nn.Module, dtype: torch.dtype, device: torch.device) -> torch.dtype:
    """The arithmetic for crops by a tower whose own is `dtype`: bfloat16 instead of float32 where that is quicker.

    Crops take most of the time and have little weight in what is compared with a text (paper: 5 %), so that an error of
    theirs, as large as bfloat16's half a percent, hardly shows.
    """
    is_wide = getattr(getattr(visual, "ln_post", None), "weight", torch.empty(0)).numel() >= WIDE
    return torch.bfloat16 if dtype == torch.float32 and is_wide and multiplies_bfloat16(device) else dtype


def encode_in_context(visual: VisionTransformer, image: Tensor, masks: Tensor, masked_blocks: int,
                      batches: Batches) -> Tensor:
    """As `towers.vision_transformer`, for any number of masks: float32 [N, D]."""
    blocks = list(visual.transformer.resblocks)
    first_masked = max(0, len(blocks) - masked_blocks)
    tokens = visual._embeds(image).float()
    for block in blocks[:first_masked]:
        tokens = _block(block, tokens)
    if first_masked == len(blocks):
        return _project(visual, tokens[:, 0]).expand(len(masks), -1)
    masks = masks.flatten(1).float()
    # Masks of like size share a batch, so that their attention has little padding.
    order = (masks > 0).sum(1).argsort()
    read = batches.map(lambda batch: _class_token(tokens[0], masks[batch], blocks[first_masked:]), order)
    return _project(visual, torch.cat(read)[order.argsort()])


def encode_images(visual: VisionTransformer, images: Tensor) -> Tensor:
    """As ``visual(images)``: float32 [B, D]."""
    at_a_time = max(1, IN_CACHE // len(visual.positional_embedding)) if images.device.type == "cpu" else len(images)
    return torch.cat([_encode_images(visual, some) for some in images.split(at_a_time)])


def _encode_images(visual: VisionTransformer, images: Tensor) -> Tensor:
    tokens = visual._embeds(images).float()
    *blocks, last = visual.transformer.resblocks
    for block in blocks:
        tokens = _block(block, tokens)
    return _project(visual, _read(last, tokens[:, 0], _norm(last.ln_1, tokens)))


def _block(block: ResidualAttentionBlock, x: Tensor) -> Tensor:
    """One block on all tokens of x, float32 [B, S, width]."""
    qkv = F.linear(_norm(block.ln_1, x).to(_dtype(block)), block.attn.in_proj_weight, block.attn.in_proj_bias)
    return _finish(block, x, _attend(block, qkv))


def _class_token(tokens: Tensor, masks: Tensor, blocks: list[ResidualAttentionBlock]) -> Tensor:
    """The class token, [B, width], after the masked blocks; `tokens` [1 + T, width], `masks` [B, T].

    Kept tokens lie one mask after the other, [M, width], each mask's class token first; attention spreads them out to
    [B, S, width], with the token that stands for the hidden ones in every place that is left over.
    """
    keep = torch.cat([masks.new_ones(len(masks), 1), masks], dim=1)
    lengths = (keep > 0).sum(1)
    which, source = keep.nonzero(as_tuple=True)
    keep = keep[which, source][:, None]
    slot = torch.arange(int(lengths.max()) + 1, device=masks.device)
    kept = slot < lengths[:, None]
    places = torch.where(kept, (lengths.cumsum(0) - lengths)[:, None] + slot, len(source))
    logits = torch.where(kept, 0.0, -torch.inf)
    logits[:, -1] = (len(tokens) - lengths).float().log()  # of the hidden ones' number; of none: never looked at
    x = tokens[source] * keep
    *blocks, last = blocks
    for number, block in enumerate(blocks):
        attention = block.attn
        weight, of_hidden = attention.in_proj_weight, _of_nothing(block)
        if number == 0:
            shared = F.linear(_norm(block.ln_1, tokens, shift=False).to(weight.dtype), weight)
            qkv = shared[source] * _norm_factor(block.ln_1, tokens, source, keep).to(weight.dtype) + of_hidden
        else:
            qkv = F.linear(_norm(block.ln_1, x).to(weight.dtype), weight, attention.in_proj_bias)
        x = _finish(block, x, _attend(block, torch.cat([qkv, of_hidden[None]])[places], logits)[kept])
        x = x * keep
    normed = torch.cat([_norm(last.ln_1, x), last.ln_1.bias.float()[None]])[places]
    return _read(last, x[places[:, 0]], normed, logits)


def _of_nothing(block: ResidualAttentionBlock) -> Tensor:
    """Query, key and value, [3 width], of a token of zeros: of what the layer norm makes of it, its shift."""
    return F.linear(block.ln_1.bias, block.attn.in_proj_weight, block.attn.in_proj_bias)


def _norm_factor(norm: nn.LayerNorm, tokens: Tensor, source: Tensor, keep: Tensor) -> Tensor:
    """What the norm of ``keep * token`` is longer by than the token's, [M, 1], before its shift."""
    variance = tokens.var(dim=1, correction=0)[source][:, None]
    return keep * ((variance + norm.eps) / (keep * keep * variance + norm.eps)).sqrt()


def _attend(block: ResidualAttentionBlock, qkv: Tensor, logits: Tensor | None = None) -> Tensor:
    """What each token, [B, S, width], gathers; `logits` [B, S] are added to the attention that each token gets."""
    query, key, value = (t.unflatten(2, (block.attn.num_heads, -1)).transpose(1, 2) for t in qkv.chunk(3, dim=2))
    mask = None if logits is None else logits[:, None, None].to(qkv.dtype)
    if mask is None and qkv.dtype == torch.bfloat16 and qkv.device.type == "cpu":
        # What torch fuses for the CPU does not use its products of bfloat16: these take two thirds of the time.
        mixed = (query / query.shape[3] ** 0.5 @ key.mT).softmax(3) @ value
    else:
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    return mixed.transpose(1, 2).flatten(2)


def _read(block: ResidualAttentionBlock, first: Tensor, normed: Tensor, logits: Tensor | None = None) -> Tensor:
    """The first token, [B, width], after a block; `normed` [B, S, width] are all tokens behind the block's first norm.

    A head's key and value matrices are applied to the one query and the one mean instead of to every token. What their
    biases add is the same for every token: the keys' falls out of the softmax, the values' is added once.
    """
    attention = block.attn
    normed = normed.to(_dtype(block))
    of_query, of_key, of_value = attention.in_proj_weight.unflatten(0, (3, attention.num_heads, -1))
    query_bias, _, value_bias = attention.in_proj_bias.unflatten(0, (3, attention.num_heads, -1))
    query = torch.einsum("bw,hdw->bhd", normed[:, 0], of_query) + query_bias
    asked = torch.einsum("bhd,hdw->bhw", query, of_key) / query.shape[2] ** 0.5
    scores = (asked @ normed.mT).float()
    share = (scores if logits is None else scores + logits[:, None]).softmax(2).to(normed.dtype)
    mixed = torch.einsum("bhw,hdw->bhd", share @ normed, of_value) + value_bias
    return _finish(block, first, mixed.flatten(1))


def _finish(block: ResidualAttentionBlock, x: Tensor, mixed: Tensor) -> Tensor:
    """The block's output for tokens x, float32 [..., width], from what they gathered."""
    x = x + block.ls_1(block.attn.out_proj(mixed))
    return x + block.ls_2(block.mlp(_norm(block.ln_2, x).to(_dtype(block))))


def _project(visual: VisionTransformer, pooled: Tensor) -> Tensor:
    return _norm(visual.ln_post, pooled) @ visual.proj.float()


def _norm(norm: nn.LayerNorm, x: Tensor, shift: bool = True) -> Tensor:
    return F.layer_norm(x, norm.normalized_shape, norm.weight.float(), norm.bias.float() if shift else None, norm.eps)


def _dtype(block: ResidualAttentionBlock) -> torch.dtype:
    return block.attn.in_proj_weight.dtype
