"""Weaker versions of an encoder, to measure how answers degrade with the quality of the features.

A weakened encoder brings no calibration, like any model that a robot builder starts with.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ris_ros.encoding import MaskGuidedEncoder
from ris_ros.errors import InputError


def weaken(encoder: MaskGuidedEncoder, kind: str, level: float, seed: int = 0) -> MaskGuidedEncoder:
    """Return a weakened copy of an encoder, without its calibration.

    Parameters
    ----------
    encoder : is left as it is
    kind : one of KINDS
    level : how much; 0 changes nothing
    seed : of the noise

    Raises
    ------
    InputError
        When there is no such kind, or the level is not a number that it can take.

    """
    if kind not in KINDS:
        raise InputError(f"no kind of weakening {kind!r}; there are {', '.join(KINDS)}")
    if not np.isfinite(level) or level < 0:
        raise InputError(f"the level of a weakening must be a number from 0 on, not {level}")
    weakened = KINDS[kind](encoder, level, seed)
    # Not all kinds change the weights, and what is stored for one model must not serve another.
    weakened.fingerprint = f"{weakened.fingerprint} {kind}:{level}:{seed}"
    return weakened


def parse_weakening(text: str) -> tuple[str, float, int]:
    """Parse KIND:LEVEL or KIND:LEVEL:SEED.

    Raises
    ------
    InputError
        When `text` is something else.

    """
    kind, *numbers = text.split(":")
    try:
        level, seed = float(numbers[0]), int(numbers[1]) if len(numbers) > 1 else 0
    except (IndexError, ValueError):
        raise InputError(f"a weakening is KIND:LEVEL, such as weights:0.6, not {text!r}") from None
    return kind, level, seed


def _with_noisy_weights(encoder: MaskGuidedEncoder, level: float, seed: int) -> MaskGuidedEncoder:
    """Add Gaussian noise of `level` standard deviations of each matrix to the vision weights."""
    generator = torch.Generator().manual_seed(seed)
    model = deepcopy(encoder.model)
    with torch.no_grad():
        for parameter in model.visual.parameters():
            if parameter.ndim >= 2:
                noise = torch.randn(parameter.shape, generator=generator).to(parameter)
                parameter += level * parameter.std() * noise
    return MaskGuidedEncoder(model, **_settings(encoder))


def _with_noisy_features(encoder: MaskGuidedEncoder, level: float, seed: int) -> MaskGuidedEncoder:
    """Add Gaussian noise of `level` times the norm of each feature; the same noise for the same feature."""
    def add_noise(features: Tensor) -> Tensor:
        rows = []
        for feature in features:
            generator = torch.Generator().manual_seed(_seed_of(seed, feature))
            noise = torch.randn(feature.shape, generator=generator).to(feature)
            rows.append(feature + level * feature.norm() / feature.numel() ** 0.5 * noise)
        return torch.stack(rows) if rows else features

    return _TransformedEncoder(add_noise, encoder)


def _with_shared_bias(encoder: MaskGuidedEncoder, level: float, seed: int) -> MaskGuidedEncoder:
    """Add one vector of `level` times the norm of each feature to all features."""
    def add_bias(features: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        direction = F.normalize(torch.randn(features.shape[1:], generator=generator), dim=0).to(features)
        return features + level * features.norm(dim=1, keepdim=True) * direction

    return _TransformedEncoder(add_bias, encoder)


def _with_small_input(encoder: MaskGuidedEncoder, level: float, seed: int) -> MaskGuidedEncoder:
    """Shrink the model's input by a factor of 1 + `level`, and enlarge it again."""
    return _SmallInputEncoder(1 + level, encoder)


KINDS: dict[str, Callable[[MaskGuidedEncoder, float, int], MaskGuidedEncoder]] = {
    "weights": _with_noisy_weights, "features": _with_noisy_features, "bias": _with_shared_bias,
    "input": _with_small_input}


class _TransformedEncoder(MaskGuidedEncoder):
    """Transforms the global and local features of another encoder."""

    def __init__(self, transform: Callable[[Tensor], Tensor], encoder: MaskGuidedEncoder):
        super().__init__(deepcopy(encoder.model), **_settings(encoder))
        self._transform = transform

    def encode_global(self, image: np.ndarray, masks: np.ndarray, method: str) -> Tensor:
        return self._transform(super().encode_global(image, masks, method))

    def encode_local(self, image: np.ndarray, masks: np.ndarray, method: str) -> Tensor:
        return self._transform(super().encode_local(image, masks, method))

    def encode_patches(self, image: np.ndarray, method: str) -> Tensor | None:
        patches = super().encode_patches(image, method)
        return None if patches is None else self._transform(patches.flatten(0, 1)).unflatten(0, patches.shape[:2])


class _SmallInputEncoder(MaskGuidedEncoder):
    """Sees images at a fraction of the resolution."""

    def __init__(self, factor: float, encoder: MaskGuidedEncoder):
        super().__init__(deepcopy(encoder.model), **_settings(encoder))
        self._factor = factor

    def normalize(self, pixels: Tensor) -> Tensor:
        height, width = pixels.shape[2:]
        small = (max(1, round(height / self._factor)), max(1, round(width / self._factor)))
        shrunk = F.interpolate(pixels, small, mode="bilinear", antialias=True)
        return super().normalize(F.interpolate(shrunk, (height, width), mode="bilinear"))


def _settings(encoder: MaskGuidedEncoder) -> dict[str, Any]:
    return {"tokenizer": encoder.tokenizer, "device": encoder.device, "dtype": encoder.dtype,
            "crop_dtype": encoder.crop_dtype, "masked_blocks": encoder.masked_blocks,
            "default_visual_weight": encoder.default_visual_weight}


def _seed_of(seed: int, feature: Tensor) -> int:
    """Return a seed that depends on the feature alone, so that a mask has the same noise in any batch."""
    content = np.round(feature.float().cpu().numpy(), 2).tobytes()
    return zlib.crc32(content, seed)
