"""Phrase detectors: an image and noun phrases in, boxes or masks with scores for each phrase out."""

from ris_ros.detection.detector import PhraseDetector
from ris_ros.detection.loading import check_detector, describe_detector, load_detector, try_to_load_detector

__all__ = ["PhraseDetector", "check_detector", "describe_detector", "load_detector", "try_to_load_detector"]
