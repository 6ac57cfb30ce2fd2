"""The encoder of the method: one open_clip model, two features for each mask, one for each text."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import open_clip
import torch
from torch import Tensor, nn

from ris_ros.encoding.pixels import image_tensor, masked_crop, resize_image, resize_masks
from ris_ros.encoding.sparse import is_sparse, sparse_vision_transformer
from ris_ros.encoding.towers import global_path, patch_grid
from ris_ros.errors import InputError
from ris_ros.types import check_image


class MaskGuidedEncoder:
    """Global and local features of masks, and features of texts, from an open_clip model.

    Implements section 3 of "Zero-shot Referring Image Segmentation with Global-Local Context Features" (CVPR 2023).

    Parameters
    ----------
    model : an open_clip model, its pre-processing settings attached, as open_clip's factory leaves it
    tokenizer : the model's tokenizer; None takes open_clip's default one at the model's context length
    device, dtype : where, and in which arithmetic, the model runs
    masked_blocks : last transformer blocks in which a mask hides patch tokens
    batch_size : masks encoded at a time
    default_visual_weight : the share of the global feature that suits this model (paper: 0.95)
    calibration : what turns this model's cosines into chances, see ``matching.looks.Bank``; None where nobody fitted it

    """

    def __init__(self, model: nn.Module, tokenizer: Callable | None = None, *, device: str | torch.device = "cpu",
                 dtype: torch.dtype = torch.float32, masked_blocks: int = 3, batch_size: int = 32,
                 default_visual_weight: float = 0.95, calibration: dict[str, Any] | None = None):
        self.device = torch.device(device)
        self.dtype = dtype
        self.model = model.eval().requires_grad_(False).to(device=self.device, dtype=dtype)
        self.tokenizer = tokenizer or open_clip.SimpleTokenizer(context_length=model.context_length)
        self.masked_blocks = masked_blocks
        self.batch_size = batch_size
        self.default_visual_weight = default_visual_weight
        self.calibration = calibration
        self.logit_scale = model.logit_scale.exp().item()
        preprocess = open_clip.get_model_preprocess_cfg(model)
        self.size = _pair(preprocess["size"])
        self._mean = torch.tensor(preprocess["mean"], device=self.device).view(1, 3, 1, 1)
        self._std = torch.tensor(preprocess["std"], device=self.device).view(1, 3, 1, 1)
        self._global_path = global_path(model.visual)
        self._encode_one_text = lru_cache(maxsize=1024)(self._encode_one_text_uncached)

    @property
    def has_global_path(self) -> bool:
        """Whether the tower lets masks in; where it does not, both features are the local one."""
        return self._global_path is not None

    @torch.inference_mode()
    def encode_masks(self, image: np.ndarray, masks: np.ndarray, *, method: str = "reference"
                     ) -> tuple[Tensor, Tensor]:
        """Encode every mask of an image in its global and in its local context.

        Parameters
        ----------
        image : RGB uint8 [H, W, 3]
        masks : bool [N, H, W], none of them empty
        method : "reference" computes as the paper tells; "full" the same features at less cost, see `sparse`

        Returns
        -------
        global_features, local_features : float32 [N, D] each, unnormalised. A mask too small to show on the patch
            grid leaves its global feature with the class token alone.

        Raises
        ------
        InputError
            When image and masks do not fit the above.

        """
        check_image(image)
        _check_masks(masks, image)
        if not len(masks):
            nothing = torch.zeros((0, len(self._encode_one_text(""))), device=self.device)
            return nothing, nothing
        pixels = image_tensor(image, self.device)
        local_features = self._encode_crops(pixels, masks)
        if self._global_path is None:
            return local_features, local_features
        return self._encode_in_context(pixels, masks, method), local_features

    @torch.inference_mode()
    def encode_text(self, texts: list[str]) -> Tensor:
        """Features, float32 [M, D], unnormalised, of M texts; recent ones are remembered."""
        return torch.stack([self._encode_one_text(text) for text in texts])

    def whole_image(self, image: np.ndarray) -> Tensor:
        """What the tower sees of a whole image, RGB uint8 [H, W, 3]: float [1, 3, *size], normalised."""
        return self._normalised(resize_image(image_tensor(image, self.device), self.size))

    def _encode_in_context(self, pixels: Tensor, masks: np.ndarray, method: str) -> Tensor:
        visual = self.model.visual
        inputs = self._normalised(resize_image(pixels, self.size))
        cells = resize_masks(masks, patch_grid(visual), self.device).to(self.dtype)
        if method == "full" and is_sparse(visual):
            return sparse_vision_transformer(visual, inputs, cells, self.masked_blocks, self.batch_size).float()
        features = [self._global_path(visual, inputs, batch, self.masked_blocks)
                    for batch in cells.split(self.batch_size)]
        return torch.cat(features).float()

    def _encode_crops(self, pixels: Tensor, masks: np.ndarray) -> Tensor:
        features = []
        for start in range(0, len(masks), self.batch_size):
            crops = [masked_crop(pixels, mask, self.size) for mask in masks[start:start + self.batch_size]]
            features.append(self.model.encode_image(self._normalised(torch.cat(crops))))
        return torch.cat(features).float()

    def _normalised(self, pixels: Tensor) -> Tensor:
        return ((pixels - self._mean) / self._std).to(self.dtype)

    def _encode_one_text_uncached(self, text: str) -> Tensor:
        return self.model.encode_text(self.tokenizer([text]).to(self.device))[0].float()


def _check_masks(masks: np.ndarray, image: np.ndarray) -> None:
    if not isinstance(masks, np.ndarray) or masks.dtype != np.bool_ or masks.shape[1:] != image.shape[:2]:
        raise InputError(f"masks must be bool [N, {image.shape[0]}, {image.shape[1]}] for an image "
                         f"{list(image.shape)}, not {getattr(masks, 'dtype', type(masks))} {list(np.shape(masks))}")
    empty = np.flatnonzero(~masks.any(axis=(1, 2)))
    if empty.size:
        raise InputError(f"mask {empty[0]} of masks {list(masks.shape)} is empty")


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else tuple(size)
