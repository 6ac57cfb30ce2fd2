"""Lazily computed features of the masks of one image."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


class FeatureEncoder(Protocol):
    """The interface of an encoder of masks; see :class:`MaskGuidedEncoder`."""

    @property
    def has_global_path(self) -> bool:
        """Return whether global features differ from local ones."""

    def encode_global(self, image: np.ndarray, masks: np.ndarray, method: str) -> Tensor:
        """Return the global features of masks, float32 [N, D]."""

    def encode_local(self, image: np.ndarray, masks: np.ndarray, method: str) -> Tensor:
        """Return the local features of masks, float32 [N, D]."""

    def encode_patches(self, image: np.ndarray, method: str) -> Tensor | None:
        """Return global features around each patch, float32 [rows, columns, D]."""


class MaskFeatures:
    """Features of the masks of one image, each kind computed once, when it is first read.

    Made by :meth:`MaskGuidedEncoder.encode_masks`.

    Parameters
    ----------
    encoder : computes the features
    image, masks, method : as in :meth:`MaskGuidedEncoder.encode_masks`
    preceding : features of other masks of the image, which come first; None if there are no others

    """

    def __init__(self, encoder: FeatureEncoder, image: np.ndarray, masks: np.ndarray, method: str,
                 preceding: MaskFeatures | None = None):
        self._encoder = encoder
        self._image = image
        self._masks = masks
        self._method = method
        self._preceding = preceding

    @cached_property
    def global_features(self) -> Tensor:
        """Return the global features, float32 [N, D], unnormalised; the local ones if the tower cannot apply masks."""
        if not self._encoder.has_global_path:
            return self.local_features
        features = self._encoder.encode_global(self._image, self._masks, self._method)
        return features if self._preceding is None else torch.cat([self._preceding.global_features, features])

    @cached_property
    def local_features(self) -> Tensor:
        """Return the local features, float32 [N, D], unnormalised."""
        features = self._encoder.encode_local(self._image, self._masks, self._method)
        return features if self._preceding is None else torch.cat([self._preceding.local_features, features])

    @cached_property
    def patch_features(self) -> Tensor | None:
        """Return global features of the region around each patch of the image, float32 [rows, columns, D].

        None if the tower cannot apply masks.
        """
        if self._preceding is not None:
            return self._preceding.patch_features
        return self._encoder.encode_patches(self._image, self._method)

    def extended(self, masks: np.ndarray) -> MaskFeatures:
        """Return the features of these masks followed by further ones, bool [M, H, W]; only the latter are computed."""
        return MaskFeatures(self._encoder, self._image, masks, self._method, preceding=self)

    def for_fusion(self, global_weight: float) -> tuple[Tensor | None, Tensor | None]:
        """Return the global and the local features that a fusion needs.

        A global share of 1 or 0 leaves one of them out: it is None, and not computed.
        """
        return (self.global_features if global_weight > 0 else None,
                self.local_features if global_weight < 1 else None)
