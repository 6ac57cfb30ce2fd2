"""Features, layout and query -> ranked candidates, and an answer or "not here"."""

from ris_ros.grounding.appearance import AppearanceScorer, AppearanceScores
from ris_ros.grounding.decision import decide, is_independent, stands_out
from ris_ros.grounding.detector_scores import DetectorScores, JointScores, phrases_of
from ris_ros.grounding.fusion import fuse, similarity
from ris_ros.grounding.grounder import Grounder
from ris_ros.grounding.layout import Layout
from ris_ros.grounding.prompt_bank import PromptBank
from ris_ros.grounding.search import PatchSearch, missing_descriptions, still_missing

__all__ = ["AppearanceScorer", "AppearanceScores", "DetectorScores", "Grounder", "JointScores", "Layout", "PatchSearch",
           "PromptBank", "decide", "fuse", "is_independent", "missing_descriptions", "phrases_of",
           "similarity", "stands_out", "still_missing"]
