"""Frames -> the object that was chosen, in each of them."""

from ris_ros.tracking.frames import Keyframe
from ris_ros.tracking.tracker import TrackedObject, Tracker
from ris_ros.tracking.verification import Verification

__all__ = ["Keyframe", "TrackedObject", "Tracker", "Verification"]
