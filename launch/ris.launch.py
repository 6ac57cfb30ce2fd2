"""Start the node `ris` and take it through its lifecycle: configure at start, activate once that has succeeded."""

from pathlib import Path

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


def generate_launch_description():
    """Declare the arguments; what they make is decided when their values are known."""
    params_file = str(Path(get_package_share_directory("ris_ros")) / "config" / "ris.yaml")
    return LaunchDescription([
        DeclareLaunchArgument("image", default_value="image", description="topic of the camera images"),
        DeclareLaunchArgument("command", default_value="command", description="topic of the commands"),
        DeclareLaunchArgument("params_file", default_value=params_file, description="ROS 2 parameter file"),
        DeclareLaunchArgument("device", default_value="",
                              description="auto, cpu, cuda or cuda:N; empty: what the parameter file says"),
        DeclareLaunchArgument("model", default_value="",
                              description="parameter encoder.model; empty: what the parameter file says"),
        DeclareLaunchArgument("use_sim_time", default_value="false", description="take the time from /clock"),
        DeclareLaunchArgument("namespace", default_value="", description="namespace of the node"),
        DeclareLaunchArgument("log_level", default_value="info", description="debug, info, warn, error or fatal"),
        OpaqueFunction(function=_start),
    ])


def _start(context):
    argument = {name: LaunchConfiguration(name).perform(context)
                for name in ("image", "command", "params_file", "device", "model", "namespace", "log_level")}
    overrides = {"autostart": False,
                 "use_sim_time": ParameterValue(LaunchConfiguration("use_sim_time"), value_type=bool)}
    for parameter, value in (("device", argument["device"]), ("encoder.model", argument["model"])):
        if value:
            overrides[parameter] = ParameterValue(value, value_type=str)

    node = LifecycleNode(
        package="ris_ros",
        executable="ris_node",
        name="ris",
        namespace=argument["namespace"],
        parameters=[argument["params_file"], overrides],
        remappings=[("image", argument["image"]), ("command", argument["command"])],
        arguments=["--ros-args", "--log-level", argument["log_level"]],
        output="screen",
    )

    def change_state(transition_id):
        return EmitEvent(event=ChangeState(lifecycle_node_matcher=matches_action(node), transition_id=transition_id))

    # Once only: who later takes the node through its lifecycle by hand also activates it by hand.
    activate = RegisterEventHandler(OnStateTransition(
        target_lifecycle_node=node, start_state="configuring", goal_state="inactive", handle_once=True,
        entities=[change_state(Transition.TRANSITION_ACTIVATE)]))
    return [activate, node, change_state(Transition.TRANSITION_CONFIGURE)]
