"""Tracking of a chosen object through the frames of a camera."""

from ris_ros.tracking.frames import Keyframe
from ris_ros.tracking.tracker import TrackedObject, Tracker
from ris_ros.tracking.verification import Verification
from ris_ros.tracking.video_memory import load_memory

__all__ = ["Keyframe", "TrackedObject", "Tracker", "Verification", "load_memory"]
