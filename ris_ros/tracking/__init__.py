"""Frames -> the object that was chosen, in each of them."""

from ris_ros.tracking.tracker import TrackedObject, Tracker

__all__ = ["TrackedObject", "Tracker"]
