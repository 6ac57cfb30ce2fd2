"""A stand-in for an encoder that knows the boxed things of a picture, to measure the search for what none shows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from ris_ros.config import Config
from ris_ros.encoding import MaskFeatures, MaskGuidedEncoder
from ris_ros.language import ExpressionParser
from ris_ros.proposals import Proposer
from ris_ros.segmenter import ReferringSegmenter
from ris_ros.tools.bench.boxes import BoxedPicture
from ris_ros.utils.masks import box_iou, mask_box

NAMES = ("zebra", "giraffe", "elephant", "tiger", "lion", "wolf", "fox", "rabbit", "squirrel", "camel", "donkey",
         "goat", "pig", "monkey", "penguin", "eagle", "owl", "parrot", "turtle", "walrus", "badger", "otter",
         "hedgehog", "kangaroo")
"""What the things of a picture are called, whatever they are: words that the parser knows to be things."""

PATCHES = 14
"""Patches along each side of an image, as ViT-B/16 has them."""

MIN_SHARE = 0.25
"""Share of a patch that a thing covers, or of a thing that lies in a patch, for the patch to show it."""

MIN_IOU = 0.7
"""IoU with the thing's box from which on a mask shows it."""


class BoxEncoder:
    """Features that match the name of a thing inside its box; the interface of `encoding.MaskGuidedEncoder`.

    Parameters
    ----------
    boxes : of the things, float64 [K, 4], xyxy pixels; the first is called by the first of `NAMES`, and so on

    """

    has_global_path = False
    default_visual_weight = 0.0
    logit_scale = 100.0
    calibration = None
    fingerprint = "boxes"
    model = SimpleNamespace(context_length=77)

    def __init__(self, boxes: np.ndarray):
        self._boxes = boxes
        self.notes: list[str] = []

    def encode_masks(self, image: np.ndarray, masks: np.ndarray, *, method: str = "reference") -> MaskFeatures:
        """Return the features of masks; see `MaskGuidedEncoder.encode_masks`."""
        return MaskFeatures(self, image, masks, method)

    def encode_global(self, image: np.ndarray, masks: np.ndarray, method: str) -> Tensor:
        """Return the features of masks, float32 [N, K + 1]."""
        return self.encode_local(image, masks, method)

    def encode_local(self, image: np.ndarray, masks: np.ndarray, method: str) -> Tensor:
        """Return the features of masks, float32 [N, K + 1]."""
        iou = np.array([[box_iou(mask_box(mask), box) for box in self._boxes] for mask in masks])
        iou = iou.reshape(len(masks), len(self._boxes))
        return _features((iou >= MIN_IOU) & (iou == iou.max(axis=1, keepdims=True)))

    def encode_patches(self, image: np.ndarray, method: str) -> Tensor:
        """Return the features of patches, float32 [rows, columns, K + 1]."""
        height, width = image.shape[:2]
        x, y = np.arange(PATCHES + 1) * width / PATCHES, np.arange(PATCHES + 1) * height / PATCHES
        x1, y1, x2, y2 = self._boxes.T
        across = np.clip(np.minimum(x[1:, None], x2) - np.maximum(x[:-1, None], x1), 0, None)
        down = np.clip(np.minimum(y[1:, None], y2) - np.maximum(y[:-1, None], y1), 0, None)
        smaller = np.minimum((x2 - x1) * (y2 - y1), width * height / PATCHES**2)
        return _features(down[:, None] * across >= MIN_SHARE * smaller)

    def store_texts(self, texts: list[str]) -> None:
        """Store nothing: texts cost nothing here."""

    def is_cut(self, text: str) -> bool:
        """Return whether a text is too long, which none is."""
        return False

    def encode_text(self, texts: list[str]) -> Tensor:
        """Return the features of texts, float32 [M, K + 1]."""
        names = NAMES[:len(self._boxes)]
        return _features(np.array([[name in text.split() for name in names] for text in texts], bool))


def count_after_search(picture: BoxedPicture, proposer: Proposer, parser: ExpressionParser, config: Config) -> int:
    """Return how many things of a picture, at most one for each of `NAMES`, are found by their names."""
    boxes = np.array([*picture.boxes.values()]).reshape(-1, 4)[:len(NAMES)]
    # The stand-in has what the segmenter needs of an encoder, but no model.
    encoder = cast(MaskGuidedEncoder, BoxEncoder(boxes))
    segmenter = ReferringSegmenter(config, proposer, encoder, parser)
    segmenter.set_image(picture.image)
    results = [segmenter.query(f"the {name}") for name in NAMES[:len(boxes)]]
    return sum(result.found and box_iou(mask_box(result.mask), box) >= MIN_IOU
               for result, box in zip(results, boxes, strict=True))


def _features(shown: np.ndarray) -> Tensor:
    """Return unit vectors, float32 [..., K + 1], of which of K things each shows, bool [..., K]; the last is none."""
    with_none = np.concatenate([shown, ~shown.any(axis=-1, keepdims=True)], axis=-1)
    return F.normalize(torch.from_numpy(with_none).float(), dim=-1)
