"""Global paths: how each kind of image tower applies a mask (paper, section 3.2).

Towers that summarise an image in a class token, or by attention pooling as CLIP's ResNets do, follow the paper: the
mask hides patches inside the tower. The other towers have no token that a mask could guide while the image is encoded.
Their patch features are pooled under the mask instead, with the tower's own kind of pooling, which costs one forward
pass for any number of masks. If a mask covers no patch of the grid, only the class token is kept; in towers without
one, all patches are pooled.

To support another kind of tower, add a module like `clip_towers` or `timm_towers` and a line in `GLOBAL_PATHS`; from
another package, add a `GlobalPath` by an entry point in the group `GLOBAL_PATH_PLUGINS`.
"""

from __future__ import annotations

import logging

import open_clip
import torch
from torch import nn

from ris_ros.encoding.towers import clip_towers, timm_towers
from ris_ros.encoding.towers.base import GlobalPath, ImageTower, split_blocks
from ris_ros.encoding.towers.clip_towers import is_plain_vit
from ris_ros.utils.plugins import find_plugin, load_plugin, plugin_errors, plugin_names

__all__ = ["GLOBAL_PATHS", "GLOBAL_PATH_PLUGINS", "MODEL_FAMILIES", "GlobalPath", "ImageTower", "describe_global_path",
           "find_global_path", "is_plain_vit", "split_blocks"]

GLOBAL_PATHS: tuple[GlobalPath, ...] = (
    clip_towers.FEATURE_MAP,
    clip_towers.CLASS_TOKEN,
    clip_towers.MEAN,
    clip_towers.ATTENTION_POOL,
    timm_towers.CLASS_TOKEN,
    timm_towers.MEAN,
    timm_towers.ATTENTION_POOL,
)
"""Every global path; the first that applies to a tower is used."""

GLOBAL_PATH_PLUGINS = "ris_ros.global_paths"
"""Entry point group with which other packages add global paths, for towers that those above do not apply to."""

NO_GLOBAL_PATH = "none: the local feature stands for it"
"""Description for towers without a global path."""

MODEL_FAMILIES = {
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
"""Families of models in open_clip, each with one of its architectures."""


def find_global_path(visual: nn.Module) -> GlobalPath | None:
    """Return the global path of an image tower; None if the tower has local features only.

    Raises
    ------
    InputError
        If no path of this package applies, and another package adds one that cannot be used.

    """
    if own := next((path for path in GLOBAL_PATHS if path.applies_to(visual)), None):
        return own
    for name in plugin_names(GLOBAL_PATH_PLUGINS):
        if point := find_plugin(GLOBAL_PATH_PLUGINS, name):
            path: GlobalPath = load_plugin(point, lambda value: isinstance(value, GlobalPath), "a GlobalPath")
            with plugin_errors(point):
                if path.applies_to(visual):
                    return path
    return None


def describe_global_path(architecture: str) -> str:
    """Return the description of the global path of one of open_clip's architectures.

    Builds the model without weights, in 0.1 s and without a download.
    """
    logging.disable(logging.WARNING)  # open_clip warns that there are no weights.
    try:
        with torch.device("meta"):
            model = open_clip.create_model(architecture, device="meta", pretrained_text=False)
    finally:
        logging.disable(logging.NOTSET)
    path = find_global_path(model.visual)
    return path.description if path else NO_GLOBAL_PATH
