"""From features, places and a query to ranked candidates and an answer."""

from ris_ros.grounding.appearance import AppearanceScorer, PromptBank
from ris_ros.grounding.decision import decide
from ris_ros.grounding.fusion import fuse, similarity
from ris_ros.grounding.grounder import Grounder
from ris_ros.grounding.layout import Layout, measure
from ris_ros.grounding.search import local_maxima, mentioned

__all__ = ["PromptBank", "Grounder", "AppearanceScorer", "Layout", "decide", "fuse", "measure", "mentioned", "local_maxima", "similarity"]
