"""The action `~/find` and the service `~/parse` of ris_interfaces: ask, and wait for the answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined]  # Humble has it nowhere else.
from ris_interfaces.action import Find
from ris_interfaces.msg import Answer

from ris_ros.errors import InputError
from ris_ros.node.commands import Goal, check_command_text, quote
from ris_ros.node.worker import Worker

if TYPE_CHECKING:
    from rclpy.lifecycle import LifecycleNode

    from ris_ros.node.camera_pipeline import CameraPipeline
    from ris_ros.types import Result

CHECK_SECONDS = 0.1
"""Time between two checks of the goals' time limits."""
SEARCHING = ("searching", "early answer")
"""Stages in which an image is searched."""
NO_IMAGE_SECONDS = 2.0
"""A goal that does not wait fails after so long without a usable image."""

Finish = Callable[[ServerGoalHandle], None]
"""Sets the final state of a goal: succeed, abort or canceled of ServerGoalHandle."""


@dataclass(eq=False)
class _Active:
    """A goal that has not ended.

    Attributes
    ----------
    handle : of the goal
    goal : its current command: another one for each image that is searched
    camera : name of its camera
    accepted : when it came, seconds of ``time.monotonic()``
    stage : the last one that was told
    best : the last answer in which the object was not found

    """

    handle: ServerGoalHandle
    goal: Goal
    camera: str
    accepted: float
    stage: str = ""
    best: Answer | None = None


class FindServer:
    """Queues the goals of the action `~/find` for the worker, and ends each with an Answer.

    A goal is executed, in the sense of rclpy, only when its answer is there: the executor has a single thread, which
    must not wait. A goal that cannot be answered is aborted, with the reason in its Answer: a rejection has no words.

    Parameters
    ----------
    node : creates the action server
    worker : answers the goals
    cameras : by name

    """

    def __init__(self, node: LifecycleNode, worker: Worker, cameras: dict[str, CameraPipeline]):
        self._node, self._worker, self._cameras = node, worker, cameras
        self._active: dict[str, _Active] = {}
        self._server: Any = ActionServer(
            node, Find, "~/find", execute_callback=_no_answer, handle_accepted_callback=self._on_accepted,
            cancel_callback=self._on_cancel)
        # Time limits are of the wall clock, as simulated time may stand still.
        self._timer = node.create_timer(CHECK_SECONDS, self._check, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def close(self, reason: str = "the node was cleaned up") -> None:
        """Abort all goals and remove the action."""
        self.abort_all(reason)
        self._node.destroy_timer(self._timer)
        self._server.destroy()
        # The executor may hold the server until its next turn; the models must be free at once.
        self._worker, self._cameras = Worker({}), {}

    def abort_all(self, reason: str) -> None:
        """Abort all goals."""
        if not self._node.context.ok():  # After Ctrl-C nothing reaches a client any more.
            return
        for active in list(self._active.values()):
            self._worker.withdraw_goal(active.goal)
            self._fail(active, reason)

    def _on_accepted(self, handle: ServerGoalHandle) -> None:
        request, now = handle.request, time.monotonic()
        camera = request.camera or next(iter(self._cameras), "")
        active = _Active(handle, Goal(request.text.strip(), _identifier(handle)), camera, now)
        self._active[active.goal.id_text] = active
        max_age = _seconds(request.max_image_age)
        try:
            check_command_text(request.text)
            if camera not in self._cameras:
                raise InputError(f"there is no camera {quote(camera)}; there are "
                                 f"{', '.join(quote(name) for name in self._cameras)}")
        except InputError as error:
            self._fail(active, str(error))
            return
        active.goal = replace(
            active.goal, min_confidence=max(0.0, float(request.min_confidence)),
            not_before=now - max_age if max_age else -math.inf, on_start=partial(self._tell, active, "searching"),
            on_early=partial(self._on_early, active), on_answer=partial(self._on_answer, active),
            on_failure=partial(self._fail, active))
        self._node.get_logger().info(f"goal: {quote(active.goal.text)}")
        self._tell(active, "queued")
        self._put(active)

    def _put(self, active: _Active) -> None:
        if reason := self._worker.put_goal(active.goal, active.camera):
            self._fail(active, reason)

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        if (active := self._active.get(_identifier(handle))) is not None:
            self._worker.withdraw_goal(active.goal)
            self._end(active, active.best or self._empty(active, "cancelled"), ServerGoalHandle.abort)
        return CancelResponse.ACCEPT

    def _on_early(self, active: _Active, answer: Answer, result: Result) -> None:
        self._tell(active, "early answer", len(result.candidates), result.confidence, answer)

    def _on_answer(self, active: _Active, answer: Answer, result: Result) -> None:
        if result.found or not active.handle.request.wait:
            self._end(active, answer, ServerGoalHandle.succeed)
            return
        active.best = answer
        self._tell(active, "not there yet", len(result.candidates), result.confidence)
        active.goal = replace(active.goal, not_before=time.monotonic())
        if self._is_active(active):
            self._put(active)

    def _check(self) -> None:
        """End goals whose time is over, and those that wait for an image that does not come."""
        now = time.monotonic()
        for active in list(self._active.values()):
            request, waited = active.handle.request, now - active.accepted
            limit = _seconds(request.timeout)
            missing = self._cameras[active.camera].missing_frame() if active.stage not in SEARCHING else ""
            if limit and waited > limit:
                self._time_out(active, missing or f"not answered within {limit:g} s")
            elif missing and not request.wait and waited > NO_IMAGE_SECONDS:
                self._time_out(active, missing)
            elif missing:
                self._tell(active, "waiting for an image")

    def _time_out(self, active: _Active, reason: str) -> None:
        self._worker.withdraw_goal(active.goal)
        if active.best is not None:
            self._end(active, active.best, ServerGoalHandle.abort)
        else:
            self._fail(active, reason)

    def _fail(self, active: _Active, reason: str) -> None:
        self._end(active, self._empty(active, reason), ServerGoalHandle.abort)

    def _end(self, active: _Active, answer: Answer, finish: Finish) -> None:
        """End a goal, once; the client gets the answer from the executor's thread."""
        if self._active.pop(active.goal.id_text, None) is not None:
            active.handle.execute(partial(_finish, answer, finish))

    def _is_active(self, active: _Active) -> bool:
        return active.goal.id_text in self._active

    def _tell(self, active: _Active, stage: str, candidates: int = 0, confidence: float = 0.0,
              answer: Answer | None = None) -> None:
        if (stage != active.stage or candidates) and self._is_active(active):
            active.stage = stage
            active.handle.publish_feedback(Find.Feedback(
                stage=stage, candidates=candidates, confidence=confidence, answer=answer or Answer()))

    def _empty(self, active: _Active, reason: str) -> Answer:
        return Answer(camera=active.camera, id=active.goal.id_text, text=active.goal.text, reason=reason,
                      latency=math.nan)


def _finish(answer: Answer, finish: Finish, handle: ServerGoalHandle) -> Find.Result:
    if handle.is_cancel_requested:
        handle.canceled()
    else:
        finish(handle)
    return Find.Result(answer=answer)


def _no_answer(handle: ServerGoalHandle) -> Find.Result:
    handle.abort()
    return Find.Result()


def _identifier(handle: ServerGoalHandle) -> str:
    return bytes(handle.goal_id.uuid).hex()


def _seconds(duration: Any) -> float:
    return float(duration.sec + duration.nanosec / 1e9)
