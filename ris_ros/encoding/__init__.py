"""Encoding: mask-guided global and local CLIP features of proposals, and text features, with any open_clip model."""

from ris_ros.encoding.encoder import MaskGuidedEncoder
from ris_ros.encoding.loading import check_encoder, load_encoder
from ris_ros.encoding.mask_features import MaskFeatures

__all__ = ["MaskFeatures", "MaskGuidedEncoder", "check_encoder", "load_encoder"]
