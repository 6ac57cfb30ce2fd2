"""From features to ranked candidates."""

from ris_ros.matching.similarity import fuse, similarity

__all__ = ["fuse", "similarity"]
