"""Typed access to open_clip models: image tower, preprocessing, tokens and text features.

open_clip ships no type information, and torch declares every attribute of a module as ``Tensor | Module``. The types
below declare what the encoder relies on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

import open_clip
import torch
from open_clip.transformer import TextTransformer
from torch import Tensor, nn

from ris_ros.encoding.towers import ImageTower

Tokenizer: TypeAlias = Callable[[list[str]], Tensor]
"""Texts -> token ids, int64 [M, context length]."""


class ClipModel(Protocol):
    """The interface that the encoder uses of an open_clip model; ``CLIP``, ``CustomTextCLIP`` and ``CoCa`` have it."""

    visual: ImageTower
    logit_scale: Tensor
    context_length: int

    def encode_image(self, image: Tensor, normalize: bool = False) -> Tensor:
        """Return features [B, D] of preprocessed images [B, 3, H, W]."""

    def encode_text(self, text: Tensor, normalize: bool = False) -> Tensor:
        """Return features [M, D] of token ids [M, context length]."""

    def eval(self) -> Any:
        """Switch to inference behaviour, in place."""

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Freeze or unfreeze the weights, in place."""

    def state_dict(self) -> dict[str, Tensor]:
        """Return the weights by name."""

    def to(self, *, device: torch.device, dtype: torch.dtype) -> Any:
        """Move and convert the weights, in place."""


def input_size(model: ClipModel) -> tuple[int, int]:
    """Return the height and width, in pixels, of the image tower's input."""
    size = open_clip.get_model_preprocess_cfg(model)["size"]
    if isinstance(size, int):
        return size, size
    height, width = size
    return height, width


def channel_statistics(model: ClipModel, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the mean and standard deviation, float32 [1, 3, 1, 1] each, that the model's input is normalised with."""
    config = open_clip.get_model_preprocess_cfg(model)
    defaults = {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD}
    mean, std = (torch.tensor(config.get(name, default), device=device).view(1, 3, 1, 1)
                 for name, default in defaults.items())
    return mean, std


def vocabulary_size(model: ClipModel) -> int:
    """Return the number of tokens that the model knows."""
    own_size: int | None = getattr(model, "vocab_size", None)
    text_size: int = getattr(_text_tower(model), "vocab_size", 0)
    return own_size or text_size


def default_tokenizer(model: ClipModel) -> Tokenizer | None:
    """Return CLIP's tokenizer at the model's context length; None if the model has another vocabulary."""
    tokenizer = open_clip.SimpleTokenizer(context_length=model.context_length)
    return tokenizer if tokenizer.vocab_size == vocabulary_size(model) else None


def text_features(model: ClipModel, tokens: Tensor) -> Tensor:
    """Return the features of ``model.encode_text(tokens)``, unnormalised, without computing the padding.

    CLIP pads each text to its full context of 77 tokens and reads the feature at the last real token. Attention is
    causal, so later tokens cannot change the feature: they are cut off, and "the red cup" costs 5 tokens, not 77.

    Parameters
    ----------
    model : an open_clip model
    tokens : token ids [M, context length]

    Returns
    -------
    features : [M, D]

    """
    text = _text_tower(model)
    if not _is_causal(text):
        return model.encode_text(tokens, normalize=False)
    end = tokens.argmax(dim=1)
    length = int(end.max()) + 1
    x = text.token_embedding(tokens[:, :length]).to(text.transformer.get_cast_dtype())
    x = x + text.positional_embedding[:length].to(x.dtype)
    mask = text.attn_mask[:length, :length]
    for block in text.transformer.resblocks:
        x = block(x, attn_mask=mask)
    features: Tensor = text.ln_final(x[torch.arange(len(x), device=x.device), end])
    projection: nn.Linear | Tensor | None = text.text_projection
    if projection is None:
        return features
    if isinstance(projection, Tensor):
        return features @ projection
    projected: Tensor = projection(features)
    return projected


def _text_tower(model: ClipModel) -> Any:
    """Return the module with the text layers, which for plain CLIP is the model itself."""
    return getattr(model, "text", model)


def _is_causal(text: Any) -> bool:
    """Return whether this is CLIP's text tower: causal, and read at the end token, which has the highest id."""
    is_plain_clip = hasattr(text, "text_pool_type")
    if not is_plain_clip and not isinstance(text, TextTransformer):
        return False
    pool_type = text.text_pool_type if is_plain_clip else text.pool_type
    needs_padding = not is_plain_clip and (text.cls_emb is not None or text.use_pad_mask)
    return pool_type == "argmax" and text.attn_mask is not None and not needs_padding
