"""Find an object and send the robot to a place in front of it, facing it, by Nav2.

The node needs depth and the frame of the robot's base, whose x axis points ahead and z axis up:

    ros2 launch ris_ros ris.launch.py image:=... depth:=... target_frame:=base_link
    python3 examples/drive_to_the_object.py --distance 0.6 the plant next to the door
"""

import argparse
import math
import sys

import rclpy
from find_object import find
from geometry_msgs.msg import PoseStamped
from pick_the_object import target_in
from rclpy.action import ActionClient
from rclpy.utilities import remove_ros_args


def goal_in_front_of(target, distance):
    """Return the PoseStamped, on the floor, from which the robot faces a Target at `distance` metres from its centre.

    The target is in the frame of the robot's base, at whose origin the robot is: the goal is on the line to the target.
    """
    centre = target.pose.pose.position
    heading, away = math.atan2(centre.y, centre.x), math.hypot(centre.x, centre.y) - distance
    goal = PoseStamped(header=target.pose.header)
    goal.pose.position.x, goal.pose.position.y = away * math.cos(heading), away * math.sin(heading)
    goal.pose.orientation.z, goal.pose.orientation.w = math.sin(heading / 2), math.cos(heading / 2)
    return goal


class Navigator:
    """Sends goals to Nav2; takes note of the transforms from the start, for those at the time of the image."""

    def __init__(self, node, frame="map"):
        import tf2_geometry_msgs  # noqa: F401  Teaches tf2 to transform a PoseStamped.
        from nav2_msgs.action import NavigateToPose
        from tf2_ros import Buffer, TransformException, TransformListener

        self._node, self._frame = node, frame
        self._goal_type, self._no_transform = NavigateToPose.Goal, TransformException
        self._buffer = Buffer()
        self._listener = TransformListener(self._buffer, node)
        self._client = ActionClient(node, NavigateToPose, "navigate_to_pose")

    def go(self, goal):
        """Return the final status of a goal, an action_msgs/GoalStatus, once it is there."""
        try:
            # In a frame that does not move with the robot.
            goal = self._buffer.transform(goal, self._frame)
        except self._no_transform as error:
            sys.exit(f"no transform from {goal.header.frame_id} to {self._frame}: {error}")
        goal.pose.position.z = 0.0
        self._client.wait_for_server()
        sent = self._client.send_goal_async(self._goal_type(pose=goal))
        rclpy.spin_until_future_complete(self._node, sent)
        if not sent.result().accepted:
            sys.exit("Nav2 has rejected the goal")
        result = sent.result().get_result_async()
        rclpy.spin_until_future_complete(self._node, result)
        return result.result().status


def main():
    """Find what the arguments describe, and drive there."""
    parser = argparse.ArgumentParser(description="Drive to an object.")
    parser.add_argument("text", nargs="+", help="where to drive")
    parser.add_argument("--frame", default="base_link", help="frame of the robot's base")
    parser.add_argument("--distance", type=float, default=0.6, help="distance from the object's centre, metres")
    options = parser.parse_args(remove_ros_args(sys.argv)[1:])
    rclpy.init()
    node = rclpy.create_node("drive_to_the_object")
    navigator = Navigator(node)
    try:
        goal = goal_in_front_of(target_in(find(node, " ".join(options.text)), options.frame), options.distance)
    except ValueError as error:
        sys.exit(str(error))
    position = goal.pose.position
    print(f"driving to x {position.x:.3f}, y {position.y:.3f} m in {options.frame}")
    status = navigator.go(goal)
    print("there" if status == 4 else f"Nav2 has ended with status {status}")


if __name__ == "__main__":
    main()
