"""The methods that `--method` names: this package's, and the baselines of the paper (section 4.1) with the same masks.

Several are the reference procedure with other weights and need no code. The three that do look at an image in their own
way are scorers: ``look`` at an image and its masks once, then ``score`` texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from open_clip.modified_resnet import ModifiedResNet
from torch import Tensor, nn

from ris_ros.config import Config, LanguageConfig
from ris_ros.encoding import MaskGuidedEncoder
from ris_ros.encoding.pixels import resize_masks
from ris_ros.encoding.sparse import is_sparse
from ris_ros.encoding.towers import patch_grid
from ris_ros.errors import InputError
from ris_ros.language import ExpressionParser
from ris_ros.proposals import Proposer
from ris_ros.segmenter import ReferringSegmenter
from ris_ros.types import Depth, Proposals, Query


class Answer(Protocol):
    """What a method says; a `Result` is one."""

    mask: np.ndarray
    confidence: float


class Method(Protocol):
    """Whatever can be measured: an image with its masks once, then texts."""

    def set_image(self, image: np.ndarray, proposals: Proposals | None, *, depth: Depth | None = None) -> Proposals:
        """Take an image, uint8 RGB [H, W, 3], and the masks to choose from; None: the method's own proposer's."""

    def query(self, text: str) -> Answer:
        """Answer one expression."""


class Scorer(Protocol):
    """A way to score masks by a text."""

    def look(self, pixels: Tensor, masks: np.ndarray) -> None:
        """Take in the normalised image [1, 3, S, S] and its masks, bool [N, H, W]."""

    def score(self, text: Tensor) -> Tensor:
        """Float [N], the higher the closer, for a text feature [D]."""


@dataclass(frozen=True, eq=False)
class Choice:
    """The answer of a scorer: the mask with the highest score."""

    mask: np.ndarray
    confidence: float


class Scored:
    """A method that is made of a scorer. It reads the sentence as a whole, as the paper's baselines do."""

    def __init__(self, scorer: Scorer, encoder: MaskGuidedEncoder, parser: ExpressionParser,
                 proposer: Proposer | None = None):
        self._scorer, self._encoder, self._parser, self._proposer = scorer, encoder, parser, proposer
        self._proposals: Proposals | None = None

    def set_image(self, image: np.ndarray, proposals: Proposals | None, *, depth: Depth | None = None) -> Proposals:
        """Take an image and the masks to choose from; depth is not looked at."""
        self._proposals = proposals = self._proposer(image) if proposals is None else proposals
        if len(proposals):
            self._scorer.look(self._encoder.whole_image(image), proposals.masks)
        return proposals

    def query(self, text: str) -> Choice:
        """The mask that scores highest; nothing where there are no masks."""
        query: Query = self._parser.parse(text)
        if not len(self._proposals):
            return Choice(np.zeros(self._proposals.masks.shape[1:], bool), 0.0)
        scores = self._scorer.score(self._encoder.encode_text([query.sentence])[0])
        best = int(scores.argmax())
        return Choice(self._proposals.masks[best], float((self._encoder.logit_scale * scores).softmax(0)[best]))


