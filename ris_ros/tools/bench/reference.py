"""The reference procedure, written plainly: one prompt, one mask, one crop, one text at a time, nothing kept.

Segment Anything's automatic mask generation with the grid and thresholds that its package has by default (arXiv
2304.02643, section 5) proposes masks; "Zero-shot Referring Image Segmentation with Global-Local Context Features" (CVPR
2023, sections 3.1 to 3.3) chooses among them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ris_ros.encoding import MaskGuidedEncoder
from ris_ros.proposals import filters
from ris_ros.proposals.prompting import Network
from ris_ros.proposals.resize import ResizeTransform

GRID = 32
MIN_QUALITY, MIN_STABILITY, MOST_BOX_IOU = 0.88, 0.95, 0.7
IMAGENET_MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]


def propose(network: Network, image: np.ndarray) -> np.ndarray:
    """Masks, bool [N, H, W], of everything in an image, RGB uint8 [H, W, 3]."""
    from torchvision.ops import nms

    height, width, _ = image.shape
    frame = ResizeTransform(height, width)
    rows, columns = frame.logit_shape
    embedding = network.encode(frame.resize(image))
    masks, qualities = [], []
    for y in (np.arange(GRID) + 0.5) * height / GRID:
        for x in (np.arange(GRID) + 0.5) * width / GRID:
            logits, quality = network.decode(embedding, np.array([[x, y]]) * frame.scale)
            logits, quality = logits[0, :, :rows, :columns], quality[0]
            good = (quality > MIN_QUALITY) & (filters.stability(logits) > MIN_STABILITY)
            found = frame.masks(logits[good])
            seen = found.any(axis=(1, 2))
            masks.extend(found[seen])
            qualities.extend(quality[good][seen])
    if not masks:
        return np.zeros((0, height, width), bool)
    masks = np.stack(masks)
    boxes = torch.from_numpy(np.stack([_box(mask) for mask in masks])).float()
    return masks[nms(boxes, torch.tensor(np.array(qualities)), MOST_BOX_IOU).numpy()]


@torch.inference_mode()
def in_context(encoder: MaskGuidedEncoder, image: np.ndarray, mask: np.ndarray) -> Tensor:
    """The global feature [D] of one mask: a forward pass in which the last blocks see what the mask shows."""
    visual, device = encoder.model.visual, encoder.device
    soft = F.interpolate(torch.from_numpy(mask)[None, None].float(), visual.grid_size, mode="bilinear",
                         antialias=True).flatten().to(device)[:, None]
    tokens = visual._embeds(_prepared(encoder, torch.from_numpy(image).permute(2, 0, 1) / 255))
    blocks = visual.transformer.resblocks
    for number, block in enumerate(blocks):
        if number >= len(blocks) - encoder.masked_blocks:
            tokens = torch.cat([tokens[:, :1], tokens[:, 1:] * soft], dim=1)
        tokens = block(tokens)
    return (visual.ln_post(tokens[0, 0]) @ visual.proj).float()


@torch.inference_mode()
def alone(encoder: MaskGuidedEncoder, image: np.ndarray, mask: np.ndarray) -> Tensor:
    """The local feature [D] of one mask: a forward pass on its crop, without its surroundings."""
    x1, y1, x2, y2 = _box(mask)
    pixels = torch.from_numpy(image).permute(2, 0, 1) / 255
    crop = torch.where(torch.from_numpy(mask), pixels, IMAGENET_MEAN)[:, y1:y2, x1:x2]
    return encoder.model.encode_image(_prepared(encoder, crop))[0].float()


@torch.inference_mode()
def text(encoder: MaskGuidedEncoder, words: str) -> Tensor:
    """The feature [D] of one text."""
    return encoder.model.encode_text(encoder.tokenizer([words]).to(encoder.device))[0].float()


def choose(encoder: MaskGuidedEncoder, features: tuple[Tensor, Tensor], sentence: str, phrase: str,
           visual_weight: float = 0.95, text_weight: float = 0.5) -> int:
    """The index of the mask whose feature, global and local fused, is closest to the text's."""
    visual = visual_weight * features[0] + (1 - visual_weight) * features[1]
    words = text_weight * text(encoder, sentence) + (1 - text_weight) * text(encoder, phrase)
    return int(F.cosine_similarity(visual, words[None]).argmax())


def answer(network: Network, encoder: MaskGuidedEncoder, parser: Any, image: np.ndarray, words: str) -> np.ndarray:
    """The mask, bool [H, W], of what `words` name in an image."""
    masks = propose(network, image)
    if not len(masks):
        return np.zeros(image.shape[:2], bool)
    features = (torch.stack([in_context(encoder, image, mask) for mask in masks]),
                torch.stack([alone(encoder, image, mask) for mask in masks]))
    query = parser.parse(words)
    return masks[choose(encoder, features, query.sentence, query.target_phrase, encoder.default_visual_weight)]


def _prepared(encoder: MaskGuidedEncoder, pixels: Tensor) -> Tensor:
    resized = F.interpolate(pixels[None], encoder.size, mode="bicubic", antialias=True).to(encoder.device)
    return ((resized - encoder._mean) / encoder._std).to(encoder.dtype)


def _box(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
