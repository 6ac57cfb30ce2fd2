"""From features, places and a query to ranked candidates and an answer."""

from ris_ros.matching.decision import decide
from ris_ros.matching.grounding import Grounder
from ris_ros.matching.layout import Layout, measure
from ris_ros.matching.looks import Bank, Judge
from ris_ros.matching.search import mentioned, peaks
from ris_ros.matching.similarity import fuse, similarity

__all__ = ["Bank", "Grounder", "Judge", "Layout", "decide", "fuse", "measure", "mentioned", "peaks", "similarity"]
