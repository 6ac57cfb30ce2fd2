"""Text features at the cost of the words there are.

CLIP pads every text to its full context, 77 tokens, and reads the feature off the last real one. Its attention looks
back only, so that nothing after that token can matter: it is left out, and "the red cup" costs 5 tokens instead of 77.
"""

from __future__ import annotations

import torch
from open_clip.transformer import TextTransformer
from torch import Tensor, nn


def text_features(model: nn.Module, tokens: Tensor) -> Tensor:
    """As ``model.encode_text(tokens)``, unnormalised: [M, D] for token ids [M, context]."""
    text = getattr(model, "text", model)
    if not _looks_back_only(text):
        return model.encode_text(tokens, normalize=False)
    end = tokens.argmax(dim=1)
    length = int(end.max()) + 1
    x = text.token_embedding(tokens[:, :length]).to(text.transformer.get_cast_dtype())
    x = x + text.positional_embedding[:length].to(x.dtype)
    mask = text.attn_mask[:length, :length]
    for block in text.transformer.resblocks:
        x = block(x, attn_mask=mask)
    x = text.ln_final(x[torch.arange(len(x), device=x.device), end])
    projection = text.text_projection
    if projection is None:
        return x
    return projection(x) if isinstance(projection, nn.Linear) else x @ projection


def vocabulary_size(model: nn.Module) -> int:
    """How many tokens the model knows."""
    return getattr(model, "vocab_size", None) or getattr(model.text, "vocab_size", 0)


def _looks_back_only(text: nn.Module) -> bool:
    """Whether this is the text tower of CLIP: causal, read at its end token, which has the highest id."""
    is_clip = hasattr(text, "text_pool_type")  # The text tower of plain CLIP lies in the model itself.
    if not is_clip and not isinstance(text, TextTransformer):
        return False
    pool = text.text_pool_type if is_clip else text.pool_type
    padded = not is_clip and (text.cls_emb is not None or text.use_pad_mask)
    return pool == "argmax" and text.attn_mask is not None and not padded
