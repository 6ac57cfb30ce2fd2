"""Losing and verification again, with a segmenter that cuts out whatever is red or blue and knows things by their colour."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from ris_ros.config import Config
from ris_ros.errors import InputError
from ris_ros.tracking import Tracker
from ris_ros.types import Proposals

RATE = 15.0


class ColourProposer:
    def __init__(self):
        self.asked = []

    def embed(self, image):
        self.asked.append("embed")
        return image

    def object_in(self, image, box, points, labels):
        x1, y1, x2, y2 = np.round(box).astype(int)
        inside = np.zeros(image.shape[:2], bool)
        inside[y1:y2, x1:x2] = True
        return Proposals.from_masks(np.array([mask for mask in self._masks(image) if (mask & inside).any()], bool)
                                    .reshape(-1, *image.shape[:2]))

    def __call__(self, image, points=None, *, embedded=None):
        self.asked.append("everywhere" if points is None else "near")
        return Proposals.from_masks(self._masks(image))

    @staticmethod
    def _masks(image):
        red, green, blue = np.moveaxis(cv2.blur(image, (5, 5)).astype(int), -1, 0)
        masks = []
        for strong in (red > green + 70, blue > green + 70):
            count, labels, stats, _ = cv2.connectedComponentsWithStats(strong.astype(np.uint8))
            masks += [labels == i for i in range(1, count) if stats[i, cv2.CC_STAT_AREA] > 300]
        return np.array(masks, bool).reshape(-1, *image.shape[:2])


class ColourEncoder:
    default_visual_weight = 0.5

    def encode_masks(self, image, masks, *, method):
        colours = [image[mask].mean(axis=0) for mask in masks]
        features = torch.tensor(np.array(colours).reshape(-1, 3), dtype=torch.float32)
        return features, features


@pytest.fixture
def segmenter():
    proposer = ColourProposer()
    return SimpleNamespace(config=Config(), proposer=proposer, encoder=ColourEncoder(), set_image=proposer)


@pytest.fixture
def follower(segmenter):
    return Tracker(segmenter)


def begin(stage, follower):
    return follower.start(stage.frame((stage.RED, stage.motion(), 36)), stage.disc())


def play(follower, frames, *, latency=0, start=0):
    """The answers to frames, each keyframe's verification arriving `latency` frames later."""
    answers, verification, due = [], None, 0
    for number, picture in enumerate(frames, start + 1):
        answers.append(follower.track(picture, number / RATE))
        if verification is not None and number >= due:
            follower.take(verification)
            verification = None
        if verification is None and (keyframe := follower.keyframe()) is not None:
            verification, due = follower.verify(keyframe), number + latency
    return answers


def events(answers):
    return [(number, answer.event) for number, answer in enumerate(answers) if answer.event]


@pytest.mark.parametrize("latency", [0, 6])
def test_a_moving_target_is_kept(stage, follower, latency):
    first = begin(stage, follower)
    assert first.found and first.confidence == pytest.approx(1, abs=0.02)
    paths = [stage.motion((5 * t, -3 * t), 3 * t, 1 + 0.01 * t) for t in range(1, 20)]
    answers = play(follower, [stage.frame((stage.RED, path, 36)) for path in paths], latency=latency)
    assert not events(answers)
    for path, answer in zip(paths, answers, strict=True):
        assert answer.found and stage.iou(answer.mask, stage.disc(path)) > 0.9
        rows, columns = np.nonzero(answer.mask)
        assert answer.box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_a_late_mask_is_brought_up_to_date(stage, follower):
    # What was chosen is cut off on one side: what a keyframe finds is the whole, and arrives when the thing has moved.
    half = stage.disc() & (np.arange(stage.SHAPE[1]) < stage.MIDDLE[0] + 25)
    follower.start(stage.frame((stage.RED, stage.motion(), 36)), half)
    paths = [stage.motion((6 * t, -2 * t)) for t in range(1, 9)]
    answers = play(follower, [stage.frame((stage.RED, path, 36)) for path in paths], latency=5)
    assert stage.iou(answers[3].mask, stage.disc(paths[3])) < 0.92
    assert stage.iou(answers[-1].mask, stage.disc(paths[-1])) > 0.95


@pytest.mark.parametrize("look", ["BLUE", "RED"])
def test_what_passes_and_hides_the_target_does_not_take_its_place(stage, follower, look):
    begin(stage, follower)
    here = stage.motion()
    frames = [stage.frame((stage.RED, here, 36), (getattr(stage, look), stage.motion((170 - 10 * t, 5), 90), 44))
              for t in range(40)]
    answers = play(follower, frames, latency=4)
    assert answers[-1].found and stage.iou(answers[-1].mask, stage.disc()) > 0.85
    if look == "BLUE":
        assert [event for _, event in events(answers)] == ["lost", "regained"]
        lost = next(answer for answer in answers if not answer.found)
        assert lost.reason == "it is hidden" and not lost.mask.any() and not lost.box.any() and not lost.confidence
        assert not answers[-1].reason


