"""Find an object and publish where the gripper has to go: `pre_grasp`, above the object, and `grasp`, at it.

The node needs depth, and the frame in which the arm plans:

    ros2 launch ris_ros ris.launch.py image:=... depth:=... target_frame:=base_link
    python3 examples/pick_the_object.py the red cup on the left

Whatever moves the arm, such as a node that uses MoveIt, subscribes to the two poses. They are poses of the point
between the finger tips: z is the direction in which the gripper comes, y that in which the fingers close. If the tool
frame of your gripper is another one, change the axes in `gripper_pose`.
"""

import argparse
import sys
import time

import numpy as np
import rclpy
from find_object import find
from geometry_msgs.msg import PoseStamped
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.utilities import remove_ros_args
from scipy.spatial.transform import Rotation


def target_in(answer, frame):
    """Return the best Target of an answer; raises a ValueError with the reason if it has no pose in `frame`."""
    if not answer.found:
        raise ValueError(f"not found: {answer.reason or 'it is not in the image'}")
    target = answer.targets[0]
    if not target.has_pose:
        raise ValueError("found, but where in space is unknown: the node had no usable depth, or no transform to its "
                         "target_frame; its log and /diagnostics say which")
    if target.pose.header.frame_id != frame:
        raise ValueError(f"the pose is in the frame {target.pose.header.frame_id!r}: set the node's parameter "
                         f"target_frame to {frame!r}")
    return target


def gripper_pose(target, retreat=0.0):
    """Return the PoseStamped of the gripper at the grasp of a Target, or `retreat` metres before it."""
    centre, approach, closing = (np.array([vector.x, vector.y, vector.z]) for vector in (
        target.grasp.centre, target.grasp.approach, target.grasp.closing))
    axes = np.column_stack([np.cross(closing, approach), closing, approach])
    pose = PoseStamped(header=target.pose.header)
    position, orientation = pose.pose.position, pose.pose.orientation
    position.x, position.y, position.z = (centre - retreat * approach).tolist()
    orientation.x, orientation.y, orientation.z, orientation.w = Rotation.from_matrix(axes).as_quat().tolist()
    return pose


def plan(answer, frame, retreat, max_width):
    """Return the pre-grasp and the grasp; raises a ValueError with the reason if there is none."""
    target = target_in(answer, frame)
    if target.grasp.width > max_width:
        raise ValueError(f"the object is {target.grasp.width:.3f} m wide, and the gripper opens only {max_width:g} m")
    # From above the object, not from its middle.
    return gripper_pose(target, target.size.z / 2 + retreat), gripper_pose(target)


def wait_for_subscriber(publisher, seconds):
    """Wait until somebody subscribes to what a publisher publishes; return whether somebody does."""
    end = time.monotonic() + seconds
    while not publisher.get_subscription_count() and time.monotonic() < end:
        time.sleep(0.05)
    return publisher.get_subscription_count() > 0


def main():
    """Find what the arguments describe, and publish the poses."""
    parser = argparse.ArgumentParser(description="Publish the pre-grasp and the grasp of an object.")
    parser.add_argument("text", nargs="+", help="what to pick")
    parser.add_argument("--frame", default="base_link", help="frame in which the arm plans")
    parser.add_argument("--retreat", type=float, default=0.10, help="height of the pre-grasp above the object, metres")
    parser.add_argument("--max-width", type=float, default=0.08, help="how far the gripper opens, metres")
    parser.add_argument("--wait", type=float, default=3.0, help="how long to wait for a subscriber of a pose, seconds")
    options = parser.parse_args(remove_ros_args(sys.argv)[1:])
    rclpy.init()
    node = rclpy.create_node("pick_the_object")
    # Whoever subscribes late gets the last pose too.
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publishers = {name: node.create_publisher(PoseStamped, name, latched) for name in ("pre_grasp", "grasp")}
    try:
        poses = plan(find(node, " ".join(options.text)), options.frame, options.retreat, options.max_width)
    except ValueError as error:
        sys.exit(str(error))
    for (name, publisher), pose in zip(publishers.items(), poses, strict=True):
        # A message that nobody receives while this program runs is lost.
        if not wait_for_subscriber(publisher, options.wait):
            print(f"nobody subscribes to {publisher.topic_name}: the pose is only printed", file=sys.stderr)
        publisher.publish(pose)
        publisher.wait_for_all_acked(Duration(seconds=5))
        position = pose.pose.position
        print(f"{name}: x {position.x:.3f}, y {position.y:.3f}, z {position.z:.3f} m in {options.frame}")


if __name__ == "__main__":
    main()
