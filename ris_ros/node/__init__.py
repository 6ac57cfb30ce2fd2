"""The ROS 2 node `ris`: the runtime around the segmenter, without any vision or language logic of its own.

The path of a command, from its callback to the published mask:

1. `node.RisNode._on_command` parses the message (`commands`) and hands the command to the worker.
2. `worker.Worker` queues it. Its thread takes the newest frame of the camera and calls that camera's pipeline.
3. `camera_pipeline.CameraPipeline.answer` has the segmenter find the object, or tracks it from the frame before.
4. `outputs.CameraOutputs.publish` builds the messages (`ris_ros.messages`) and publishes them.

The path of an image: `subscription.PolledSubscription` leaves it in the middleware until the worker wants the newest
one, `time_sync.ApproximateTimeSync` finds the depth image that belongs to it, and `inputs.CameraInputs` makes a frame
of the two.

Files:

==================== =================================================================================
main                 the executable `ris_node`
node                 the lifecycle node: transitions, services, parameters, commands
commands             parsing of commands
parameters           the configuration as ROS parameters
worker               which command is answered on which frame, and when
camera_pipeline      one camera: answers its commands and logs the answers
inputs               one camera's frames: image, depth, camera model
subscription         one topic, read on demand, with the quality of service that its publishers offer
topics               names of topics: remapped ones, and suggestions
time_sync            pairs of images and depth images
tracking             tracking of the object that was found, with verification on another thread
outputs              one camera's publishers
target_frame         the frame that objects are published in, by tf2
throttled_warnings   the warnings that hold now
diagnostics          statistics, and diagnostic statuses
health               checks once a second, published on /diagnostics
signals              what SIGINT and SIGTERM do to an executable
spinning             running a node until it is interrupted, or in the background
==================== =================================================================================
"""
