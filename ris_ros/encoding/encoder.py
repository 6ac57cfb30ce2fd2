"""The encoder of the method: one open_clip model, two features for each mask, one for each text."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from copy import copy, deepcopy
from functools import cached_property
from typing import Any

import numpy as np
import open_clip
import torch
from torch import Tensor, nn

from ris_ros.encoding import sparse
from ris_ros.encoding.pixels import image_tensor, masked_crop, resize_image, resize_masks
from ris_ros.encoding.text import text_features, vocabulary_size
from ris_ros.encoding.towers import global_path, patch_coverage, patch_grid
from ris_ros.errors import InputError
from ris_ros.types import check_image
from ris_ros.utils.device import Batches

TEXTS_KEPT = 1024
"""Texts whose features are remembered."""


class MaskGuidedEncoder:
    """Global and local features of masks, and features of texts, from an open_clip model.

    Implements section 3 of "Zero-shot Referring Image Segmentation with Global-Local Context Features" (CVPR 2023).

    Parameters
    ----------
    model : an open_clip model, as open_clip's factory leaves it; it is moved, converted and frozen in place
    tokenizer : the model's tokenizer; None takes CLIP's at the model's context length
    device, dtype : where, and in which arithmetic, the model runs
    crop_dtype : arithmetic of local features by the method "full", where `sparse` knows the tower; None: the quicker of
        `dtype` and bfloat16, see `sparse.quick_dtype`
    masked_blocks : last transformer blocks in which a mask hides patch tokens
    batch_size : masks encoded at a time; halved for good when the device runs out of memory
    default_visual_weight : the share of the global feature that suits this model (paper: 0.95)
    calibration : what turns this model's cosines into chances, see ``matching.looks.PromptBank``; None where nobody fitted it

    Raises
    ------
    InputError
        When the model's input does not divide into its patches.

    """

    def __init__(self, model: nn.Module, tokenizer: Callable | None = None, *, device: str | torch.device = "cpu",
                 dtype: torch.dtype = torch.float32, crop_dtype: torch.dtype | None = None, masked_blocks: int = 3,
                 batch_size: int = 32, default_visual_weight: float = 0.95, calibration: dict[str, Any] | None = None):
        self._global_path = global_path(model.visual)
        self._grid = patch_grid(model.visual) if self._global_path else None
        self._covered = patch_coverage(model.visual)
        self.device = torch.device(device)
        self.dtype = dtype
        self.crop_dtype = crop_dtype or sparse.quick_dtype(model.visual, dtype, self.device)
        self.logit_scale = model.logit_scale.exp().item()
        self.model = model.eval().requires_grad_(False).to(device=self.device, dtype=dtype)
        self.tokenizer = tokenizer or _default_tokenizer(model)
        self.masked_blocks = masked_blocks
        self.default_visual_weight = default_visual_weight
        self.calibration = calibration
        preprocess = open_clip.get_model_preprocess_cfg(model)
        self.size = _pair(preprocess["size"])
        self._mean, self._std = (
            torch.tensor(preprocess.get(name, default), device=self.device).view(1, 3, 1, 1)
            for name, default in (("mean", open_clip.OPENAI_DATASET_MEAN), ("std", open_clip.OPENAI_DATASET_STD)))
        self._is_sparse = sparse.is_sparse(model.visual)
        self._batches = Batches(batch_size, "masks")
        self._texts: OrderedDict[str, Tensor] = OrderedDict()

    @property
    def has_global_path(self) -> bool:
        """Whether the tower lets masks in; where it does not, both features are the local one."""
        return self._global_path is not None

    @property
    def arithmetic(self) -> str:
        """In what the method "full" computes, such as "float32, crops in bfloat16"."""
        own, crops = (str(dtype).removeprefix("torch.") for dtype in (self.dtype, self.crop_dtype))
        return own if own == crops or not self._is_sparse else f"{own}, crops in {crops}"

    @property
    def notes(self) -> list[str]:
        """What does not run as it was asked for, for diagnostics."""
        return [self._batches.note] if self._batches.note else []

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
            grid leaves its global feature with the class token alone; see `towers` for towers that have none.

        Raises
        ------
        InputError
            When image and masks do not fit the above.

        """
        features = self.look(image, masks, method=method)
        return features.in_context, features.local

    def look(self, image: np.ndarray, masks: np.ndarray, *, method: str = "reference") -> MaskFeatures:
        """The same features, each kind computed when it is first asked for; parameters as in :meth:`encode_masks`.

        Until then neither image nor masks may change.
        """
        check_image(image)
        _check_masks(masks, image)
        if method not in ("reference", "full"):
            raise InputError(f"method must be reference or full, not {method!r}")
        return MaskFeatures(self, image, masks, method)

    @torch.inference_mode()
    def encode_text(self, texts: list[str]) -> Tensor:
        """Features, float32 [M, D], unnormalised, of M texts; the 1024 used last are remembered.

        Raises
        ------
        InputError
            When the model's vocabulary is not CLIP's and it was given no tokenizer.

        """
        missing = [text for text in dict.fromkeys(texts) if text not in self._texts]
        if missing:
            if self.tokenizer is None:
                raise InputError(f"the model knows {vocabulary_size(self.model)} tokens, which are not CLIP's: give "
                                 "MaskGuidedEncoder its tokenizer, see open_clip.get_tokenizer")
            self._texts.update(zip(missing, self._encode_texts(missing), strict=True))
        for text in texts:
            self._texts.move_to_end(text)
        features = [self._texts[text] for text in texts]
        while len(self._texts) > TEXTS_KEPT:
            self._texts.popitem(last=False)
        return torch.stack(features) if features else torch.zeros((0, self._width), device=self.device)

    def whole_image(self, image: np.ndarray) -> Tensor:
        """What the tower sees of a whole image, RGB uint8 [H, W, 3]: float [1, 3, *size], normalised."""
        return self._normalised(resize_image(image_tensor(image, self.device), self.size))

    @torch.inference_mode()
    def _encode_in_context(self, image: np.ndarray, masks: np.ndarray, method: str) -> Tensor:
        if not len(masks):
            return torch.zeros((0, self._width), device=self.device)
        return self._encode_cells(image, resize_masks(masks, self._grid, self.device, self._covered), method)

    @torch.inference_mode()
    def _encode_cells(self, image: np.ndarray, cells: Tensor, method: str) -> Tensor:
        visual = self.model.visual
        inputs = self.whole_image(image)
        if method == "full" and self._is_sparse:
            return sparse.encode_in_context(visual, inputs, cells, self.masked_blocks, self._batches)
        return torch.cat(self._batches.map(
            lambda batch: self._global_path(visual, inputs, batch, self.masked_blocks), cells.to(self.dtype))).float()

    @torch.inference_mode()
    def _encode_crops(self, image: np.ndarray, masks: np.ndarray, method: str) -> Tensor:
        if not len(masks):
            return torch.zeros((0, self._width), device=self.device)
        pixels = image_tensor(image, self.device)

        def encode(batch: np.ndarray) -> Tensor:
            crops = self._normalised(torch.cat([masked_crop(pixels, mask, self.size) for mask in batch]))
            if method == "full" and self._is_sparse:
                return sparse.encode_images(self._crop_tower, crops.to(self.crop_dtype))
            return self.model.encode_image(crops, normalize=False)

        return torch.cat(self._batches.map(encode, masks)).float()

    def _encode_texts(self, texts: list[str]) -> Tensor:
        tokens = self.tokenizer(texts).to(self.device)
        return torch.cat(self._batches.map(lambda batch: text_features(self.model, batch), tokens)).float()

    def _normalised(self, pixels: Tensor) -> Tensor:
        return ((pixels - self._mean) / self._std).to(self.dtype)

    @cached_property
    def _crop_tower(self) -> nn.Module:
        if self.crop_dtype == self.dtype:
            return self.model.visual
        return deepcopy(self.model.visual).to(self.crop_dtype)

    @cached_property
    def _width(self) -> int:
        with torch.inference_mode():
            blank = torch.zeros((1, 3, *self.size), dtype=self.dtype, device=self.device)
            return self.model.encode_image(blank, normalize=False).shape[1]


