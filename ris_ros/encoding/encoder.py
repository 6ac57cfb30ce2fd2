"""The encoder of the method: global and local features of masks, and features of texts, from one open_clip model."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from copy import deepcopy
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ris_ros.encoding import sparse, text_store
from ris_ros.encoding.clip_model import (
    ClipModel,
    Tokenizer,
    channel_statistics,
    default_tokenizer,
    input_size,
    text_features,
    vocabulary_size,
)
from ris_ros.encoding.mask_features import MaskFeatures
from ris_ros.encoding.preprocessing import image_tensor, masked_crop, resize_image, resize_masks
from ris_ros.encoding.towers import ImageTower, find_global_path, is_plain_vit
from ris_ros.errors import InputError
from ris_ros.types import check_image
from ris_ros.utils.device import AdaptiveBatcher
from ris_ros.utils.weights import fingerprint_of

METHODS = ("reference", "full")
"""Ways to compute the features of masks: as published, and the same features at less cost."""

MAX_CACHED_TEXTS = 1024
"""Texts whose features are kept, the most recently used ones."""

TEXT_BATCH = 64
"""Texts of a long list that are encoded at a time: more are no faster on a CPU."""
NEIGHBOUR_WEIGHT = 0.5
"""Soft mask value of a patch's direct neighbours when the region around the patch is encoded."""


