"""Start the node `ris`, which activates itself unless its parameter `autostart` is false, and RViz on request."""

import json
import re
from pathlib import Path

import yaml
from ament_index_python.packages import PackageNotFoundError, get_package_prefix, get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.parameter_descriptions import ParameterValue

SHARE = Path(get_package_share_directory("ris_ros"))
CAMERAS = sorted(file.stem for file in (SHARE / "config" / "cameras").glob("*.yaml"))
"""Cameras whose topics are known."""

TOPICS = {
    "image": "topic of the images; empty: that of `camera`, otherwise `image`",
    "depth": "topic of the depth images, registered to the colour images; empty: that of `camera`, otherwise `depth`",
    "camera_info": "topic of the camera model; empty: that of `camera`, otherwise camera_info next to the images",
    "command": "topic of the commands; empty: `command`",
}
"""Descriptions of the topics, each of which is a launch argument."""
PARAMETERS = {
    "device": ("device", str, "auto, cpu, cuda or cuda:N"),
    "model": ("encoder.model", str, "CLIP model, as open_clip names it, such as ViT-B-16/openai"),
    "mode": ("mode", str,
             "on_command: answer each command once; continuous: answer the latest command on every frame"),
    "follow": ("follow", bool,
               "true or false; true: in mode continuous, track the object that was found, at the camera's rate"),
    "target_frame": ("target_frame", str,
                     "tf frame with z up, such as base_link, in which points and poses are published"),
    "image_transport": ("image_transport", str, "raw or compressed"),
}
"""Parameter, type and description by launch argument. If an argument is empty, the parameter file decides."""
SHOWN = ("overlay", "mask", "points", "marker", "pose")
"""Outputs that config/ris.rviz shows."""


def generate_launch_description():
    """Declare the arguments; their values are evaluated at launch time."""
    return LaunchDescription([
        DeclareLaunchArgument("camera", default_value="",
                              description=f"camera whose topics to use: {', '.join(CAMERAS)}, or a file like those in "
                                          "config/cameras"),
        *(DeclareLaunchArgument(name, default_value="", description=text) for name, text in TOPICS.items()),
        *(DeclareLaunchArgument(name, default_value="",
                                description=f"{text} (parameter {parameter}; empty: as in the parameter file)")
          for name, (parameter, _, text) in PARAMETERS.items()),
        DeclareLaunchArgument("params_file", default_value=str(SHARE / "config" / "ris.yaml"),
                              description="ROS 2 parameter file"),
        DeclareLaunchArgument("use_sim_time", default_value="false", description="use the time on /clock"),
        DeclareLaunchArgument("namespace", default_value="", description="namespace of the node"),
        DeclareLaunchArgument("log_level", default_value="info",
                              description="of the node's own log: debug, info, warn, error or fatal"),
        DeclareLaunchArgument("rviz", default_value="false", description="start RViz on the node's topics"),
        DeclareLaunchArgument("foxglove_layout", default_value="",
                              description="file to write a Foxglove layout of the node's topics to, such as ris.json; "
                                          "empty: none"),
        OpaqueFunction(function=_start),
    ])


def _start(context):
    def value(name):
        return LaunchConfiguration(name).perform(context)

    topics = _camera_topics(value("camera")) | {name: value(name) for name in TOPICS if value(name)}
    overrides = {"use_sim_time": ParameterValue(LaunchConfiguration("use_sim_time"), value_type=bool)}
    overrides |= {parameter: ParameterValue(LaunchConfiguration(name), value_type=value_type)
                  for name, (parameter, value_type, _) in PARAMETERS.items() if value(name)}
    # The node's own logger alone: at level debug, rclpy and the middleware write thousands of lines.
    pushed = "" if value("namespace").startswith("/") else context.launch_configurations.get("ros_namespace", "")
    logger = ".".join([*filter(None, f"{pushed}/{value('namespace')}".split("/")), "ris"])
    layout = _foxglove_layout(f"{pushed}/{value('namespace')}", topics, value("image_transport"))
    written = _write_layout(Path(value("foxglove_layout")), layout) if value("foxglove_layout") else []
    return [*written, _rviz(value("namespace"), topics.get("image", "image")), LifecycleNode(
        package="ris_ros",
        executable="ris_node",
        name="ris",
        namespace=value("namespace"),
        parameters=[value("params_file"), overrides],
        remappings=list(topics.items()),
        arguments=["--ros-args", "--log-level", f"{logger}:={value('log_level')}"],
        output="screen",
        # On a busy machine, freeing the models takes longer than the 5 seconds that launch waits by default.
        sigterm_timeout="15",
    )]


def _rviz(namespace, image):
    """Return the action that starts RViz on the topics of a node with that namespace and image topic."""
    condition = IfCondition(LaunchConfiguration("rviz"))
    try:
        get_package_prefix("rviz2")
    except PackageNotFoundError:
        return LogInfo(msg="RViz is not started: the package rviz2 is not installed", condition=condition)
    topics = {"/image": image} | {f"/ris/{name}": f"ris/{name}" for name in SHOWN}
    return Node(package="rviz2", executable="rviz2", namespace=namespace, remappings=list(topics.items()),
                arguments=["-d", str(SHARE / "config" / "ris.rviz")], condition=condition)


def _foxglove_layout(namespace, topics, image_transport):
    """Return config/ris.foxglove.json with the topics of a node with that namespace.

    Foxglove cannot remap topics. Their names in the layout are replaced where they stand alone or begin the path of a
    field.
    """
    image = topics.get("image", "image")
    beside = f"{image.rpartition('/')[0]}/camera_info" if "/" in image else "camera_info"
    names = {"/image": f"{image}/compressed" if image_transport == "compressed" else image,
             "/camera_info": topics.get("camera_info", beside), "/command": topics.get("command", "command"),
             "/ris/": "ris/"}

    def resolved(match):
        name = names[match[1]]
        return json.dumps(name if name.startswith("/") else re.sub("/+", "/", f"/{namespace}/{name}"))[:-1]

    alternatives = "|".join(name if name.endswith("/") else rf'{name}(?=["./])' for name in names)
    return re.sub(f'"({alternatives})', resolved, (SHARE / "config" / "ris.foxglove.json").read_text())


def _write_layout(file, layout):
    """Write a layout to a file, and return the actions that tell of it."""
    try:
        file.write_text(layout)
    except OSError as error:
        raise RuntimeError(f"foxglove_layout:={file} cannot be written: {error.strerror}") from error
    return [LogInfo(msg=f"Foxglove layout: {file.resolve()}")]


def _camera_topics(camera):
    """Return the topics of a known camera, or of a camera file, by the node's names for them."""
    if not camera:
        return {}
    file = SHARE / "config" / "cameras" / f"{camera}.yaml" if camera in CAMERAS else Path(camera)
    if not file.is_file():
        raise RuntimeError(f"camera:={camera} is none of {', '.join(CAMERAS)}, nor a file")
    topics = yaml.safe_load(file.read_text())
    if not isinstance(topics, dict) or not set(topics) <= set(TOPICS):
        raise RuntimeError(f"{file} must give topics for some of {', '.join(TOPICS)}")
    return topics
