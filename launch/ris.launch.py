"""Start the node `ris` and take it through its lifecycle: configure at start, activate once that has succeeded."""

from pathlib import Path

import yaml
from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, EmitEvent, OpaqueFunction, RegisterEventHandler
from launch.events import matches_action
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterValue
from lifecycle_msgs.msg import Transition

SHARE = Path(get_package_share_directory("ris_ros"))
CAMERAS = sorted(file.stem for file in (SHARE / "config" / "cameras").glob("*.yaml"))

TOPICS = {
    "image": "topic of the camera's images; empty: the camera's, else `image`",
    "depth": "topic of depth images in the colour image's frame and size; empty: the camera's, else `depth`",
    "camera_info": "topic of the camera's model; empty: the camera's, else beside the images",
    "command": "topic of the commands; empty: `command`",
}
# Argument -> parameter, its type. An empty argument leaves the parameter to the parameter file.
PARAMETERS = {
    "device": ("device", str, "auto, cpu, cuda or cuda:N"),
    "model": ("encoder.model", str, "CLIP model, as open_clip names it: ViT-B-16/openai"),
    "mode": ("mode", str,
             "on_command: answer each command once; continuous: answer the standing command on every frame"),
    "follow": ("follow", bool, "true: in mode continuous, follow what was found at the camera's rate; false"),
    "target_frame": ("target_frame", str, "tf frame with z up that points and poses are published in: base_link"),
    "image_transport": ("image_transport", str, "raw or compressed"),
}


def generate_launch_description():
    """Declare the arguments; what they make is decided when their values are known."""
    return LaunchDescription([
        DeclareLaunchArgument("camera", default_value="",
                              description=f"whose topics to take: {', '.join(CAMERAS)}, or a file like theirs"),
        *(DeclareLaunchArgument(name, default_value="", description=text) for name, text in TOPICS.items()),
        *(DeclareLaunchArgument(name, default_value="",
                                description=f"{text} (parameter {parameter}; empty: what the parameter file says)")
          for name, (parameter, _, text) in PARAMETERS.items()),
        DeclareLaunchArgument("params_file", default_value=str(SHARE / "config" / "ris.yaml"),
                              description="ROS 2 parameter file"),
        DeclareLaunchArgument("use_sim_time", default_value="false", description="take the time from /clock"),
        DeclareLaunchArgument("namespace", default_value="", description="namespace of the node"),
        DeclareLaunchArgument("log_level", default_value="info", description="debug, info, warn, error or fatal"),
        OpaqueFunction(function=_start),
    ])


def _start(context):
    def value(name):
        return LaunchConfiguration(name).perform(context)

    topics = _camera_topics(value("camera")) | {name: value(name) for name in TOPICS if value(name)}
    overrides = {"autostart": False,
                 "use_sim_time": ParameterValue(LaunchConfiguration("use_sim_time"), value_type=bool)}
    overrides |= {parameter: ParameterValue(LaunchConfiguration(name), value_type=value_type)
                  for name, (parameter, value_type, _) in PARAMETERS.items() if value(name)}
    node = LifecycleNode(
        package="ris_ros",
        executable="ris_node",
        name="ris",
        namespace=value("namespace"),
        parameters=[value("params_file"), overrides],
        remappings=list(topics.items()),
        arguments=["--ros-args", "--log-level", value("log_level")],
        output="screen",
        # Freeing models takes a busy machine longer than the 5 seconds that launch gives.
        sigterm_timeout="15",
    )

    def change_state(transition_id):
        return EmitEvent(event=ChangeState(lifecycle_node_matcher=matches_action(node), transition_id=transition_id))

    # Once only: who later takes the node through its lifecycle by hand also activates it by hand.
    activate = RegisterEventHandler(OnStateTransition(
        target_lifecycle_node=node, start_state="configuring", goal_state="inactive", handle_once=True,
        entities=[change_state(Transition.TRANSITION_ACTIVATE)]))
    return [activate, node, change_state(Transition.TRANSITION_CONFIGURE)]


def _camera_topics(camera):
    """The topics, by the node's names for them, of a known camera or of a file."""
    if not camera:
        return {}
    file = SHARE / "config" / "cameras" / f"{camera}.yaml" if camera in CAMERAS else Path(camera)
    if not file.is_file():
        raise RuntimeError(f"camera:={camera} is none of {', '.join(CAMERAS)}, nor a file")
    topics = yaml.safe_load(file.read_text())
    if not isinstance(topics, dict) or not set(topics) <= set(TOPICS):
        raise RuntimeError(f"{file} must give topics for some of {', '.join(TOPICS)}")
    return topics
