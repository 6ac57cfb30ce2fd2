"""Which global feature each kind of model in open_clip gets, decided on a model of it without weights."""

from __future__ import annotations

import logging

import open_clip
import torch

from ris_ros.encoding.towers import DESCRIPTIONS, global_path

FAMILIES = {
    "CLIP's vision transformers": "ViT-B-32",
    "EVA": "EVA02-B-16",
    "MobileCLIP-B": "MobileCLIP2-B",
    "CLIP's ResNets": "RN50",
    "SigLIP, SigLIP 2": "ViT-B-16-SigLIP2",
    "Perception Encoder": "PE-Core-T-16-384",
    "CoCa": "coca_ViT-B-32",
    "CLIPA": "ViT-L-14-CLIPA",
    "ConvNeXt": "convnext_base",
    "MobileCLIP-S": "MobileCLIP2-S0",
    "ViTamin": "ViTamin-S",
    "Swin": "swin_base_patch4_window7_224",
}
"""Family -> one of its architectures."""


def global_feature(architecture: str) -> str:
    """What lets masks into the image tower of one of open_clip's architectures, in words; 0.1 s, no download."""
    # open_clip warns that there are no weights.
    logging.disable(logging.WARNING)
    try:
        with torch.device("meta"):
            model = open_clip.create_model(architecture, device="meta", pretrained_text=False)
    finally:
        logging.disable(logging.NOTSET)
    return DESCRIPTIONS[global_path(model.visual)]
