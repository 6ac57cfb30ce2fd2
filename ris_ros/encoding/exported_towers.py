"""The encoder with towers that `ris export` wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ris_ros.encoding.clip_model import ClipModel, Tokenizer
from ris_ros.encoding.encoder import MaskGuidedEncoder
from ris_ros.utils import exported


class ExportedEncoder(MaskGuidedEncoder):
    """A `MaskGuidedEncoder` whose features are computed by exported networks, in float32.

    The model itself is loaded too, for its tokenizer and to compare its weights with those that were exported.

    Parameters
    ----------
    folder : that `ris export` wrote
    model, tokenizer, options : as of `MaskGuidedEncoder`

    Raises
    ------
    InputError, MissingError
        As `exported.load`.

    """

    def __init__(self, folder: Path, model: ClipModel, tokenizer: Tokenizer | None = None, **options: Any):
        super().__init__(model, tokenizer, **options)
        key = {"weights": self.fingerprint}
        on = str(self.device)
        self._local = exported.load(folder, "local", key, on)
        self._text = exported.load(folder, "text", key, on)
        self._global = exported.load(folder, "global", {**key, "masked_blocks": self.masked_blocks}, on) \
            if self.has_global_path else None

    @property
    def arithmetic(self) -> str:
        """Return the dtype that features are computed in, and by what."""
        return f"float32, exported as {self._local.record.format}"

    def encode_crops(self, crops: Tensor, method: str) -> Tensor:
        """Return the features, float32 [N, D], of inputs [N, 3, *input_size]."""
        return self._run(self._local, crops=crops)

    def encode_soft_masks(self, inputs: Tensor, soft_masks: Tensor, method: str) -> Tensor:
        """Return global features, float32 [N, D], of an image, [1, 3, *input_size], under masks [N, rows, columns]."""
        network = self._global
        assert network is not None
        return torch.cat(self._batcher.map(lambda batch: self._run(network, image=inputs, masks=batch), soft_masks))

    def encode_tokens(self, tokens: Tensor) -> Tensor:
        """Return the features, float32 [M, D], of token ids [M, context length]."""
        return self._run(self._text, tokens=tokens)

    def _run(self, network: exported.ExportedNetwork, **inputs: Tensor) -> Tensor:
        [features] = network(**{name: values.cpu().numpy() for name, values in inputs.items()})
        return torch.from_numpy(features).to(self.device)
