"""Masks as COCO stores them: polygons and run lengths, decoded by pycocotools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ris_ros.errors import InputError
from ris_ros.proposals.given import from_coco


@dataclass(frozen=True, eq=False)
class CocoShape:
    """The ``segmentation`` of a COCO annotation: polygons, run lengths, or compressed run lengths."""

    segmentation: Any

    def mask(self, height: int, width: int) -> np.ndarray:
        """Bool [height, width]."""
        if not self.segmentation:
            raise InputError("a segmentation is empty")
        return from_coco([{"segmentation": self.segmentation}], height, width).masks[0]
