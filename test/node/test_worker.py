"""What is computed next."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from ris_ros.node import worker
from ris_ros.node.commands import Command
from ris_ros.node.worker import COMMANDS_KEPT, IDLE_POLL, Worker
from ris_ros.utils.cancellation import check_cancelled


class Camera:
    """A source whose newest frame is set by the test."""

    def __init__(self):
        self.frame = None
        self.looked = 0

    def newest(self):
        self.looked += 1
        return self.frame

    def has_frame(self):
        return self.frame is not None


class Bench:
    """A worker whose jobs are slow on demand: each waits for `go` while `gated`."""

    def __init__(self, cameras=("",), **options):
        self.done = []
        self.failures = []
        self.error = None
        self.gated = False
        self.breakable = False
        self.started = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.finished = threading.Semaphore(0)
        self.cameras = {name: Camera() for name in cameras}
        self.worker = Worker(self._answer, self._failed, self.cameras, **options)
        self.worker.activate()

    def _answer(self, job):
        self.started.release()
        if self.gated:
            while not self.go.acquire(timeout=0.01):
                if self.breakable:
                    check_cancelled()
        if self.error:
            error, self.error = self.error, None
            raise error
        self.done.append((job.frame, job.command.text, self.worker.is_wanted(job)))
        self.finished.release()

    def _failed(self, job, error):
        self.failures.append((job.command.text, error))
        self.finished.release()

    def put_frame(self, frame, camera=""):
        self.cameras[camera].frame = frame

    def say(self, text, camera=None):
        return self.worker.put_command(Command(text), camera)

    def wait(self, jobs=1):
        for _ in range(jobs):
            assert self.finished.acquire(timeout=5)
        assert not self.finished.acquire(timeout=0.05), "more was done than asked for"


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
    bench.say("cup")
    bench.wait(0)
    assert bench.worker.waiting == 1
    bench.put_frame(1)
    bench.wait()
    bench.put_frame(2)
    bench.wait(0)
    assert [text for _, text, _ in bench.done] == ["cup"]
    assert bench.worker.waiting == 0


def test_a_command_is_answered_on_the_frame_that_is_there(make_bench):
    bench = make_bench()
    bench.put_frame(1)
    bench.put_frame(2)
    bench.say("cup")
    bench.wait()
    assert bench.done == [(2, "cup", True)]


def test_commands_keep_their_order_and_none_is_lost_unnoticed(make_bench):
    bench = make_bench()
    texts = [f"object {i}" for i in range(COMMANDS_KEPT + 1)]
    forgotten = [bench.say(text) for text in texts]
    assert forgotten == [[]] * COMMANDS_KEPT + [[("", Command("object 0"))]]
    bench.put_frame(1)
    bench.wait(COMMANDS_KEPT)
    assert [text for _, text, _ in bench.done] == texts[1:]


def test_frames_that_arrive_during_a_job_replace_each_other(make_bench):
    bench = make_bench(continuous=True)
    bench.gated = True
    bench.say("cup")
    bench.put_frame(1)
    assert bench.started.acquire(timeout=5)
    for frame in (2, 3, 4):
        bench.put_frame(frame)
    bench.go.release(2)
    bench.wait(2)
    assert [frame for frame, _, _ in bench.done] == [1, 4]


def test_continuous_answers_each_frame_once(make_bench):
    bench = make_bench(continuous=True)
    bench.say("cup")
    for frame in (1, 2, 3):
        bench.put_frame(frame)
        bench.wait()
    assert [frame for frame, _, _ in bench.done] == [1, 2, 3]


def test_the_rate_of_answers_to_a_standing_command_has_a_limit(make_bench, monkeypatch):
    clock = SimpleNamespace(now=100.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(worker, "time", clock)
    bench = make_bench(continuous=True, max_rate=5.0)
    bench.say("cup")
    bench.put_frame(1)
    bench.wait()
    clock.now += 0.19
    bench.put_frame(2)
    bench.wait(0)
    clock.now += 0.02
    bench.wait()
    assert [frame for frame, _, _ in bench.done] == [1, 2]
    bench.put_frame(3)
    bench.say("bowl")
    bench.wait()


def test_switching_to_continuous_takes_effect_at_once(make_bench):
    bench = make_bench()
    bench.put_frame(1)
    bench.say("cup")
    bench.wait()
    bench.worker.configure(continuous=True, max_rate=0)
    bench.put_frame(2)
    bench.wait()
    bench.worker.configure(continuous=False, max_rate=0)
    bench.put_frame(3)
    bench.wait(0)
    assert [frame for frame, _, _ in bench.done] == [1, 2]


def test_an_empty_command_stops_even_the_answer_at_hand(make_bench):
    bench = make_bench(continuous=True)
    bench.gated = True
    bench.say("cup")
    bench.put_frame(1)
    assert bench.started.acquire(timeout=5)
    bench.say("bowl")
    bench.say("")
    bench.put_frame(2)
    bench.go.release(5)
    bench.wait()
    assert bench.done == [(1, "cup", False)]


def test_a_job_is_broken_off_at_its_next_checkpoint(make_bench):
    bench = make_bench()
    bench.gated = bench.breakable = True
    bench.say("cup")
    bench.put_frame(1)
    assert bench.started.acquire(timeout=5)
    assert not bench.worker.wait_idle(0.05)
    bench.worker.deactivate()
    assert bench.worker.wait_idle(5)
    assert bench.done == bench.failures == []
    bench.gated = False
    bench.worker.activate()
    bench.say("bowl")
    bench.wait()
    assert bench.done == [(1, "bowl", True)]


def test_disabled_does_nothing_and_resumes_with_what_came_meanwhile(make_bench):
    bench = make_bench()
    bench.worker.set_enabled(False)
    bench.say("cup")
    bench.put_frame(1)
    bench.wait(0)
    bench.worker.set_enabled(True)
    bench.wait()
    assert bench.done == [(1, "cup", True)]


def test_deactivation_forgets_the_command(make_bench):
    bench = make_bench(continuous=True)
    bench.say("cup")
    bench.put_frame(1)
    bench.wait()
    bench.worker.deactivate()
    bench.worker.activate()
    bench.put_frame(2)
    bench.wait(0)
    bench.say("cup")
    bench.wait()
    assert [frame for frame, _, _ in bench.done] == [1, 2]


def test_repeat_answers_again_or_says_why_not(make_bench):
    bench = make_bench()
    assert "command" in bench.worker.repeat()
    bench.say("cup")
    assert "image" in bench.worker.repeat()
    bench.put_frame(1)
    bench.wait()
    assert bench.worker.repeat() == ""
    bench.wait()
    bench.worker.set_enabled(False)
    assert "disabled" in bench.worker.repeat()
    bench.worker.deactivate()
    assert "active" in bench.worker.repeat()
    assert [text for _, text, _ in bench.done] == ["cup", "cup"]


def test_a_failing_job_is_reported_and_the_next_one_is_done(make_bench):
    bench = make_bench()
    bench.error = ValueError("no luck")
    bench.put_frame(1)
    bench.say("cup")
    bench.wait()
    bench.say("bowl")
    bench.wait()
    assert [(text, str(error)) for text, error in bench.failures] == [("cup", "no luck")]
    assert bench.done == [(1, "bowl", True)]


def test_cameras_take_turns_and_share_commands_that_name_none(make_bench):
    bench = make_bench(("front", "wrist"))
    bench.put_frame("f", "front")
    bench.put_frame("w", "wrist")
    bench.say("cup")
    bench.wait(2)
    bench.say("bowl", "wrist")
    bench.wait()
    assert bench.done == [("f", "cup", True), ("w", "cup", True), ("w", "bowl", True)]
    bench.gated = True
    for text in ("pen", "can"):
        bench.say(text)
    bench.go.release(4)
    bench.wait(4)
    assert [frame for frame, _, _ in bench.done[3:]] in (["f", "w", "f", "w"], ["w", "f", "w", "f"])


def test_a_camera_without_frames_does_not_hold_up_the_other(make_bench):
    bench = make_bench(("front", "wrist"))
    bench.put_frame("w", "wrist")
    bench.say("cup")
    bench.wait()
    bench.say("", "front")
    bench.put_frame("f", "front")
    bench.wait(0)
    assert bench.done == [("w", "cup", True)]


def test_frames_are_looked_at_seldom_while_nothing_is_asked(make_bench):
    bench = make_bench()
    bench.put_frame(1)
    time.sleep(1.5 * IDLE_POLL)
    assert 1 <= bench.cameras[""].looked <= 2
    bench.worker.deactivate()
    looked = bench.cameras[""].looked
    time.sleep(1.2 * IDLE_POLL)
    assert bench.cameras[""].looked <= looked + 1
