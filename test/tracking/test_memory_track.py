"""Tracking by a video memory that sees the largest red region, like SAM 2 one that has learned the target."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from ris_ros.config import Config
from ris_ros.errors import MissingError
from ris_ros.tracking import Tracker, tracker


class RedMemory:
    """Sees what is red and large enough; with `wrong`, what is blue."""

    def __init__(self):
        self.starts, self.frames, self.wrong = 0, 0, False

    def start(self, image, mask):
        self.starts += 1
        self.wrong = False

    def advance(self, image):
        self.frames += 1
        red, green, blue = np.moveaxis(cv2.blur(image, (5, 5)).astype(int), -1, 0)
        strong = (blue if self.wrong else red) > green + 70
        count, labels, stats, _ = cv2.connectedComponentsWithStats(strong.astype(np.uint8))
        best = 1 + stats[1:, cv2.CC_STAT_AREA].argmax() if count > 1 else 0
        return labels == best if count > 1 and stats[best, cv2.CC_STAT_AREA] > 100 else np.zeros(strong.shape, bool)


@pytest.fixture
def memory(monkeypatch):
    memory = RedMemory()
    monkeypatch.setattr(tracker, "load_memory", lambda _: memory)
    return memory


@pytest.fixture
def followed(stage, segmenter, memory):
    """A tracker of the red disc, beside a blue one."""
    segmenter = SimpleNamespace(**{**vars(segmenter), "config": Config.from_dict({"following.method": "sam2"})})
    tracker = Tracker(segmenter)
    tracker.start(scene(stage, stage.motion()), stage.disc())
    return tracker


def scene(stage, *red, radius=36):
    return stage.frame((stage.BLUE, stage.motion((100, 70)), 30), *((stage.RED, moved, radius) for moved in red))


def test_the_mask_is_the_memorys_in_every_frame(stage, followed, memory):
    paths = [stage.motion((5 * t, -3 * t)) for t in range(1, 16)]
    answers = stage.play(followed, [scene(stage, path) for path in paths], latency=3)
    assert not stage.events(answers) and all(answer.found for answer in answers)
    assert memory.starts == 1 and memory.frames == len(paths)
    for path, answer in zip(paths, answers, strict=True):
        assert stage.iou(answer.mask, stage.disc(path)) > 0.9 and answer.confidence > 0.8


def test_a_shape_that_points_cannot_follow_is_followed(stage, followed):
    # It is squeezed to less than half its height, without texture that could be tracked.
    masks, images = [], []
    for t in range(1, 25):
        squeezed = np.array([[1, 0, 3 * t], [0, 1 - t / 45, stage.MIDDLE[1] * t / 45]], float)
        image = scene(stage)
        image[stage.disc(squeezed)] = (200, 40, 30)
        images.append(image)
        masks.append(stage.disc(squeezed))
    answers = stage.play(followed, images)
    assert all(answer.found for answer in answers)
    assert min(stage.iou(answer.mask, mask) for answer, mask in zip(answers, masks, strict=True)) > 0.8


def test_a_target_that_vanishes_is_lost_and_regained_where_it_comes_back(stage, followed, memory):
    hidden = [scene(stage)] * 6
    back = [scene(stage, stage.motion((40, 20)))] * 40
    answers = stage.play(followed, hidden + back)
    assert stage.events(answers) == ["lost", "regained"]
    lost = answers[len(hidden) - 1]
    assert not lost.found and lost.reason == "it is hidden" and not lost.mask.any()
    assert answers[-1].found and stage.iou(answers[-1].mask, stage.disc(stage.motion((40, 20)))) > 0.9
    assert memory.starts == 1  # What it knew is kept.


def test_a_target_that_leaves_the_view_is_lost(stage, followed):
    paths = [stage.motion((0, -16 * t)) for t in range(1, 16)]
    answers = stage.play(followed, [scene(stage, path) for path in paths])
    assert stage.events(answers) == ["lost"] and not answers[-1].found
    assert answers[-1].reason in ("it left the view", "it is hidden")


def test_a_memory_of_something_else_is_found_out_and_started_anew(stage, followed, memory):
    still = [scene(stage, stage.motion())]
    stage.play(followed, still * 2)
    memory.wrong = True  # Its mask jumps to the blue disc.
    answers = stage.play(followed, still * 30, start=2)
    assert stage.events(answers)[0] == "lost"
    first = next(answer for answer in answers if answer.event == "lost")
    assert first.reason == "it looks like something else"
    assert stage.events(answers) == ["lost", "regained"] and memory.starts == 2
    assert stage.iou(answers[-1].mask, stage.disc()) > 0.9


def test_the_target_is_not_taken_for_smaller_as_it_is_slowly_covered(stage, followed):
    """The mask loses a few percent in each frame; together that is an occlusion, not a new size."""
    images = []
    for t in range(1, 30):
        image = scene(stage, stage.motion())
        image[:, :stage.MIDDLE[0] - 36 + 3 * t] = stage.TABLE[:, :stage.MIDDLE[0] - 36 + 3 * t]
        images.append(image)
    answers = stage.play(followed, images, latency=100)  # No keyframe is verified meanwhile.
    shares = [answer.confidence for answer in answers if answer.found]
    assert shares[-1] < 0.4 and stage.events(answers) == ["lost"]


@pytest.mark.parametrize("step", ["start", "advance"])
def test_where_the_device_has_no_room_tracking_goes_on_by_motion(stage, segmenter, memory, monkeypatch, caplog, step):
    def fail(*_):
        raise MissingError("SAM 2 (large) does not fit into the memory of the device: choose a smaller one")

    monkeypatch.setattr(memory, step, fail)
    tracker = Tracker(segmenter)
    tracker.start(scene(stage, stage.motion()), stage.disc())
    paths = [stage.motion((4 * t, 0)) for t in range(1, 10)]
    answers = stage.play(tracker, [scene(stage, path) for path in paths])
    assert all(answer.found for answer in answers)
    assert stage.iou(answers[-1].mask, stage.disc(paths[-1])) > 0.9
    [line] = [record.getMessage() for record in caplog.records]
    assert line.endswith("choose a smaller one; tracking goes on by motion")
