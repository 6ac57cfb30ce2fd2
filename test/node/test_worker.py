import threading

import pytest

from ris_ros.node.worker import COMMANDS_KEPT, Worker


class Bench:
    """A worker whose jobs are slow on demand: each waits for `go` while `gated`."""

    def __init__(self, **options):
        self.done = []
        self.failures = []
        self.error = None
        self.gated = False
        self.started = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.finished = threading.Semaphore(0)
        self.worker = Worker(self._answer, self._failed, **options)
        self.worker.activate()

    def _answer(self, job):
        self.started.release()
        if self.gated:
            assert self.go.acquire(timeout=5)
        if self.error:
            error, self.error = self.error, None
            raise error
        self.done.append((job.frame, job.text, self.worker.is_wanted(job)))
        self.finished.release()

    def _failed(self, job, error):
        self.failures.append((job.text, error))
        self.finished.release()

    def wait(self, jobs=1):
        for _ in range(jobs):
            assert self.finished.acquire(timeout=5)
        assert not self.finished.acquire(timeout=0.05), "more was done than asked for"


@pytest.fixture
def make_bench():
    benches = []

    def make(**options):
        benches.append(Bench(**options))
        return benches[-1]

    yield make
    for bench in benches:
        bench.go.release(100)
        bench.worker.close()


def test_a_command_waits_for_the_first_frame_and_is_answered_once(make_bench):
    bench = make_bench()
    bench.worker.put_command("cup")
    bench.wait(0)
    bench.worker.put_frame(1)
    bench.worker.put_frame(2)
    bench.wait()
    assert [text for _, text, _ in bench.done] == ["cup"]


def test_a_command_is_answered_on_the_frame_that_is_there(make_bench):
    bench = make_bench()
    bench.worker.put_frame(1)
    bench.worker.put_frame(2)
    bench.worker.put_command("cup")
    bench.wait()
    assert bench.done == [(2, "cup", True)]


def test_commands_keep_their_order_and_none_is_lost(make_bench):
    bench = make_bench()
    texts = [f"object {i}" for i in range(COMMANDS_KEPT)]
    for text in texts:
        bench.worker.put_command(text)
    bench.worker.put_frame(1)
    bench.wait(len(texts))
    assert [text for _, text, _ in bench.done] == texts


def test_frames_that_arrive_during_a_job_replace_each_other(make_bench):
    bench = make_bench(continuous=True)
    bench.gated = True
    bench.worker.put_command("cup")
    bench.worker.put_frame(1)
    assert bench.started.acquire(timeout=5)
    for frame in (2, 3, 4):
        bench.worker.put_frame(frame)
    bench.go.release(2)
    bench.wait(2)
    assert [frame for frame, _, _ in bench.done] == [1, 4]


def test_continuous_answers_each_frame_once(make_bench):
    bench = make_bench(continuous=True)
    bench.worker.put_command("cup")
    for frame in (1, 2, 3):
        bench.worker.put_frame(frame)
        bench.wait()
    assert [frame for frame, _, _ in bench.done] == [1, 2, 3]


def test_switching_to_continuous_takes_effect_at_once(make_bench):
    bench = make_bench()
    bench.worker.put_frame(1)
    bench.worker.put_command("cup")
    bench.wait()
    bench.worker.set_continuous(True)
    bench.worker.put_frame(2)
    bench.wait()
    bench.worker.set_continuous(False)
    bench.worker.put_frame(3)
    bench.wait(0)
    assert [frame for frame, _, _ in bench.done] == [1, 2]


def test_an_empty_command_stops_even_the_answer_at_hand(make_bench):
    bench = make_bench(continuous=True)
    bench.gated = True
    bench.worker.put_command("cup")
    bench.worker.put_frame(1)
    assert bench.started.acquire(timeout=5)
    bench.worker.put_command("bowl")
    bench.worker.put_command("")
    bench.worker.put_frame(2)
    bench.go.release(5)
    bench.wait()
    assert bench.done == [(1, "cup", False)]


def test_disabled_does_nothing_and_resumes_with_what_came_meanwhile(make_bench):
    bench = make_bench()
    bench.worker.set_enabled(False)
    bench.worker.put_command("cup")
    bench.worker.put_frame(1)
    bench.wait(0)
    bench.worker.set_enabled(True)
    bench.wait()
    assert bench.done == [(1, "cup", True)]


def test_deactivation_forgets_frame_and_command(make_bench):
    bench = make_bench(continuous=True)
    bench.worker.put_command("cup")
    bench.worker.put_frame(1)
    bench.wait()
    bench.worker.deactivate()
    bench.worker.activate()
    bench.worker.put_frame(2)
    bench.wait(0)
    bench.worker.put_command("cup")
    bench.wait()
    assert [frame for frame, _, _ in bench.done] == [1, 2]


def test_repeat_answers_again_or_says_why_not(make_bench):
    bench = make_bench()
    assert "command" in bench.worker.repeat()
    bench.worker.put_command("cup")
    assert "image" in bench.worker.repeat()
    bench.worker.put_frame(1)
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
    bench.worker.put_frame(1)
    bench.worker.put_command("cup")
    bench.wait()
    bench.worker.put_command("bowl")
    bench.wait()
    assert [(text, str(error)) for text, error in bench.failures] == [("cup", "no luck")]
    assert bench.done == [(1, "bowl", True)]


def test_a_command_whose_frame_is_unusable_waits_for_the_next_frame():
    answered = []
    done = threading.Event()

    def answer(job):
        if job.frame == "broken":
            worker.return_job(job)
        else:
            answered.append((job.frame, job.text))
            done.set()

    worker = Worker(answer, lambda job, error: None)
    worker.activate()
    worker.put_frame("broken")
    worker.put_command("cup")
    assert not done.wait(0.1)
    worker.put_frame("good")
    assert done.wait(5)
    worker.close()
    assert answered == [("good", "cup")]
