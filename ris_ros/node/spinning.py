"""Running a node until the process is interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import rclpy
from rclpy._rclpy_pybind11 import RCLError
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

if TYPE_CHECKING:
    from rclpy.node import Node


def spin(node: Node, executor: SingleThreadedExecutor) -> None:
    """Serve a node until its context is shut down, as a signal does; for a block of :func:`until_interrupted`.

    The executor is made before the node: once a node has said that it is there, a signal may have taken the context
    down that an executor needs to be made at all.
    """
    executor.add_node(node)
    while rclpy.ok():
        # Not one endless wait: a signal that arrives just before it does not wake it.
        executor.spin_once(timeout_sec=0.5)


@contextmanager
def until_interrupted() -> Iterator[None]:
    """A block that a signal ends in good order, wherever in it that arrives."""
    try:
        yield
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except RCLError:
        # A signal may take the context down between the question whether it is up and the wait.
        if rclpy.ok():
            raise