def test_what_left_the_view_is_found_when_it_comes_back(stage, segmenter, follower):
    begin(stage, follower)
    away = [stage.motion((-14 * t, 0)) for t in range(1, 18)]
    answers = play(follower, [stage.frame((stage.RED, path, 36), table=path) for path in away])
    assert events(answers)[0][1] == "lost" and answers[-1].reason == "it left the view"
    segmenter.proposer.asked.clear()
    assert follower.keyframe() is None, "there is nothing to look at yet"
    back = away[::-1] + [stage.motion()] * 12
    answers = play(follower, [stage.frame((stage.RED, path, 36), table=path) for path in back], latency=2, start=17)
    assert events(answers)[0][1] == "regained"
    assert "near" in segmenter.proposer.asked and "everywhere" not in segmenter.proposer.asked
    assert stage.iou(answers[-1].mask, stage.disc()) > 0.9


def hide(stage, follower, frames=4):
    """Cover the target until it is lost."""
    answers = play(follower, [stage.frame((stage.RED, stage.motion(), 36), (stage.BLUE, stage.motion(), 44))] * frames)
    assert not answers[-1].found


def test_another_thing_in_its_place_is_not_taken_for_it(stage, follower):
    begin(stage, follower)
    hide(stage, follower)
    answers = play(follower, [stage.frame((stage.BLUE, stage.motion((4, 2)), 36))] * 60, start=4)
    assert not any(answer.found for answer in answers)


def test_elsewhere_it_is_found_after_patience_and_only_if_nothing_else_looks_like_it(stage, segmenter, follower):
    there, elsewhere = (stage.RED, stage.motion((-90, 60)), 36), (stage.RED, stage.motion((110, -60)), 36)
    begin(stage, follower)
    hide(stage, follower)
    answers = play(follower, [stage.frame(there)] * 25, start=4)
    assert not any(answer.found for answer in answers), "patience is 2 seconds, 30 frames"
    answers = play(follower, [stage.frame(there, elsewhere)] * 20, start=29)
    assert not any(answer.found for answer in answers), "it could be either"
    answers = play(follower, [stage.frame(there)] * 20, start=49)
    assert stage.iou(answers[-1].mask, stage.disc(there[1])) > 0.9


def test_a_target_that_turns_into_something_else_is_lost(stage, follower):
    beside = (stage.BLUE, stage.motion((100, 60)), 36)
    follower.start(stage.frame((stage.RED, stage.motion(), 36), beside), stage.disc())
    # So slowly that no frame differs much from the one before.
    frames = [stage.frame(((stage.RED * (1 - t / 40) + stage.BLUE * (t / 40)).astype(np.uint8), stage.motion(), 36),
                          beside) for t in range(1, 41)]
    answers = play(follower, frames)
    assert [event for _, event in events(answers)][:1] == ["lost"]
    assert not answers[-1].found


def test_a_finding_that_is_out_of_date_changes_nothing(stage, follower):
    begin(stage, follower)
    [first] = play(follower, [stage.frame((stage.RED, stage.motion((4, 0)), 36))])
    stale = follower.verify(follower.keyframe())
    follower.keyframe()
    follower.take(stale)
    assert (follower.state().mask == first.mask).all()


def test_tracking_goes_on_while_a_keyframe_is_examined(stage, segmenter, follower):
    begin(stage, follower)
    entered, go_on = threading.Event(), threading.Event()
    embed = segmenter.proposer.embed

    def slowly(image):
        entered.set()
        assert go_on.wait(30)
        return embed(image)

    segmenter.proposer.embed = slowly
    keyframe = follower.keyframe()
    thread = threading.Thread(target=lambda: follower.take(follower.verify(keyframe)))
    thread.start()
    assert entered.wait(30)
    answers = [follower.track(stage.frame((stage.RED, stage.motion((5 * t, 0)), 36)), t / RATE) for t in range(1, 6)]
    go_on.set()
    thread.join(30)
    assert all(answer.found for answer in answers)
    assert stage.iou(follower.state().mask, stage.disc(stage.motion((25, 0)))) > 0.9


def test_calling_it_does_all_for_a_frame(stage, segmenter, follower):
    begin(stage, follower)
    path = stage.motion((5, 3))
    answer = follower(stage.frame((stage.RED, path, 36)), 1 / RATE)
    assert stage.iou(answer.mask, stage.disc(path)) > 0.93
    assert "embed" in segmenter.proposer.asked


def test_bad_input_is_refused_and_does_not_end_the_following(stage, follower):
    picture = stage.frame((stage.RED, stage.motion(), 36))
    with pytest.raises(InputError, match="call start first"):
        follower.track(picture, 0.0)
    for mask in (np.zeros(stage.SHAPE, bool), np.ones((3, 3), bool), stage.disc().astype(np.uint8)):
        with pytest.raises(InputError, match="not empty"):
            follower.start(picture, mask)
    follower.start(picture, stage.disc())
    with pytest.raises(InputError, match="160 x 120"):
        follower.track(picture[::2, ::2], 0.1)
    with pytest.raises(InputError, match="uint8 RGB"):
        follower.track(picture.astype(np.float32), 0.1)
    assert follower.track(picture, 0.2).found
