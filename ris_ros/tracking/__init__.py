"""Tracking of a chosen object through the frames of a camera."""

from ris_ros.tracking.frames import Keyframe
from ris_ros.tracking.tracker import TrackedObject, Tracker
from ris_ros.tracking.verification import Verification

__all__ = ["Keyframe", "TrackedObject", "Tracker", "Verification"]
