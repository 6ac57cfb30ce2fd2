"""The bundled model: its configuration, and its features as computed in training.

They equal the features of `ris_ros.encoding`, but are cheaper to compute for many masks at once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import open_clip
import torch
import torch.nn.functional as F  # noqa: N812
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from torch import Tensor

IMAGE_SIZE, PATCH_SIZE = 96, 8
GRID = IMAGE_SIZE // PATCH_SIZE
"""Patches along one side of the input."""
MASKED_BLOCKS = 3
"""Number of final transformer blocks in which a mask is applied to the patch tokens."""
CONTEXT_LENGTH = 32
"""Tokens of a text."""
MODEL_CONFIG: dict[str, Any] = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": IMAGE_SIZE, "layers": 6, "width": 128, "head_width": 32, "mlp_ratio": 2.0,
                   "patch_size": PATCH_SIZE},
    "text_cfg": {"context_length": CONTEXT_LENGTH, "vocab_size": 49408, "width": 96, "heads": 4, "layers": 2},
}
"""The model's configuration as open_clip takes it."""


def create_model() -> open_clip.CLIP:
    """Create the model with random weights and a sinusoidal position embedding of the patches."""
    model = open_clip.CLIP(**MODEL_CONFIG)
    model.visual.positional_embedding.data[1:] = _sinusoids(GRID, model.visual.positional_embedding.shape[1])
    return model


def normalise(pixels: np.ndarray) -> Tensor:
    """Return uint8 images [N, H, W, 3] as model input, float [N, 3, H, W]."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (OPENAI_DATASET_MEAN, OPENAI_DATASET_STD))
    normalised: Tensor = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255 - mean) / std
    return normalised


def local_features(visual: Any, crops: Tensor, kept_share: float = 1.0) -> Tensor:
    """Encode crops [N, 3, H, W] to local features [N, D].

    With `kept_share` below 1, only that share of the patches of each crop is encoded, which trains nearly as well. They
    are sampled from the non-uniform patches; uniform ones are added only if these are too few.
    """
    tokens = visual._embeds(crops)
    if kept_share < 1:
        count = round(kept_share * (tokens.shape[1] - 1))
        is_textured = F.max_pool2d(crops, PATCH_SIZE) + F.max_pool2d(-crops, PATCH_SIZE) > 0.02
        priority = is_textured.any(1).flatten(1) + torch.rand(len(tokens), tokens.shape[1] - 1, device=tokens.device)
        chosen = torch.cat([priority.new_zeros(len(tokens), 1, dtype=torch.long),
                            1 + priority.argsort(1, descending=True)[:, :count]], 1)
        tokens = tokens.gather(1, chosen[..., None].expand(-1, -1, tokens.shape[2]))
    pooled, _ = visual._pool(visual.transformer(tokens))
    features: Tensor = pooled @ visual.proj
    return features


def image_tokens(visual: Any, images: Tensor) -> Tensor:
    """Encode whole images [S, 3, H, W] to tokens [S, 1 + patches, W], up to the blocks in which masks are applied."""
    tokens: Tensor = visual._embeds(images)
    for block in visual.transformer.resblocks[:-MASKED_BLOCKS]:
        tokens = block(tokens)
    return tokens


def global_features(visual: Any, tokens: Tensor, scene: Tensor, masks: Tensor) -> Tensor:
    """Encode soft masks to global features [N, D].

    The result is exactly that of the method's masked blocks, at a fraction of the cost. The patches outside a mask are
    zero before every block, hence identical, and are represented by a single token with a weight in the attention that
    is higher by their number.

    Parameters
    ----------
    visual : the image tower
    tokens : [S, 1 + patches, W], of :func:`image_tokens`
    scene : int64 [N], which of the images a mask belongs to
    masks : float [N, patches], 0..1

    """
    patches = masks.shape[1]
    kept = int((masks > 0).sum(1).max())
    chosen = masks.argsort(dim=1, descending=True)[:, :kept]
    weights = torch.cat([masks.new_ones(len(masks), 1), masks.gather(1, chosen), masks.new_zeros(len(masks), 1)], 1)
    index = torch.cat([chosen.new_zeros(len(masks), 1), 1 + chosen, chosen.new_zeros(len(masks), 1)], 1)
    tokens = tokens[scene[:, None], index]
    bias = tokens.new_zeros(kept + 2, kept + 2)
    bias[:, -1] = math.log(patches - kept) if kept < patches else -math.inf
    for block in visual.transformer.resblocks[-MASKED_BLOCKS:]:
        tokens = block(tokens * weights[..., None], attn_mask=bias)
    pooled, _ = visual._pool(tokens)
    features: Tensor = pooled @ visual.proj
    return features


def text_features(model: open_clip.CLIP, tokens: Tensor) -> Tensor:
    """Encode texts, int64 [M, L], to features [M, D] like ``model.encode_text``, but without common padding."""
    tokens = trim_padding(tokens)
    return text_features_of(model, tokens, model.token_embedding(tokens))


def text_features_of(model: open_clip.CLIP, tokens: Tensor, embedded: Tensor) -> Tensor:
    """Encode texts, int64 [M, L], with given token embeddings, float [M, L, W], to features [M, D]."""
    length = tokens.shape[1]
    hidden = embedded + model.positional_embedding[:length]
    hidden = model.ln_final(model.transformer(hidden, attn_mask=model.attn_mask[:length, :length]))
    features: Tensor = hidden[torch.arange(len(tokens)), tokens.argmax(1)] @ model.text_projection
    return features


def trim_padding(tokens: Tensor) -> Tensor:
    """Cut texts, int64 [M, L], to the length of the longest one."""
    return tokens[:, :int((tokens != 0).sum(1).max())]


def _sinusoids(grid: int, width: int) -> Tensor:
    """Return position embeddings [grid * grid, width] of sines and cosines of a patch's row and column.

    With this initialisation the model learns much sooner which patches are neighbours, and thus shapes.
    """
    frequencies = 0.5 * grid ** -torch.linspace(0, 1, width // 4)
    along = torch.arange(grid)[:, None] * frequencies * math.pi
    waves = torch.cat([along.sin(), along.cos()], 1)
    rows, columns = waves.repeat_interleave(grid, 0), waves.repeat(grid, 1)
    return 0.5 * torch.cat([rows, columns], 1)
