"""Running a node: in the foreground until the process is interrupted, or on a thread in the background."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import rclpy
from rclpy._rclpy_pybind11 import RCLError, UnknownROSArgsError
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from ris_ros.errors import InputError, RisError, one_line
from ris_ros.node.signals import leave_to_ros

AnyNode = TypeVar("AnyNode", bound=Node)


def init(args: list[str] | None) -> None:
    """Initialize rclpy with the arguments of a process; from here on a signal shuts the context down.

    Raises
    ------
    InputError
        If ROS cannot use an argument or a parameter file.

    """
    try:
        rclpy.init(args=args)
    except (RCLError, UnknownROSArgsError) as error:
        raise InputError(f"ROS cannot use the arguments: {one_line(error)}") from error
    leave_to_ros()


def spin(node: Node, executor: SingleThreadedExecutor, report: Callable[[str], object] | None = None) -> None:
    """Run a node until its context is shut down, as by a signal; call it within :func:`until_interrupted`.

    Create the executor before the node: as soon as others see the node, a signal may shut the context down, and no
    executor can be created without one.

    Parameters
    ----------
    node : node to run
    executor : runs it
    report : takes a line about each callback that raised an exception, which then ends nothing; None: it is raised

    """
    executor.add_node(node)
    while node.context.ok():
        try:
            # In short waits: a signal that arrives just before a wait begins does not end it.
            executor.spin_once(timeout_sec=0.5)
        except Exception as error:  # One message or request must not end the node, not even one to rclpy's services.
            if report is None or not node.context.ok():
                raise
            report(f"a message or request was ignored: {one_line(error)}")


@contextmanager
def until_interrupted() -> Iterator[None]:
    """Leave the block without an error when a signal arrives, wherever in the block that is."""
    try:
        yield
    except KeyboardInterrupt:
        pass
    except RisError:
        raise
    except Exception:
        # Nearly everything of rclpy's fails, in its own way, once a signal has shut the context down.
        if rclpy.ok():
            raise


@contextmanager
def background_node(make_node: Callable[[rclpy.Context], AnyNode]) -> Iterator[AnyNode]:
    """Run a node on a thread of its own for the duration of the block.

    The node gets a context, and so a DDS participant, of its own, as if it ran in a process of its own: a service call
    from the participant that also publishes images waits for its turn between them.
    """
    context = rclpy.Context()
    rclpy.init(context=context)
    node = make_node(context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    is_closing = threading.Event()

    def run() -> None:
        while not is_closing.is_set():
            # An RCLError: another thread has just destroyed something that this one was to wait for.
            with suppress(ExternalShutdownException, RCLError):
                try:
                    executor.spin()
                except AttributeError as error:
                    # rclpy lets an action client be waited for before it is complete.
                    if error.name != "_lock":
                        raise

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield node
    finally:
        is_closing.set()
        executor.shutdown()
        thread.join(5)
        node.destroy_node()
        context.try_shutdown()
