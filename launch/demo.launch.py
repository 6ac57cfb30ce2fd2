"""Start a simulated camera, the node `ris` and RViz; publish a command on `command` to see an answer."""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue


def generate_launch_description():
    """Declare the arguments of the camera, and some of ris.launch.py."""
    share = Path(get_package_share_directory("ris_ros"))

    def camera_parameter(name, value_type):
        return ParameterValue(LaunchConfiguration(name), value_type=value_type)

    passed_on = ("model", "device", "mode", "follow", "params_file", "rviz")
    return LaunchDescription([
        DeclareLaunchArgument("seed", default_value="200328", description="seed of the simulated scene"),
        DeclareLaunchArgument("rate", default_value="10.0", description="frame rate of the camera [Hz]"),
        DeclareLaunchArgument("moving", default_value="false", description="swing the camera around the table"),
        DeclareLaunchArgument("picture", default_value="", description="image file to show instead of the simulation"),
        DeclareLaunchArgument("model", default_value="",
                              description="CLIP model (parameter encoder.model); empty: as in the parameter file"),
        DeclareLaunchArgument("device", default_value="",
                              description="auto, cpu, cuda or cuda:N; empty: as in the parameter file"),
        DeclareLaunchArgument("mode", default_value="",
                              description="on_command or continuous; empty: as in the parameter file"),
        DeclareLaunchArgument("follow", default_value="",
                              description="true: with mode:=continuous, track the object that was found; empty: as in "
                                          "the parameter file"),
        DeclareLaunchArgument("params_file", default_value=str(share / "config" / "ris.yaml"),
                              description="ROS 2 parameter file"),
        DeclareLaunchArgument("rviz", default_value="true", description="start RViz, if it is installed"),
        # On a busy machine, rendering the last image takes longer than the 5 seconds that launch waits by default.
        Node(package="ris_ros", executable="ris_camera", name="camera", output="screen", sigterm_timeout="15",
             parameters=[{
                 "seed": camera_parameter("seed", int), "rate": camera_parameter("rate", float),
                 "moving": camera_parameter("moving", bool), "picture": camera_parameter("picture", str)}]),
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(share / "launch" / "ris.launch.py")),
            launch_arguments={name: LaunchConfiguration(name) for name in passed_on}.items()),
    ])
