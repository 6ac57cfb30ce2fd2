"""Which command is answered on which frame, and when."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from ris_ros.node import worker
from ris_ros.node.commands import Command, Goal
from ris_ros.node.worker import IDLE_POLL_SECONDS, MAX_WAITING_COMMANDS, Worker
from ris_ros.utils.cancellation import Cancelled, check_cancelled

CURRENT, OBSOLETE = False, True


class Camera:
    """A camera whose newest frame the test sets."""

    def __init__(self, answer, report_failure):
        self.frame = None
        self.polls = self.completions = 0
        self.is_slow = False
        self.was_cancelled = threading.Event()
        self.is_completing = threading.Event()
        self.answer = answer
        self.report_failure = report_failure

    def newest_frame(self):
        self.polls += 1
        return self.frame

    def missing_frame(self):
        return "" if self.frame is not None else "no image"

    def complete_image(self):
        self.is_completing.set()
        try:
            while self.is_slow:
                check_cancelled()
                time.sleep(0.005)
        except Cancelled:
            self.was_cancelled.set()
            raise
        self.completions += 1


class Bench:
    """A worker whose jobs take as long as the test wants: while `gated`, each waits for `go`."""

    def __init__(self, cameras=("",), **options):
        self.done = []
        self.failures = []
        self.error = None
        self.gated = False
        self.cancellable = False
        self.started = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.finished = threading.Semaphore(0)
        self.cameras = {name: Camera(self._answer, self._report_failure) for name in cameras}
        self.worker = Worker(self.cameras, **options)
        self.worker.activate()

    def _answer(self, job):
        self.started.release()
        if self.gated:
            while not self.go.acquire(timeout=0.01):
                if self.cancellable:
                    check_cancelled()
        if self.error:
            error, self.error = self.error, None
            raise error
        self.done.append((job.frame, job.command.text, self.worker.is_obsolete(job)))
        self.finished.release()

    def _report_failure(self, job, error):
        self.failures.append((job.command.text, error))
        self.finished.release()

    def put_frame(self, frame, camera=""):
        self.cameras[camera].frame = frame

    def put_command(self, text, camera=None):
        return self.worker.put_command(Command(text), camera)

    def wait(self, jobs=1):
        for _ in range(jobs):
            assert self.finished.acquire(timeout=5)
        assert not self.finished.acquire(timeout=0.05), "more jobs were done than expected"


@pytest.fixture
def make_bench():
    benches = []

    def make(*args, **options):
        benches.append(Bench(*args, **options))
        return benches[-1]

    yield make
    for bench in benches:
        bench.go.release(100)
        bench.worker.close()


def test_a_command_waits_for_the_first_frame_and_is_answered_once(make_bench):
    bench = make_bench()
    bench.put_command("cup")
    bench.wait(0)
    assert bench.worker.waiting == 1
    bench.put_frame(1)
    bench.wait()
    bench.put_frame(2)
    bench.wait(0)
    assert [text for _, text, _ in bench.done] == ["cup"]
    assert bench.worker.waiting == 0


def test_a_command_is_answered_on_the_newest_frame(make_bench):
    bench = make_bench()
    bench.put_frame(1)
    bench.put_frame(2)
    bench.put_command("cup")
    bench.wait()
    assert bench.done == [(2, "cup", CURRENT)]


def test_commands_are_answered_first_come_first_served_and_dropped_ones_are_returned(make_bench):
    bench = make_bench()
    texts = [f"object {i}" for i in range(MAX_WAITING_COMMANDS + 1)]
    dropped = [bench.put_command(text) for text in texts]
    assert dropped == [[]] * MAX_WAITING_COMMANDS + [[("", Command("object 0"))]]
    bench.put_frame(1)
    bench.wait(MAX_WAITING_COMMANDS)
    assert [text for _, text, _ in bench.done] == texts[1:]


def test_frames_that_arrive_during_a_job_replace_each_other(make_bench):
    bench = make_bench(continuous=True)
    bench.gated = True
    bench.put_command("cup")
    bench.put_frame(1)
    assert bench.started.acquire(timeout=5)
    for frame in (2, 3, 4):
        bench.put_frame(frame)
    bench.go.release(2)
    bench.wait(2)
    assert [frame for frame, _, _ in bench.done] == [1, 4]


def test_continuous_answers_each_frame_once(make_bench):
    bench = make_bench(continuous=True)
    bench.put_command("cup")
    for frame in (1, 2, 3):
        bench.put_frame(frame)
        bench.wait()
    assert [frame for frame, _, _ in bench.done] == [1, 2, 3]


def test_the_rate_of_continuous_answers_is_limited(make_bench, monkeypatch):
    clock = SimpleNamespace(now=100.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(worker, "time", clock)
    bench = make_bench(continuous=True, max_rate=5.0)
    bench.put_command("cup")
    bench.put_frame(1)
    bench.wait()
    clock.now += 0.19
    bench.put_frame(2)
    bench.wait(0)
    clock.now += 0.02
    bench.wait()
    assert [frame for frame, _, _ in bench.done] == [1, 2]
    bench.put_frame(3)
    bench.put_command("bowl")
    bench.wait()


def test_switching_to_continuous_takes_effect_at_once(make_bench):
    bench = make_bench()
    bench.put_frame(1)
    bench.put_command("cup")
    bench.wait()
    bench.worker.configure(continuous=True, max_rate=0)
    bench.put_frame(2)
    bench.wait()
    bench.worker.configure(continuous=False, max_rate=0)
    bench.put_frame(3)
    bench.wait(0)
    assert [frame for frame, _, _ in bench.done] == [1, 2]


def test_an_empty_command_makes_even_the_current_job_obsolete(make_bench):
    bench = make_bench(continuous=True)
    bench.gated = True
    bench.put_command("cup")
    bench.put_frame(1)
    assert bench.started.acquire(timeout=5)
    bench.put_command("bowl")
    bench.put_command("")
    bench.put_frame(2)
    bench.go.release(5)
    bench.wait()
    assert bench.done == [(1, "cup", OBSOLETE)]


def test_every_withdrawn_goal_stays_withdrawn(make_bench):
    bench = make_bench()
    bench.gated = True
    bench.put_frame(SimpleNamespace(arrived=0.0))
    working, waiting, last = Goal("cup"), Goal("bowl"), Goal("pen")
    for goal in (working, waiting, last):
        assert bench.worker.put_goal(goal, "") == ""
    assert bench.started.acquire(timeout=5)
    bench.worker.withdraw_goal(working)
    bench.worker.withdraw_goal(waiting)
    bench.gated = False
    bench.go.release()
    bench.wait(2)
    assert [(text, obsolete) for _, text, obsolete in bench.done] == [("cup", OBSOLETE), ("pen", CURRENT)]


def test_an_obsolete_job_is_cancelled(make_bench):
    bench = make_bench()
    bench.gated = bench.cancellable = True
    bench.put_command("cup")
    bench.put_frame(1)
    assert bench.started.acquire(timeout=5)
    assert not bench.worker.wait_idle(0.05)
    bench.worker.deactivate()
    assert bench.worker.wait_idle(5)
    assert bench.done == bench.failures == []
    bench.gated = False
    bench.worker.activate()
    bench.put_command("bowl")
    bench.wait()
    assert bench.done == [(1, "bowl", CURRENT)]


def test_an_image_is_completed_once_after_its_answer_and_a_command_comes_first(make_bench, wait_for):
    bench = make_bench()
    camera = bench.cameras[""]
    bench.put_frame(1)
    bench.put_command("cup")
    bench.wait()
    wait_for(lambda: camera.completions, what="the completion")
    assert bench.worker.wait_idle(5)
    bench.wait(0)
    assert camera.completions == 1
    camera.is_slow = True
    camera.is_completing.clear()
    bench.put_command("bowl")
    bench.wait()
    assert camera.is_completing.wait(5)
    assert not bench.worker.wait_idle(0.05)
    assert bench.worker.waiting == 0
    bench.put_command("pen")
    bench.wait()
    assert camera.was_cancelled.is_set()
    camera.is_slow = False
    wait_for(lambda: camera.completions == 2, what="the completion after the last answer")
    assert [text for _, text, _ in bench.done] == ["cup", "bowl", "pen"]


def test_a_completion_that_fails_or_is_not_wanted_ends_nothing(make_bench, wait_for):
    bench = make_bench()
    camera = bench.cameras[""]
    camera.complete_image = lambda: camera.was_cancelled.set() or 1 / 0
    bench.put_frame(1)
    bench.put_command("cup")
    bench.wait()
    assert camera.was_cancelled.wait(5)
    bench.put_command("bowl")
    bench.wait()
    assert [text for _, text, _ in bench.done] == ["cup", "bowl"]
    continuous = make_bench(continuous=True)
    continuous.put_frame(1)
    continuous.put_command("cup")
    continuous.wait()
    assert not continuous.cameras[""].is_completing.wait(0.2)


def test_deactivation_cancels_a_completion(make_bench):
    bench = make_bench()
    camera = bench.cameras[""]
    camera.is_slow = True
    bench.put_frame(1)
    bench.put_command("cup")
    bench.wait()
    assert camera.is_completing.wait(5)
    bench.worker.deactivate()
    assert bench.worker.wait_idle(5)
    assert camera.was_cancelled.is_set()
    assert camera.completions == 0


def test_a_disabled_worker_answers_later_what_came_meanwhile(make_bench):
    bench = make_bench()
    bench.worker.set_enabled(False)
    bench.put_command("cup")
    bench.put_frame(1)
    bench.wait(0)
    bench.worker.set_enabled(True)
    bench.wait()
    assert bench.done == [(1, "cup", CURRENT)]


def test_deactivation_withdraws_the_command(make_bench):
    bench = make_bench(continuous=True)
    bench.put_command("cup")
    bench.put_frame(1)
    bench.wait()
    bench.worker.deactivate()
    bench.worker.activate()
    bench.put_frame(2)
    bench.wait(0)
    bench.put_command("cup")
    bench.wait()
    assert [frame for frame, _, _ in bench.done] == [1, 2]


def test_the_standing_command_is_repeated_or_the_reason_why_not_returned(make_bench):
    bench = make_bench()
    assert "command" in bench.worker.repeat_standing_command()
    bench.put_command("cup")
    assert "image" in bench.worker.repeat_standing_command()
    bench.put_frame(1)
    bench.wait()
    assert bench.worker.repeat_standing_command() == ""
    bench.wait()
    bench.worker.set_enabled(False)
    assert "disabled" in bench.worker.repeat_standing_command()
    bench.worker.deactivate()
    assert "active" in bench.worker.repeat_standing_command()
    assert [text for _, text, _ in bench.done] == ["cup", "cup"]


def test_a_failing_job_is_reported_and_the_next_one_is_done(make_bench):
    bench = make_bench()
    bench.error = ValueError("no luck")
    bench.put_frame(1)
    bench.put_command("cup")
    bench.wait()
    bench.put_command("bowl")
    bench.wait()
    assert [(text, str(error)) for text, error in bench.failures] == [("cup", "no luck")]
    assert bench.done == [(1, "bowl", CURRENT)]


def test_a_thread_that_has_ended_is_replaced(make_bench, wait_for):
    bench = make_bench()
    camera = bench.cameras[""]
    newest_frame = camera.newest_frame

    def fail_once():
        camera.newest_frame = newest_frame
        raise SystemExit("no luck")

    camera.newest_frame = fail_once
    bench.put_frame(1)
    bench.put_command("cup")
    assert wait_for(bench.worker.restart, 5) == "SystemExit: no luck"
    bench.wait()
    assert bench.done == [(1, "cup", CURRENT)]
    assert bench.worker.restart() == ""


def test_cameras_take_turns_and_share_commands_to_all(make_bench):
    bench = make_bench(("front", "wrist"))
    bench.put_frame("f", "front")
    bench.put_frame("w", "wrist")
    bench.put_command("cup")
    bench.wait(2)
    bench.put_command("bowl", "wrist")
    bench.wait()
    assert bench.done == [("f", "cup", CURRENT), ("w", "cup", CURRENT), ("w", "bowl", CURRENT)]
    bench.gated = True
    for text in ("pen", "can"):
        bench.put_command(text)
    bench.go.release(4)
    bench.wait(4)
    assert [frame for frame, _, _ in bench.done[3:]] in (["f", "w", "f", "w"], ["w", "f", "w", "f"])


def test_a_camera_without_frames_does_not_delay_the_other(make_bench):
    bench = make_bench(("front", "wrist"))
    bench.put_frame("w", "wrist")
    bench.put_command("cup")
    bench.wait()
    bench.put_command("", "front")
    bench.put_frame("f", "front")
    bench.wait(0)
    assert bench.done == [("w", "cup", CURRENT)]


def test_frames_are_polled_slowly_while_no_command_waits(make_bench):
    bench = make_bench()
    bench.put_frame(1)
    time.sleep(1.5 * IDLE_POLL_SECONDS)
    assert 1 <= bench.cameras[""].polls <= 2
    bench.worker.deactivate()
    polls = bench.cameras[""].polls
    time.sleep(1.2 * IDLE_POLL_SECONDS)
    assert bench.cameras[""].polls <= polls + 1
