"""Zero-shot referring image segmentation for ROS 2: image + "the red cup on the left" -> mask, box, points, pose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ris_ros.config import Config

if TYPE_CHECKING:
    from ris_ros.segmenter import ReferringSegmenter
    from ris_ros.types import Candidate, Proposals, Query, Result

__version__ = "0.1.0"
__all__ = ["Candidate", "Config", "Proposals", "Query", "ReferringSegmenter", "Result"]


def __getattr__(name: str) -> Any:
    # Lazy: `ris --help` must not pay for numpy and torch.
    if name == "ReferringSegmenter":
        from ris_ros.segmenter import ReferringSegmenter
        return ReferringSegmenter
    if name in __all__:
        from ris_ros import types
        return getattr(types, name)
    raise AttributeError(f"module 'ris_ros' has no attribute {name!r}")
