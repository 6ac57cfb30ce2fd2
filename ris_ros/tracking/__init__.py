"""Frames -> the object that was chosen, in each of them."""

from ris_ros.following.follower import Followed, Follower

__all__ = ["Followed", "Follower"]
