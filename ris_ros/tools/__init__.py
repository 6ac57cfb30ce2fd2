"""Programs around the node; the node imports none of them.

============== ==========================================================================
camera         `ris_camera`: a simulated camera, or one that shows an image file
camera_node    the ROS node of that camera
demo           `ris demo`: commands to the node, and a drawing of the answers
animation      `ris demo --animation`: a moving picture of one command
doctor         `ris doctor`: what is installed and what is missing
viewer         `ris view`: images and answers in a browser, without ROS
viewer_node    the ROS node that feeds the viewer
node_client    starts the node, sends commands to it and collects what it publishes
snapshot       `ris eval snapshot`: whether a change changes any answer
loading_times  the steps of loading the models, for `ris bench start`
bench          `ris bench`: times and memory next to those of the reference method
============== ==========================================================================
"""