class MaskGuidedEncoder:
    """Global and local features of masks, and features of texts, from an open_clip model.

    Implements section 3 of "Zero-shot Referring Image Segmentation with Global-Local Context Features" (CVPR 2023).

    Parameters
    ----------
    model : an open_clip model as open_clip's factory returns it; it is moved, converted and frozen in place
    tokenizer : the model's tokenizer; None for CLIP's at the model's context length
    device : where the model runs
    dtype : of the model's weights
    crop_dtype : of local features with the method "full", if `towers.is_plain_vit` holds for the image tower; None for
        the faster of `dtype` and bfloat16, see `sparse.fastest_crop_dtype`
    masked_blocks : number of last transformer blocks in which a mask hides patch tokens
    batch_size : masks encoded at a time; halved for good when the device runs out of memory
    default_visual_weight : share of the global feature that suits this model, 0..1 (paper: 0.95)
    calibration : turns this model's cosines into probabilities, see ``grounding.PromptBank``; None if it was not fitted

    Attributes
    ----------
    input_size : height and width, in pixels, of the image tower's input
    global_path : how the image tower applies masks; None if it cannot
    logit_scale : factor from cosines to logits

    Raises
    ------
    InputError
        If the patch size does not divide the model's input size.

    """

    def __init__(self, model: ClipModel, tokenizer: Tokenizer | None = None, *, device: str | torch.device = "cpu",
                 dtype: torch.dtype = torch.float32, crop_dtype: torch.dtype | None = None, masked_blocks: int = 3,
                 batch_size: int = 32, default_visual_weight: float = 0.95, calibration: dict[str, Any] | None = None):
        self.global_path = path = find_global_path(model.visual)
        self._patch_grid = path.patch_grid(model.visual) if path else (0, 0)
        self._patch_coverage = path.patch_coverage(model.visual) if path else (0.0, 0.0)
        self._is_plain_vit = is_plain_vit(model.visual)
        self.device = torch.device(device)
        self.dtype = dtype
        self.crop_dtype = crop_dtype or sparse.fastest_crop_dtype(model.visual, dtype, self.device)
        self.logit_scale = float(model.logit_scale.exp().item())
        model.eval()
        model.requires_grad_(False)
        model.to(device=self.device, dtype=dtype)
        self.model = model
        self.tokenizer = tokenizer or default_tokenizer(model)
        self.masked_blocks = masked_blocks
        self.default_visual_weight = default_visual_weight
        self.calibration = calibration
        self.input_size = input_size(model)
        self._mean, self._std = channel_statistics(model, self.device)
        self._batcher = AdaptiveBatcher(batch_size, "masks")
        self._text_cache: OrderedDict[str, Tensor] = OrderedDict()
        self._stored_texts: dict[str, Tensor] = {}

    @cached_property
    def fingerprint(self) -> str:
        """The sha256, in hexadecimal, of a sample of every weight of both towers: another for any other model."""
        return fingerprint_of(self.model.state_dict())

    @property
    def has_global_path(self) -> bool:
        """Return whether the image tower can apply masks; if not, the local feature replaces the global one."""
        return self.global_path is not None

    @property
    def arithmetic(self) -> str:
        """Return the dtypes that the method "full" computes in, such as "float32, crops in bfloat16"."""
        own, crops = (str(dtype).removeprefix("torch.") for dtype in (self.dtype, self.crop_dtype))
        return own if own == crops or not self._is_plain_vit else f"{own}, crops in {crops}"

    @property
    def notes(self) -> list[str]:
        """Return what does not run as requested, for diagnostics."""
        return [self._batcher.note] if self._batcher.note else []

    def encode_masks(self, image: np.ndarray, masks: np.ndarray, *, method: str = "reference") -> MaskFeatures:
        """Return the features of the masks of an image; each kind is computed when it is first read.

        Parameters
        ----------
        image : RGB uint8 [H, W, 3]; must not change before the features are read
        masks : bool [N, H, W], none of them empty; must not change either
        method : "reference" computes as published, "full" the same features at less cost, see `sparse`

        Raises
        ------
        InputError
            If an argument is not as above.

        """
        check_image(image)
        _check_masks(masks, image)
        if method not in METHODS:
            raise InputError(f"method must be reference or full, not {method!r}")
        return MaskFeatures(self, image, masks, method)

    @torch.inference_mode()
    def encode_global(self, image: np.ndarray, masks: np.ndarray, method: str) -> Tensor:
        """Return the global features of masks, float32 [N, D], unnormalised; parameters as in :meth:`encode_masks`.

        If a mask is too small to cover any patch, only the class token is kept; see `towers` for towers without one.
        """
        if not self.has_global_path:
            return self.encode_local(image, masks, method)
        if not len(masks):
            return self._no_features()
        return self.encode_soft_masks(self.preprocess(image), self.soften(masks), method)

    @torch.inference_mode()
    def encode_local(self, image: np.ndarray, masks: np.ndarray, method: str) -> Tensor:
        """Return the local features of masks, float32 [N, D], unnormalised; parameters as in :meth:`encode_masks`."""
        if not len(masks):
            return self._no_features()
        pixels = image_tensor(image, self.device)

        return torch.cat(self._batcher.map(lambda batch: self.encode_crops(self.crop(pixels, batch), method), masks))

    @torch.inference_mode()
    def encode_patches(self, image: np.ndarray, method: str) -> Tensor | None:
        """Return global features of the region around each patch, float32 [rows, columns, D], unnormalised.

        None if the image tower cannot apply masks. Parameters as in :meth:`encode_masks`.
        """
        if not self.has_global_path:
            return None
        rows, columns = self._patch_grid
        down, across = (1 - NEIGHBOUR_WEIGHT * (torch.arange(side)[:, None] - torch.arange(side)).abs().float()
                        for side in (rows, columns))
        soft_masks = down.clamp(0)[:, None, :, None] * across.clamp(0)[None, :, None, :]
        soft_masks = soft_masks.reshape(rows * columns, rows, columns).to(self.device)
        return torch.unflatten(self.encode_soft_masks(self.preprocess(image), soft_masks, method), 0, (rows, columns))

    @torch.inference_mode()
    def encode_text(self, texts: list[str]) -> Tensor:
        """Return the features of M texts, float32 [M, D], unnormalised; recently used ones are cached.

        Raises
        ------
        InputError
            As :meth:`tokenize`.

        """
        stored = self._stored_texts
        missing = [text for text in dict.fromkeys(texts) if text not in stored and text not in self._text_cache]
        if missing:
            self._text_cache.update(zip(missing, self._encode_new_texts(missing), strict=True))
        for text in texts:
            if text not in stored:
                self._text_cache.move_to_end(text)
        features = [stored[text] if text in stored else self._text_cache[text] for text in texts]
        while len(self._text_cache) > MAX_CACHED_TEXTS:
            self._text_cache.popitem(last=False)
        return torch.stack(features) if features else self._no_features()

    def store_texts(self, texts: Sequence[str]) -> None:
        """Compute the features of a long list of texts once for each model, and keep them in memory and on disk.

        :meth:`encode_text` then returns them, with the precision of float16.
        """
        if all(text in self._stored_texts for text in texts):
            return
        features = text_store.load_or_compute(self.fingerprint, texts, lambda: self._encode_many(texts))
        rows = torch.from_numpy(features.astype(np.float32)).to(self.device)
        self._stored_texts.update(zip(texts, rows, strict=True))

    def is_cut(self, text: str) -> bool:
        """Return whether a text has more tokens than the model reads."""
        if encode := getattr(self.tokenizer, "encode", None):
            return len(encode(text)) + 2 > self.model.context_length  # The start and the end are tokens too.
        # Other tokenizers: what follows a text that is cut changes nothing.
        tokens, longer = self.tokenize([text, f"{text} x"])
        return torch.equal(tokens, longer)

    def tokenize(self, texts: list[str]) -> Tensor:
        """Return the token ids of M texts, int64 [M, context length], on the encoder's device.

        Raises
        ------
        InputError
            If the model's vocabulary is not CLIP's and the encoder was given no tokenizer.

        """
        if self.tokenizer is None:
            raise InputError(f"the model knows {vocabulary_size(self.model)} tokens, which are not CLIP's: give "
                             "MaskGuidedEncoder its tokenizer, see open_clip.get_tokenizer")
        return self.tokenizer(texts).to(self.device)

    def preprocess(self, image: np.ndarray) -> Tensor:
        """Return a whole image, RGB uint8 [H, W, 3], as the image tower's input, [1, 3, *input_size]."""
        return self.normalize(resize_image(image_tensor(image, self.device), self.input_size))

    def normalize(self, pixels: Tensor) -> Tensor:
        """Return pixels, float [N, 3, H, W] in 0..1, with the model's channel mean and deviation, in its dtype."""
        return ((pixels - self._mean) / self._std).to(self.dtype)

    def crop(self, pixels: Tensor, masks: np.ndarray) -> Tensor:
        """Return the crops of masks, bool [N, H, W], of an `image_tensor`, as inputs [N, 3, *input_size]."""
        return self.normalize(torch.cat([masked_crop(pixels, mask, self.input_size) for mask in masks]))

    def soften(self, masks: np.ndarray) -> Tensor:
        """Return masks, bool [N, H, W], as soft masks on the patch grid, float32 [N, rows, columns]."""
        return resize_masks(masks, self._patch_grid, self.device, self._patch_coverage)

    def encode_crops(self, crops: Tensor, method: str) -> Tensor:
        """Return the features, float32 [N, D], of inputs [N, 3, *input_size]."""
        if method == "full" and self._is_plain_vit:
            return sparse.encode_images(self._crop_tower, crops.to(self.crop_dtype))
        return self.model.encode_image(crops, normalize=False).float()

    def encode_soft_masks(self, inputs: Tensor, soft_masks: Tensor, method: str) -> Tensor:
        """Return global features, float32 [N, D], of an image, [1, 3, *input_size], under masks [N, rows, columns]."""
        assert self.global_path is not None
        visual, encode = self.model.visual, self.global_path.encode
        if method == "full" and self._is_plain_vit:
            return sparse.encode_global(visual, inputs, soft_masks, self.masked_blocks, self._batcher)
        return torch.cat(self._batcher.map(
            lambda batch: encode(visual, inputs, batch, self.masked_blocks), soft_masks.to(self.dtype))).float()

    def encode_tokens(self, tokens: Tensor) -> Tensor:
        """Return the features, float32 [M, D], of token ids [M, context length]."""
        return text_features(self.model, tokens).float()

    def _encode_new_texts(self, texts: list[str]) -> Tensor:
        tokens = self.tokenize(texts)
        return torch.cat(self._batcher.map(self.encode_tokens, tokens))

    @torch.inference_mode()
    def _encode_many(self, texts: Sequence[str]) -> np.ndarray:
        """Return the features of many texts, float32 [M, D]: those of similar length together, with a progress bar."""
        from rich.console import Console
        from rich.progress import track

        console = Console(stderr=True)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        batches = [order[start:start + TEXT_BATCH] for start in range(0, len(order), TEXT_BATCH)]
        features = np.zeros((len(texts), self._feature_size), np.float32)
        for rows in track(batches, "encoding the vocabulary, once for this model", console=console, transient=True,
                          disable=not console.is_terminal):
            features[rows] = self._encode_new_texts([texts[i] for i in rows]).cpu().numpy()
        return features

    def _no_features(self) -> Tensor:
        return torch.zeros((0, self._feature_size), device=self.device)

    @cached_property
    def _crop_tower(self) -> ImageTower:
        if self.crop_dtype == self.dtype:
            return self.model.visual
        return deepcopy(self.model.visual).to(self.crop_dtype)

    @cached_property
    def _feature_size(self) -> int:
        with torch.inference_mode():
            blank = torch.zeros((1, 3, *self.input_size), dtype=self.dtype, device=self.device)
            return self.model.encode_image(blank, normalize=False).shape[1]


def _check_masks(masks: np.ndarray, image: np.ndarray) -> None:
    if not isinstance(masks, np.ndarray) or masks.dtype != np.bool_ or masks.ndim != 3 \
            or masks.shape[1:] != image.shape[:2]:
        raise InputError(f"masks must be bool [N, {image.shape[0]}, {image.shape[1]}] for an image "
                         f"{list(image.shape)}, not {getattr(masks, 'dtype', type(masks))} {list(np.shape(masks))}")
    empty = [index for index, mask in enumerate(masks) if not mask.any()]
    if empty:
        raise InputError(f"mask {empty[0]} of masks {list(masks.shape)} is empty")
