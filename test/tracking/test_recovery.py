"""Losing a target and finding it again."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("colour", ["BLUE", "RED"])
def test_an_occluder_is_not_mistaken_for_the_target(stage, started, colour):
    here = stage.motion()
    images = [stage.frame((stage.RED, here, 36), (getattr(stage, colour), stage.motion((170 - 10 * t, 5), 90), 44))
              for t in range(40)]
    answers = stage.play(started, images, latency=4)
    assert answers[-1].found and stage.iou(answers[-1].mask, stage.disc()) > 0.85
    if colour == "BLUE":
        assert stage.events(answers) == ["lost", "regained"]
        lost = next(answer for answer in answers if not answer.found)
        assert lost.reason == "it is hidden" and not lost.mask.any() and not lost.box.any() and not lost.confidence
        assert not answers[-1].reason


def test_a_target_that_left_the_view_is_found_again_on_its_return(stage, segmenter, started):
    away = [stage.motion((-14 * t, 0)) for t in range(1, 18)]
    answers = stage.play(started, [stage.frame((stage.RED, path, 36), table=path) for path in away])
    assert stage.events(answers)[0] == "lost" and answers[-1].reason == "it left the view"
    segmenter.proposer.asked.clear()
    assert started.next_keyframe() is None, "the target cannot be in this frame"
    back = away[::-1] + [stage.motion()] * 12
    answers = stage.play(started, [stage.frame((stage.RED, path, 36), table=path) for path in back], latency=2,
                         start=17)
    assert stage.events(answers)[0] == "regained"
    assert "near" in segmenter.proposer.asked and "everywhere" not in segmenter.proposer.asked
    assert stage.iou(answers[-1].mask, stage.disc()) > 0.9


@pytest.fixture
def lost(stage, started):
    """A tracker whose target is occluded and lost after 4 frames."""
    covered = stage.frame((stage.RED, stage.motion(), 36), (stage.BLUE, stage.motion(), 44))
    answers = stage.play(started, [covered] * 4)
    assert not answers[-1].found
    return started


def test_another_object_at_its_location_is_not_mistaken_for_the_target(stage, lost):
    answers = stage.play(lost, [stage.frame((stage.BLUE, stage.motion((4, 2)), 36))] * 60, start=4)
    assert not any(answer.found for answer in answers)


def test_the_target_is_found_elsewhere_only_after_patience_and_if_it_is_unambiguous(stage, lost):
    there, elsewhere = (stage.RED, stage.motion((-90, 60)), 36), (stage.RED, stage.motion((110, -60)), 36)
    answers = stage.play(lost, [stage.frame(there)] * 25, start=4)
    assert not any(answer.found for answer in answers), "patience is 2 seconds, 30 frames"
    answers = stage.play(lost, [stage.frame(there, elsewhere)] * 20, start=29)
    assert not any(answer.found for answer in answers), "it could be either"
    answers = stage.play(lost, [stage.frame(there)] * 20, start=49)
    assert stage.iou(answers[-1].mask, stage.disc(there[1])) > 0.9