class RegionToken:
    """A class token of its own for each mask, which sees only the mask's patches, through all blocks.

    As Adapting CLIP (Li et al., arXiv 2204.03647) does for superpixels: the region tokens read patches and themselves
    and are read by none, so that the patches are what they are without them. A patch belongs to a mask that covers half
    of it; a mask that covers half of none gets the one it covers most.
    """

    def __init__(self, visual: nn.Module):
        if not is_sparse(visual):
            raise InputError("method region-token needs a CLIP vision transformer of plain blocks")
        self._visual = visual
        self._features: Tensor | None = None

    @torch.inference_mode()
    def look(self, pixels: Tensor, masks: np.ndarray) -> None:
        """Compute a feature for each mask."""
        visual = self._visual
        shares = resize_masks(masks, patch_grid(visual), pixels.device).flatten(1)
        inside = (shares >= 0.5) | (shares == shares.amax(1, keepdim=True)) & (shares.amax(1, keepdim=True) < 0.5)
        seen = torch.cat([inside, torch.eye(len(masks), dtype=torch.bool, device=pixels.device)], dim=1)
        hidden = torch.zeros(seen.shape, dtype=pixels.dtype, device=pixels.device).masked_fill(~seen, -torch.inf)
        tokens = visual._embeds(pixels)
        regions = tokens[:, :1].expand(1, len(masks), -1)
        for block in visual.transformer.resblocks:
            read = block.ln_1(torch.cat([tokens[:, 1:], regions], dim=1))
            mixed = block.attention(read[:, tokens.shape[1] - 1:], read, read, attn_mask=hidden)
            regions = regions + block.ls_1(mixed)
            regions = regions + block.ls_2(block.mlp(block.ln_2(regions)))
            tokens = block(tokens)
        self._features = (visual.ln_post(regions[0]) @ visual.proj).float()

    def score(self, text: Tensor) -> Tensor:
        """Cosine of each mask's feature and the text's."""
        return F.cosine_similarity(self._features, text[None])


class ScoreMap:
    """Similarity of every place to the text, averaged over each mask (dense features as in MaskCLIP, arXiv 2112.01071).

    For ResNets the value and output projections of the attention pooling act on each place; for vision transformers
    the last block's do, followed by the rest of the block, as in MaskCLIP's code. The average is taken on the feature
    grid, each cell weighted by the share of it that the mask covers.
    """

    def __init__(self, visual: nn.Module):
        _check_dense(visual, "score-map")
        self._visual = visual
        self._places: Tensor | None = None
        self._shares: Tensor | None = None

    @torch.inference_mode()
    def look(self, pixels: Tensor, masks: np.ndarray) -> None:
        """Compute a feature for each place."""
        visual = self._visual
        if isinstance(visual, ModifiedResNet):
            pool = visual.attnpool
            features = pool.c_proj(pool.v_proj(_resnet_map(visual, pixels)[0].flatten(1).T))
        else:
            tokens, block = _tokens_before_last(visual, pixels)
            _, _, weight = block.attn.in_proj_weight.chunk(3)
            _, _, bias = block.attn.in_proj_bias.chunk(3)
            x = tokens + block.ls_1(block.attn.out_proj(F.linear(block.ln_1(tokens), weight, bias)))
            x = x + block.ls_2(block.mlp(block.ln_2(x)))
            features = (visual.ln_post(x) @ visual.proj)[0, 1:]
        self._places = F.normalize(features.float(), dim=1)
        self._shares = _shares(visual, masks, pixels)

    def score(self, text: Tensor) -> Tensor:
        """The mean similarity over each mask."""
        return self._shares @ (self._places @ F.normalize(text, dim=0))


class GradCam:
    """Where the match of the whole image and the text comes from (Grad-CAM, Selvaraju et al.), averaged over each mask.

    The activations are the last feature map of a ResNet; for vision transformers, the normalised patch tokens that
    enter the last block, the last place where the class token looks at patches. Negative evidence counts as none.
    """

    def __init__(self, visual: nn.Module):
        _check_dense(visual, "grad-cam")
        self._visual = visual
        self._input: Tensor | None = None
        self._shares: Tensor | None = None

    @torch.no_grad()
    def look(self, pixels: Tensor, masks: np.ndarray) -> None:
        """Compute what stands before the last layer, which is the same for every text."""
        visual = self._visual
        self._input = (_resnet_map(visual, pixels) if isinstance(visual, ModifiedResNet)
                       else _tokens_before_last(visual, pixels)[0])
        self._shares = _shares(visual, masks, pixels)

    def score(self, text: Tensor) -> Tensor:
        """The mean relevance over each mask, scaled so that the most relevant place has 1."""
        visual = self._visual
        text = text.clone()  # leaves inference mode, in which gradients cannot be had
        with torch.enable_grad():
            if isinstance(visual, ModifiedResNet):
                places = self._input.detach().requires_grad_()
                feature = visual.attnpool(places)
                (gradient,) = torch.autograd.grad(F.cosine_similarity(feature.float(), text[None]).sum(), places)
                places, gradient = places[0].flatten(1).T, gradient[0].flatten(1).T
            else:
                block = visual.transformer.resblocks[-1]
                normed = block.ln_1(self._input).detach().requires_grad_()
                x = self._input[:, :1] + block.ls_1(block.attention(normed[:, :1], normed, normed))
                x = x + block.ls_2(block.mlp(block.ln_2(x)))
                feature = visual.ln_post(x[:, 0]) @ visual.proj
                (gradient,) = torch.autograd.grad(F.cosine_similarity(feature.float(), text[None]).sum(), normed)
                places, gradient = normed[0, 1:], gradient[0, 1:]
        relevance = (places.detach() @ gradient.mean(0)).relu().float()
        return self._shares @ (relevance / relevance.max().clamp_min(1e-12))


