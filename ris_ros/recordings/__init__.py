"""Recordings without ROS: the frames of a camera in a bag, their results as files, and many bags at once."""
