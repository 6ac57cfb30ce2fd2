"""What SIGINT and SIGTERM do to an executable: it ends soon, with status 0 and without a traceback, whenever they come.

While the process imports, a signal ends it at once: nothing is open yet. Afterwards rclpy shuts its context down, and
whatever takes long looks at that: no exception is raised at a random place, and a second signal changes nothing.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, NoReturn

_is_started = False


def exit_on_signal() -> None:
    """Let signals end the process at once, until :func:`leave_to_ros`; call it before anything heavy is imported."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _on_signal)


def leave_to_ros() -> None:
    """Let signals only shut down the context of rclpy, whose own handler runs before this one."""
    # The handler stays: another call of signal.signal would replace rclpy's.
    global _is_started
    _is_started = True


def end_process() -> NoReturn:
    """End the process with status 0.

    Not by returning from `main`: a call into a model cannot be interrupted, and Python cannot shut down cleanly while
    another thread runs one. It would also search all that torch has created for garbage, for seconds in which a second
    signal would be fatal.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _on_signal(*_: Any) -> None:
    if not _is_started:
        os._exit(0)
