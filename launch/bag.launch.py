"""Play a bag to the node `ris` and record its answers. `ris bag` answers every frame, however slow the machine is.

The node loads its models first; then the command is published; then the bag is played. Everything is shut down `wait`
seconds after the end of the bag.
"""

from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
    TimerAction,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

PASSED_ON = ("camera", "image", "depth", "camera_info", "image_transport", "model", "device", "follow", "target_frame",
             "params_file")
"""Arguments that are passed to ris.launch.py unchanged."""
RECORDED = "/ris/(result|mask|roi|box|box_3d|points|pose|marker)$"
"""Regular expression of the topics to record."""


def generate_launch_description():
    """Declare the arguments; their values are evaluated at launch time."""
    share = Path(get_package_share_directory("ris_ros"))
    return LaunchDescription([
        DeclareLaunchArgument("bag", description="bag to play: a folder, or an .mcap or .db3 file"),
        DeclareLaunchArgument("text", description="what to find, such as 'the red cup on the left'"),
        DeclareLaunchArgument("output", default_value="",
                              description="bag to write; empty: next to the played bag, with _ris added to its name"),
        DeclareLaunchArgument("rate", default_value="1.0", description="playback rate, relative to real time"),
        DeclareLaunchArgument("wait", default_value="10.0",
                              description="time to wait for the last answers after the end of the bag [s]"),
        *(DeclareLaunchArgument(name, default_value="", description=f"argument {name} of ris.launch.py")
          for name in PASSED_ON[:-1]),
        DeclareLaunchArgument("params_file", default_value=str(share / "config" / "ris.yaml"),
                              description="ROS 2 parameter file"),
        OpaqueFunction(function=_check),  # Before the node starts.
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(share / "launch" / "ris.launch.py")),
            launch_arguments={**{name: LaunchConfiguration(name) for name in PASSED_ON},
                              "mode": "continuous", "use_sim_time": "true"}.items()),
        OpaqueFunction(function=_play_and_record),
    ])


def _value(context, name):
    return LaunchConfiguration(name).perform(context)


def _bags(context):
    """Return the bag to play and the bag to write."""
    bag = Path(_value(context, "bag")).expanduser()
    output = _value(context, "output")
    return bag, Path(output).expanduser() if output else bag.with_name(f"{bag.stem}_ris")


def _check(context):
    bag, output = _bags(context)
    if not bag.exists():
        raise RuntimeError(f"bag:={bag} is not there")
    if output.exists():
        raise RuntimeError(f"{output} is there already; name another with output:=")
    for name in ("rate", "wait"):
        try:
            is_positive = float(_value(context, name)) > 0
        except ValueError:
            is_positive = False
        if not is_positive:
            raise RuntimeError(f"{name}:={_value(context, name)} is not a number above 0")
    return []


def _play_and_record(context):
    bag, output = _bags(context)
    # The command as a YAML string, in which quotes are doubled.
    message = "{data: '" + _value(context, "text").replace("'", "''") + "'}"
    record = ExecuteProcess(cmd=["ros2", "bag", "record", "-o", str(output), "-e", RECORDED], output="screen")
    # Waits for the node to become active, because it subscribes only then.
    send = ExecuteProcess(cmd=["ros2", "topic", "pub", "--once", "--wait-matching-subscriptions", "1", "/command",
                               "std_msgs/msg/String", message], output="screen")
    play = ExecuteProcess(cmd=["ros2", "bag", "play", str(bag), "--clock", "100", "--rate", _value(context, "rate")],
                          output="screen")
    end = TimerAction(period=float(_value(context, "wait")),
                      actions=[EmitEvent(event=Shutdown(reason="the bag has ended"))])
    return [record, send, RegisterEventHandler(OnProcessExit(target_action=send, on_exit=[play])),
            RegisterEventHandler(OnProcessExit(target_action=play, on_exit=[end]))]