class MaskFeatures:
    """Features of the masks of one image, as :meth:`MaskGuidedEncoder.look` gives them."""

    def __init__(self, encoder: MaskGuidedEncoder, image: np.ndarray, masks: np.ndarray, method: str):
        self._encoder = encoder
        self._masks = masks
        self._method = method
        self._image = image

    @cached_property
    def in_context(self) -> Tensor:
        """Global features, float32 [N, D]; the local ones where the tower does not let masks in."""
        if not self._encoder.has_global_path:
            return self.local
        return self._encoder._encode_in_context(self._image, self._masks, self._method)

    @cached_property
    def local(self) -> Tensor:
        """Local features, float32 [N, D]."""
        return self._encoder._encode_crops(self._image, self._masks, self._method)

    @cached_property
    def places(self) -> Tensor | None:
        """Global features, float32 [rows, columns, D], of what is about each patch; None without a global path."""
        if not self._encoder.has_global_path:
            return None
        rows, columns = self._encoder._grid
        down, across = (1 - 0.5 * (torch.arange(side)[:, None] - torch.arange(side)).abs().float()
                        for side in (rows, columns))
        cells = down.clamp(0)[:, None, :, None] * across.clamp(0)[None, :, None, :]
        cells = cells.reshape(rows * columns, rows, columns).to(self._encoder.device)
        return self._encoder._encode_cells(self._image, cells, self._method).unflatten(0, (rows, columns))

    def extended(self, masks: np.ndarray) -> MaskFeatures:
        """Features of these masks and further ones, bool [M, H, W]; only those of the latter are still to compute."""
        joined, more = copy(self), copy(self)
        joined._masks, more._masks = np.concatenate([self._masks, masks]), masks
        for features in (joined, more):
            for kind in ("in_context", "local"):
                features.__dict__.pop(kind, None)
        for kind in {"in_context", "local"} & self.__dict__.keys():
            joined.__dict__[kind] = torch.cat([getattr(self, kind), getattr(more, kind)])
        return joined

    def weighted(self, weight: float) -> tuple[Tensor | None, Tensor | None]:
        """Global and local features; None, and not computed, for the one that a global share of 1 or 0 leaves out."""
        return (self.in_context if weight > 0 else None), (self.local if weight < 1 else None)


def _check_masks(masks: np.ndarray, image: np.ndarray) -> None:
    if not isinstance(masks, np.ndarray) or masks.dtype != np.bool_ or masks.ndim != 3 \
            or masks.shape[1:] != image.shape[:2]:
        raise InputError(f"masks must be bool [N, {image.shape[0]}, {image.shape[1]}] for an image "
                         f"{list(image.shape)}, not {getattr(masks, 'dtype', type(masks))} {list(np.shape(masks))}")
    empty = [index for index, mask in enumerate(masks) if not mask.any()]
    if empty:
        raise InputError(f"mask {empty[0]} of masks {list(masks.shape)} is empty")


def _default_tokenizer(model: nn.Module) -> Callable | None:
    """CLIP's tokenizer; None for a model whose vocabulary is another."""
    tokenizer = open_clip.SimpleTokenizer(context_length=model.context_length)
    return tokenizer if tokenizer.vocab_size == vocabulary_size(model) else None


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else tuple(size)
