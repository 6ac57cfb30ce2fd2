"""A behaviour of py_trees that finds an object, and a tree to try it with.

    pip install py_trees
    python3 examples/find_behaviour.py the red cup on the left

It needs no py_trees_ros: somebody has to spin the node between the ticks, as `main` does.
"""

import sys

import py_trees
import rclpy
from py_trees.common import Access, Status
from rclpy.action import ActionClient
from rclpy.utilities import remove_ros_args
from ris_interfaces.action import Find


class FindObject(py_trees.behaviour.Behaviour):
    """RUNNING while the node searches, then SUCCESS with the Answer on the blackboard, or FAILURE with the reason.

    The reason is the feedback message. A behaviour that is interrupted cancels its goal.

    Parameters
    ----------
    name : of the behaviour
    goal : a Find.Goal; set its timeout
    key : of the Answer on the blackboard

    """

    def __init__(self, name, goal, key="answer"):
        super().__init__(name)
        self._goal, self._key = goal, key
        self._client = self._sent = self._result = None
        self._blackboard = self.attach_blackboard_client(name)
        self._blackboard.register_key(key, Access.WRITE)

    def setup(self, **kwargs):
        """Take the node as `tree.setup(node=node)` passes it."""
        self._client = ActionClient(kwargs["node"], Find, "ris/find")
        self._client.wait_for_server(timeout_sec=10.0)

    def initialise(self):
        """Send the goal."""
        self._result = None
        self._sent = self._client.send_goal_async(self._goal) if self._client.server_is_ready() else None
        self.feedback_message = "searching"

    def update(self):
        """Look for the answer, without waiting for it."""
        if self._sent is None or not self._client.server_is_ready():
            return self._fail("there is no action ris/find: is the node running?")
        if self._result is None and self._sent.done():
            self._result = self._sent.result().get_result_async()
        if self._result is None or not self._result.done():
            return Status.RUNNING
        answer = self._result.result().result.answer
        if not answer.found:
            return self._fail(answer.reason or "it is not in the image")
        self._blackboard.set(self._key, answer)
        self.feedback_message = f"found with confidence {answer.confidence:.2f}"
        return Status.SUCCESS

    def terminate(self, new_status):
        """Cancel a goal that nobody waits for any more."""
        if new_status == Status.INVALID and self._sent is not None and not (self._result and self._result.done()):
            # At once, or when the goal is accepted.
            self._sent.add_done_callback(lambda sent: sent.result().cancel_goal_async())
            self._sent = None

    def _fail(self, reason):
        self.feedback_message = reason
        return Status.FAILURE


def main():
    """Tick the behaviour until it ends."""
    rclpy.init()
    node = rclpy.create_node("find_behaviour")
    goal = Find.Goal(text=" ".join(remove_ros_args(sys.argv)[1:]))
    goal.timeout.sec = 60
    find = FindObject("find", goal)
    # In a robot's tree, what uses the answer follows it in the sequence.
    tree = py_trees.trees.BehaviourTree(py_trees.composites.Sequence("fetch", memory=True, children=[find]))
    tree.setup(node=node)
    tree.tick()
    while tree.root.status == Status.RUNNING:
        rclpy.spin_once(node, timeout_sec=0.1)
        tree.tick()
    print(f"{tree.root.status.value}: {find.feedback_message}")
    sys.exit(tree.root.status != Status.SUCCESS)


if __name__ == "__main__":
    main()
