"""Mask-guided global and local CLIP features of proposals, and text features, over any open_clip model."""

from ris_ros.encoding.encoder import MaskFeatures, MaskGuidedEncoder
from ris_ros.encoding.loading import load_encoder

__all__ = ["MaskFeatures", "MaskGuidedEncoder", "load_encoder"]