WEIGHTED: dict[str, dict[str, object]] = {
    # Pictures of a data set are no still camera: each is looked at for itself.
    "full": {"method": "full", "frame_tolerance": 0.0},
    "reference": {"method": "reference"},
    "global": {"method": "reference", "matching.visual_weight": 1.0},
    "local": {"method": "reference", "matching.visual_weight": 0.0},
    "cropping": {"method": "reference", "matching.visual_weight": 0.0, "matching.text_weight": 1.0},
}
"""Methods that are settings: of the paper, global-local ("reference"), one of its two features alone with both texts,
and masked crops against the whole sentence."""

SCORERS: dict[str, type[Scorer]] = {"grad-cam": GradCam, "score-map": ScoreMap, "region-token": RegionToken}
"""Methods that are a scorer."""

METHODS = (*WEIGHTED, *SCORERS)


def method_config(name: str, config: Config) -> Config:
    """The configuration under which a method runs; InputError for an unknown name."""
    if name not in METHODS:
        raise InputError(f"there is no method {name!r}; known are {', '.join(METHODS)}")
    return config.replace(WEIGHTED.get(name, {"method": "reference"}))


def make_method(name: str, config: Config, encoder: MaskGuidedEncoder, proposer: Proposer | None = None) -> Method:
    """The method of that name, one of METHODS, around an encoder and, where images come without masks, a proposer.

    Raises
    ------
    InputError
        For an unknown name, or a model that the method cannot look into.

    """
    config = method_config(name, config)
    parser = _parser(config.language, config.method)
    if name in SCORERS:
        return Scored(SCORERS[name](encoder.model.visual), encoder, parser, proposer)
    return ReferringSegmenter(config, proposer, encoder, parser)


@lru_cache(maxsize=4)
def _parser(config: LanguageConfig, method: str) -> ExpressionParser:
    # Methods that are compared read alike, and share what was read.
    return ExpressionParser(config, method)


def _check_dense(visual: nn.Module, name: str) -> None:
    if not (isinstance(visual, ModifiedResNet) or is_sparse(visual)):
        raise InputError(f"method {name} needs a CLIP ResNet or a CLIP vision transformer of plain blocks")


def _resnet_map(visual: ModifiedResNet, pixels: Tensor) -> Tensor:
    features = visual.stem(pixels)
    for layer in (visual.layer1, visual.layer2, visual.layer3, visual.layer4):
        features = layer(features)
    return features


def _tokens_before_last(visual: nn.Module, pixels: Tensor) -> tuple[Tensor, nn.Module]:
    *blocks, last = visual.transformer.resblocks
    tokens = visual._embeds(pixels)
    for block in blocks:
        tokens = block(tokens)
    return tokens, last


def _shares(visual: nn.Module, masks: np.ndarray, pixels: Tensor) -> Tensor:
    """How much each place counts for each mask, [N, places], summing to 1."""
    shares = resize_masks(masks, patch_grid(visual), pixels.device).flatten(1)
    return shares / shares.sum(1, keepdim=True).clamp_min(1e-12)
