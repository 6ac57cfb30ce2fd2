"""The encoder ``colours``: a model of images and texts that knows nothing but colours, and has no weights."""

import torch
from torch import Tensor, nn

from ris_ros.config import EncoderConfig
from ris_ros.encoding import MaskGuidedEncoder

COLOURS = {"red": (1, -1, -1), "green": (-1, 1, -1), "blue": (-1, -1, 1), "yellow": (1, 1, -1), "white": (1, 1, 1)}
"""Words and their RGB colours, -1..1. Every other word is token 0, which says nothing."""

CONTEXT_LENGTH = 16


def tokenize(texts: list[str]) -> Tensor:
    """Return token ids, int64 [M, CONTEXT_LENGTH]."""
    ids = torch.zeros(len(texts), CONTEXT_LENGTH, dtype=torch.int64)
    for row, text in zip(ids, texts, strict=True):
        for i, word in enumerate(text.lower().split()[:CONTEXT_LENGTH]):
            row[i] = list(COLOURS).index(word) + 1 if word in COLOURS else 0
    return ids


def with_bias(features: Tensor) -> Tensor:
    """Return features with a small number more, so that a text without colours has a direction too."""
    return nn.functional.pad(features, (0, 1), value=0.1)


class MosaicTower(nn.Module):
    """Describes an image by its mean colour; how a mask chooses some of its patches is in `global_path`."""

    image_size, patch_size = 32, 4

    def patches(self, image: Tensor) -> Tensor:
        """Return the colours [rows, columns, 4] of the patches of one preprocessed image [1, 3, H, W]."""
        return with_bias(nn.functional.avg_pool2d(image, self.patch_size)[0].permute(1, 2, 0))

    def forward(self, images: Tensor) -> Tensor:
        """Return features [B, 4] of preprocessed images [B, 3, H, W]."""
        return torch.stack([self.patches(image[None]).mean(dim=(0, 1)) for image in images])


class ColourModel(nn.Module):
    """What `MaskGuidedEncoder` needs of a model: see `ris_ros.encoding.clip_model.ClipModel`."""

    context_length = CONTEXT_LENGTH

    def __init__(self) -> None:
        super().__init__()
        self.visual = MosaicTower()
        self.register_buffer("logit_scale", torch.tensor(3.0))
        self.register_buffer("words", torch.tensor([(0, 0, 0), *COLOURS.values()], dtype=torch.float32))

    def encode_image(self, image: Tensor, normalize: bool = False) -> Tensor:
        """Return features [B, 4] of preprocessed images [B, 3, H, W]."""
        features = self.visual(image)
        return nn.functional.normalize(features, dim=-1) if normalize else features

    def encode_text(self, text: Tensor, normalize: bool = False) -> Tensor:
        """Return features [M, 4] of token ids [M, CONTEXT_LENGTH]."""
        features = with_bias(self.words[text].sum(dim=1))
        return nn.functional.normalize(features, dim=-1) if normalize else features


def make_encoder(config: EncoderConfig, device: str) -> MaskGuidedEncoder:
    """Return the encoder on ``cpu``, ``cuda`` or ``cuda:N``."""
    return MaskGuidedEncoder(ColourModel(), tokenize, device=device, masked_blocks=config.masked_blocks,
                             batch_size=config.batch_size)
