"""Tracking with a segmenter that segments red and blue objects and identifies them by their mean colour."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from ris_ros.errors import InputError


@pytest.mark.parametrize("latency", [0, 6])
def test_a_moving_target_is_kept(stage, tracker, latency):
    first = tracker.start(stage.frame((stage.RED, stage.motion(), 36)), stage.disc())
    assert first.found and first.confidence == pytest.approx(1, abs=0.02)
    paths = [stage.motion((5 * t, -3 * t), 3 * t, 1 + 0.01 * t) for t in range(1, 20)]
    answers = stage.play(tracker, [stage.frame((stage.RED, path, 36)) for path in paths], latency=latency)
    assert not stage.events(answers)
    for path, answer in zip(paths, answers, strict=True):
        assert answer.found and stage.iou(answer.mask, stage.disc(path)) > 0.9
        rows, columns = np.nonzero(answer.mask)
        assert answer.box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_the_mask_of_a_late_verification_is_moved_to_the_newest_frame(stage, tracker):
    # The chosen mask is cut off on one side. A keyframe finds the whole, and arrives when the object has moved.
    half = stage.disc() & (np.arange(stage.SHAPE[1]) < stage.MIDDLE[0] + 25)
    tracker.start(stage.frame((stage.RED, stage.motion(), 36)), half)
    paths = [stage.motion((6 * t, -2 * t)) for t in range(1, 9)]
    answers = stage.play(tracker, [stage.frame((stage.RED, path, 36)) for path in paths], latency=5)
    assert stage.iou(answers[3].mask, stage.disc(paths[3])) < 0.92
    assert stage.iou(answers[-1].mask, stage.disc(paths[-1])) > 0.95


def test_a_target_that_no_longer_resembles_itself_is_lost(stage, tracker):
    distractor = (stage.BLUE, stage.motion((100, 60)), 36)
    tracker.start(stage.frame((stage.RED, stage.motion(), 36), distractor), stage.disc())
    # The colour changes so slowly that consecutive frames hardly differ.
    images = [stage.frame(((stage.RED * (1 - t / 40) + stage.BLUE * (t / 40)).astype(np.uint8), stage.motion(), 36),
                          distractor) for t in range(1, 41)]
    answers = stage.play(tracker, images)
    assert stage.events(answers)[:1] == ["lost"]
    assert not answers[-1].found


def test_an_outdated_verification_is_ignored(stage, started):
    [first] = stage.play(started, [stage.frame((stage.RED, stage.motion((4, 0)), 36))])
    stale = started.verify(started.next_keyframe())
    started.next_keyframe()
    started.apply(stale)
    assert (started.state().mask == first.mask).all()


def test_tracking_continues_while_a_keyframe_is_verified(stage, segmenter, started):
    entered, proceed = threading.Event(), threading.Event()
    embed = segmenter.proposer.embed

    def slowly(image):
        entered.set()
        assert proceed.wait(30)
        return embed(image)

    segmenter.proposer.embed = slowly
    keyframe = started.next_keyframe()
    thread = threading.Thread(target=lambda: started.apply(started.verify(keyframe)))
    thread.start()
    assert entered.wait(30)
    answers = [started.track(stage.frame((stage.RED, stage.motion((5 * t, 0)), 36)), t / stage.RATE)
               for t in range(1, 6)]
    proceed.set()
    thread.join(30)
    assert all(answer.found for answer in answers)
    assert stage.iou(started.state().mask, stage.disc(stage.motion((25, 0)))) > 0.9


def test_a_call_tracks_and_verifies(stage, segmenter, started):
    path = stage.motion((5, 3))
    answer = started(stage.frame((stage.RED, path, 36)), 1 / stage.RATE)
    assert stage.iou(answer.mask, stage.disc(path)) > 0.93
    assert "embed" in segmenter.proposer.asked


def test_bad_input_is_refused_and_does_not_end_tracking(stage, tracker):
    image = stage.frame((stage.RED, stage.motion(), 36))
    for use in (lambda: tracker.track(image, 0.0), tracker.next_keyframe, tracker.state):
        with pytest.raises(InputError, match="call start first"):
            use()
    for mask in (np.zeros(stage.SHAPE, bool), np.ones((3, 3), bool), stage.disc().astype(np.uint8)):
        with pytest.raises(InputError, match="not empty"):
            tracker.start(image, mask)
    tracker.start(image, stage.disc())
    with pytest.raises(InputError, match="160 x 120"):
        tracker.track(image[::2, ::2], 0.1)
    with pytest.raises(InputError, match="uint8 RGB"):
        tracker.track(image.astype(np.float32), 0.1)
    assert tracker.track(image, 0.2).found
