"""The only room that imports ROS: the lifecycle node, its parameters and its message conversions."""
