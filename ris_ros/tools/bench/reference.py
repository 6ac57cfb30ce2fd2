"""The reference method, written plainly: one prompt, mask, crop and text at a time, and nothing is kept.

Masks come from Segment Anything's automatic mask generation with the grid and thresholds that are its package's default
(arXiv 2304.02643, section 5). Among them chooses "Zero-shot Referring Image Segmentation with Global-Local Context
Features" (CVPR 2023, sections 3.1 to 3.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ris_ros.encoding import MaskGuidedEncoder
from ris_ros.proposals import filters
from ris_ros.proposals.resize import ResizeTransform
from ris_ros.tools.bench.published import PublishedNetwork
from ris_ros.utils.masks import mask_box

if TYPE_CHECKING:
    from ris_ros.parsing import PublishedParser

GRID_POINTS = 32
"""Prompt points along each side of the image."""
MIN_QUALITY, MIN_STABILITY, MAX_BOX_IOU = 0.88, 0.95, 0.7
IMAGENET_MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
"""Mean of the ImageNet pixels, RGB 0..1 [3, 1, 1], which replaces the surroundings of a mask."""


def propose(network: PublishedNetwork, image: np.ndarray) -> np.ndarray:
    """Return masks, bool [N, H, W], of everything in an image, uint8 RGB [H, W, 3]."""
    from torchvision.ops import nms

    height, width, _ = image.shape
    transform = ResizeTransform(height, width)
    rows, columns = transform.logit_shape
    embedding = network.encode(transform.resize(image))
    masks: list[np.ndarray] = []
    qualities: list[float] = []
    for y in (np.arange(GRID_POINTS) + 0.5) * height / GRID_POINTS:
        for x in (np.arange(GRID_POINTS) + 0.5) * width / GRID_POINTS:
            logits, quality = network.decode(embedding, np.array([[x, y]]) * transform.scale)
            logits, quality = logits[0, :, :rows, :columns], quality[0]
            is_good = (quality > MIN_QUALITY) & (filters.stability_score(logits) > MIN_STABILITY)
            good_masks = transform.resize_logits(logits[is_good])
            is_visible = good_masks.any(axis=(1, 2))
            masks.extend(good_masks[is_visible])
            qualities.extend(quality[is_good][is_visible])
    if not masks:
        return np.zeros((0, height, width), bool)
    boxes = torch.from_numpy(np.stack([mask_box(mask) for mask in masks])).float()
    return np.stack(masks)[nms(boxes, torch.tensor(np.array(qualities)), MAX_BOX_IOU).numpy()]


@torch.inference_mode()
def encode_global(encoder: MaskGuidedEncoder, image: np.ndarray, mask: np.ndarray) -> Tensor:
    """Return the global feature [D] of one mask: a pass of the whole image whose last blocks see the mask only."""
    visual, device = encoder.model.visual, encoder.device
    soft = F.interpolate(torch.from_numpy(mask)[None, None].float(), visual.grid_size, mode="bilinear",
                         antialias=True).flatten().to(device)[:, None]
    tokens = visual._embeds(_preprocess(encoder, torch.from_numpy(image).permute(2, 0, 1) / 255))
    blocks = visual.transformer.resblocks
    for number, block in enumerate(blocks):
        if number >= len(blocks) - encoder.masked_blocks:
            tokens = torch.cat([tokens[:, :1], tokens[:, 1:] * soft], dim=1)
        tokens = block(tokens)
    feature: Tensor = (visual.ln_post(tokens[0, 0]) @ visual.proj).float()
    return feature


@torch.inference_mode()
def encode_local(encoder: MaskGuidedEncoder, image: np.ndarray, mask: np.ndarray) -> Tensor:
    """Return the local feature [D] of one mask: a pass of its crop without the surroundings."""
    x1, y1, x2, y2 = mask_box(mask)
    pixels = torch.from_numpy(image).permute(2, 0, 1) / 255
    crop = torch.where(torch.from_numpy(mask), pixels, IMAGENET_MEAN)[:, y1:y2, x1:x2]
    feature: Tensor = encoder.model.encode_image(_preprocess(encoder, crop))[0].float()
    return feature


@torch.inference_mode()
def encode_text(encoder: MaskGuidedEncoder, text: str) -> Tensor:
    """Return the feature [D] of one text."""
    feature: Tensor = encoder.model.encode_text(encoder.tokenize([text]))[0].float()
    return feature


def encode_texts(encoder: MaskGuidedEncoder, texts: Sequence[str]) -> Tensor:
    """Return the features [T, D] of texts, one pass each."""
    return torch.stack([encode_text(encoder, text) for text in texts])


def choose(encoder: MaskGuidedEncoder, features: tuple[Tensor, Tensor], sentence: str, phrase: str,
           visual_weight: float = 0.95, text_weight: float = 0.5) -> int:
    """Return the index of the mask whose feature is closest to the text's.

    Parameters
    ----------
    encoder : encodes the texts
    features : global and local features of the masks, [N, D] each
    sentence, phrase : the whole text, and its noun phrase for the target
    visual_weight : weight of the global features; the local ones have the rest
    text_weight : weight of the sentence; the phrase has the rest

    """
    visual = visual_weight * features[0] + (1 - visual_weight) * features[1]
    text = text_weight * encode_text(encoder, sentence) + (1 - text_weight) * encode_text(encoder, phrase)
    return int(F.cosine_similarity(visual, text[None]).argmax())


def answer(network: PublishedNetwork, encoder: MaskGuidedEncoder, parser: PublishedParser, image: np.ndarray, text: str
           ) -> np.ndarray:
    """Return the mask, bool [H, W], of what a text names in an image, uint8 RGB [H, W, 3]."""
    masks = propose(network, image)
    if not len(masks):
        return np.zeros(image.shape[:2], bool)
    features = (torch.stack([encode_global(encoder, image, mask) for mask in masks]),
                torch.stack([encode_local(encoder, image, mask) for mask in masks]))
    query = parser.parse(text)
    chosen: np.ndarray = masks[choose(encoder, features, query.sentence, query.target_phrase,
                                      encoder.default_visual_weight)]
    return chosen


def _preprocess(encoder: MaskGuidedEncoder, pixels: Tensor) -> Tensor:
    """Return pixels, RGB 0..1 [3, h, w], as input of the model."""
    resized = F.interpolate(pixels[None], encoder.input_size, mode="bicubic", antialias=True).to(encoder.device)
    return encoder.normalize(resized)
