"""Ask the node for an object, and print where it is or why there is no answer.

Start a camera and the node (`ris_camera` and `ris_node`, or `ros2 launch ris_ros ris.launch.py ...`), then run

    python3 examples/find_object.py the red cup on the left
"""

import sys

import rclpy
from rclpy.action import ActionClient
from rclpy.duration import Duration
from rclpy.utilities import remove_ros_args
from ris_interfaces.action import Find


def find(node, text, seconds=60.0, **fields):
    """Return the Answer to an expression, within some seconds; `fields` are further ones of Find.Goal."""
    def result_of(future):
        rclpy.spin_until_future_complete(node, future, timeout_sec=seconds + 5.0)
        return future.result() if future.done() else sys.exit("the node does not answer")

    client = ActionClient(node, Find, "ris/find")
    if not client.wait_for_server(timeout_sec=30.0):
        sys.exit("there is no action ris/find: does the node run, and does its log say anything of ris_interfaces?")
    goal = Find.Goal(text=text, timeout=Duration(seconds=seconds).to_msg(), **fields)
    return result_of(result_of(client.send_goal_async(goal)).get_result_async()).result.answer


def main():
    """Find what the arguments describe."""
    rclpy.init()
    answer = find(rclpy.create_node("find_object"), " ".join(remove_ros_args(sys.argv)[1:]))
    if not answer.found:
        sys.exit(f"not found: {answer.reason or 'it is not in the image'}")
    for target in answer.targets:
        roi, centre = target.roi, target.pose.pose.position
        place = (f"x {centre.x:.3f}, y {centre.y:.3f}, z {centre.z:.3f} m in {target.pose.header.frame_id}"
                 if target.has_pose else "a place that is unknown without depth")
        print(f"{answer.text}: {roi.width} x {roi.height} pixels from ({roi.x_offset}, {roi.y_offset}), at {place}; "
              f"confidence {answer.confidence:.2f}")


if __name__ == "__main__":
    main()
