"""Bags, read without ROS: their frames, the answers to them as files, and many of them on many machines."""
