"""The baselines of the paper (section 4.1) with their own scores of masks for a text."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer
from torch import Tensor

from ris_ros.encoding.preprocessing import resize_masks
from ris_ros.encoding.towers import ImageTower, find_global_path, is_plain_vit
from ris_ros.encoding.towers.clip_towers import last_feature_map
from ris_ros.errors import InputError


class Scorer(Protocol):
    """Scores masks by their similarity to a text."""

    def encode(self, pixels: Tensor, masks: np.ndarray) -> None:
        """Take the normalised image, float [1, 3, S, S], and its masks, bool [N, H, W]."""

    def score(self, text: Tensor) -> Tensor:
        """Return float [N], the higher the better, for a text feature, float [D]."""


class RegionToken:
    """A class token for each mask that attends only to the mask's patches, through all blocks.

    This is what Adapting CLIP (Li et al., arXiv 2204.03647) does for superpixels: region tokens attend to patches and
    to themselves, and nothing attends to them, which leaves the patches unchanged. A patch belongs to a mask that
    covers at least half of it; a mask that covers half of no patch gets the patch that it covers most.
    """

    _features: Tensor

    def __init__(self, visual: ImageTower):
        if not is_plain_vit(visual):
            raise InputError("method region-token needs a CLIP vision transformer of plain blocks")
        self._visual = visual

    @torch.inference_mode()
    def encode(self, pixels: Tensor, masks: np.ndarray) -> None:
        """Compute a feature for each mask."""
        visual = self._visual
        coverage = _patch_coverage(visual, masks, pixels)
        highest = coverage.amax(1, keepdim=True)
        is_inside = (coverage >= 0.5) | (coverage == highest) & (highest < 0.5)
        attended = torch.cat([is_inside, torch.eye(len(masks), dtype=torch.bool, device=pixels.device)], dim=1)
        bias = torch.zeros(attended.shape, dtype=pixels.dtype, device=pixels.device).masked_fill(~attended, -torch.inf)
        tokens = visual._embeds(pixels)
        regions = tokens[:, :1].expand(1, len(masks), -1)
        for block in visual.transformer.resblocks:
            keys = block.ln_1(torch.cat([tokens[:, 1:], regions], dim=1))
            mixed = block.attention(keys[:, tokens.shape[1] - 1:], keys, keys, attn_mask=bias)
            regions = regions + block.ls_1(mixed)
            regions = regions + block.ls_2(block.mlp(block.ln_2(regions)))
            tokens = block(tokens)
        self._features = (visual.ln_post(regions[0]) @ visual.proj).float()

    def score(self, text: Tensor) -> Tensor:
        """Return the cosine similarity of each mask's feature and the text's."""
        return F.cosine_similarity(self._features, text[None])


class ScoreMap:
    """The similarity of dense features to the text, averaged over each mask (as in MaskCLIP, arXiv 2112.01071).

    Dense features of a ResNet are the value and output projections of the attention pooling, applied to each cell of
    the feature map. Those of a vision transformer are the projections of the last block's attention, applied to each
    patch and followed by the rest of the block, as in MaskCLIP's code. Each cell counts by the share of it that the
    mask covers.
    """

    _dense_features: Tensor
    _weights: Tensor

    def __init__(self, visual: ImageTower):
        _check_dense(visual, "score-map")
        self._visual = visual

    @torch.inference_mode()
    def encode(self, pixels: Tensor, masks: np.ndarray) -> None:
        """Compute a feature for each cell."""
        if isinstance(self._visual, ModifiedResNet):
            pool = self._visual.attnpool
            features = pool.c_proj(pool.v_proj(last_feature_map(self._visual, pixels)[0].flatten(1).T))
        else:
            tokens, block = _tokens_before_last_block(self._visual, pixels)
            _, _, weight = block.attn.in_proj_weight.chunk(3)
            _, _, bias = block.attn.in_proj_bias.chunk(3)
            x = tokens + block.ls_1(block.attn.out_proj(F.linear(block.ln_1(tokens), weight, bias)))
            x = x + block.ls_2(block.mlp(block.ln_2(x)))
            features = (self._visual.ln_post(x) @ self._visual.proj)[0, 1:]
        self._dense_features = F.normalize(features.float(), dim=1)
        self._weights = _coverage_weights(self._visual, masks, pixels)

    def score(self, text: Tensor) -> Tensor:
        """Return the mean similarity over each mask."""
        return self._weights @ (self._dense_features @ F.normalize(text, dim=0))


class GradCam:
    """Grad-CAM (Selvaraju et al.) of the similarity of the whole image and the text, averaged over each mask.

    The activations are the last feature map of a ResNet, or the normalised patch tokens that enter the last block of a
    vision transformer, which is the last point at which the class token attends to patches. Negative relevance counts
    as zero.
    """

    _activations: Tensor
    _weights: Tensor

    def __init__(self, visual: ImageTower):
        _check_dense(visual, "grad-cam")
        self._visual = visual

    @torch.no_grad()
    def encode(self, pixels: Tensor, masks: np.ndarray) -> None:
        """Compute the input of the last layer, which is the same for every text."""
        self._activations = (last_feature_map(self._visual, pixels) if isinstance(self._visual, ModifiedResNet)
                             else _tokens_before_last_block(self._visual, pixels)[0])
        self._weights = _coverage_weights(self._visual, masks, pixels)

    def score(self, text: Tensor) -> Tensor:
        """Return the mean relevance over each mask, where the most relevant cell has 1."""
        text = text.clone()  # an inference tensor cannot take part in a gradient
        with torch.enable_grad():
            if isinstance(self._visual, ModifiedResNet):
                cells = self._activations.detach().requires_grad_()
                feature = self._visual.attnpool(cells)
                (gradient,) = torch.autograd.grad(F.cosine_similarity(feature.float(), text[None]).sum(), cells)
                cells, gradient = cells[0].flatten(1).T, gradient[0].flatten(1).T
            else:
                block = self._visual.transformer.resblocks[-1]
                normed = block.ln_1(self._activations).detach().requires_grad_()
                x = self._activations[:, :1] + block.ls_1(block.attention(normed[:, :1], normed, normed))
                x = x + block.ls_2(block.mlp(block.ln_2(x)))
                feature = self._visual.ln_post(x[:, 0]) @ self._visual.proj
                (gradient,) = torch.autograd.grad(F.cosine_similarity(feature.float(), text[None]).sum(), normed)
                cells, gradient = normed[0, 1:], gradient[0, 1:]
        relevance = (cells.detach() @ gradient.mean(0)).relu().float()
        return self._weights @ (relevance / relevance.max().clamp_min(1e-12))


def _check_dense(visual: ImageTower, name: str) -> None:
    if not (isinstance(visual, ModifiedResNet) or is_plain_vit(visual)):
        raise InputError(f"method {name} needs a CLIP ResNet or a CLIP vision transformer of plain blocks")


def _tokens_before_last_block(visual: VisionTransformer, pixels: Tensor) -> tuple[Tensor, ResidualAttentionBlock]:
    """Return the tokens, [1, 1 + T, width], that enter the last block, and that block."""
    *blocks, last = visual.transformer.resblocks
    tokens = visual._embeds(pixels)
    for block in blocks:
        tokens = block(tokens)
    return tokens, last


def _coverage_weights(visual: ImageTower, masks: np.ndarray, pixels: Tensor) -> Tensor:
    """Return the weight of each cell of the feature grid in each mask, [N, cells]; those of a mask sum to 1."""
    coverage = _patch_coverage(visual, masks, pixels)
    return coverage / coverage.sum(1, keepdim=True).clamp_min(1e-12)


def _patch_coverage(visual: ImageTower, masks: np.ndarray, pixels: Tensor) -> Tensor:
    """Return the share of each cell of the feature grid that each mask covers, [N, cells]."""
    path = find_global_path(visual)
    if path is None:
        raise InputError("the model has no grid of features")
    return resize_masks(masks, path.patch_grid(visual), pixels.device).flatten(1)
