from __future__ import annotations

import io
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from ris_ros.config import Config
from ris_ros.errors import InputError
from ris_ros.evaluation import tracking
from ris_ros.evaluation.tracking import RATE, Outcome, Report, evaluate
from ris_ros.sim.sequences import Frame
from ris_ros.tracking import TrackedObject

ABOUT = Outcome("pan", 1, "none")
FILM = SimpleNamespace(target=0, scenes=[SimpleNamespace(objects=[0, 1])])
INSTANCES = np.zeros((20, 20), np.int32)
INSTANCES[2:10, 2:10], INSTANCES[12:18, 12:18] = 1, 2
NOTHING = np.zeros_like(INSTANCES, bool)


def shown(answer, visible=1.0):
    """A frame and what was answered: "target", "other", "part" of the target, or None for lost."""
    truth = INSTANCES == 1
    mask = {"target": truth, "other": INSTANCES == 2, "part": truth & (np.arange(20) < 5), None: NOTHING}[answer]
    frame = Frame(SimpleNamespace(instances=INSTANCES), truth if visible else NOTHING, visible)
    return frame, TrackedObject(answer is not None, mask, np.zeros(4, np.float32), 1.0)


def judged(*answers):
    return tracking._judged(ABOUT, FILM, list(answers), 0.0, 0.0)


def test_a_target_that_is_answered_in_every_frame_is_kept():
    outcome = judged(*[shown("target")] * 10)
    assert outcome.kept and outcome.iou == 1 and not outcome.regained


@pytest.mark.parametrize("answer", ["part", "other", None])
def test_one_wrong_frame_is_enough_not_to_be_kept(answer):
    outcome = judged(*[shown("target")] * 5, shown(answer), *[shown("target")] * 5)
    assert not outcome.kept and outcome.wrong == 1 and not outcome.taken
    assert outcome.lost == (answer is None)


def test_what_is_hidden_need_not_be_answered_and_may_take_a_while_to_be_found_again():
    hidden, back = [shown(None, 0.1)] * 9, [shown(None)] * 15
    outcome = judged(shown("target"), *hidden, *back, *[shown("target")] * 3)
    assert outcome.kept
    assert outcome.regained == (pytest.approx(1.0),)
    late = judged(shown("target"), *hidden, *back * 3, shown("target"))
    assert not late.kept and late.lost == 15
    never = judged(shown("target"), *hidden, *back)
    assert never.regained == (math.inf,)


def test_following_another_is_a_takeover_even_while_the_target_is_hidden():
    assert judged(shown("target"), *[shown("other", 0.0)] * 8, *[shown("target")] * 3).taken
    assert not judged(shown("target"), *[shown("other", 0.0)] * 4, *[shown("target")] * 3).taken
    assert judged(shown("target"), shown("other", 0.0)).taken


def test_figures_against_a_count_by_hand():
    outcomes = [Outcome("pan", 1, "none", True, 0.9), Outcome("swing", 1, "none", True, 0.5, wrong=3, lost=1),
                Outcome("leaving", 1, "none", True, 0.8, regained=(1.0, math.inf)), Outcome("beside", 1, "twin")]
    report = Report("answers", 1.0, outcomes)
    groups = report.groups()
    assert list(groups) == ["swing", "pan", "leaving", "moving camera", "all"]
    plain = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert plain["figures"]["moving camera"]["kept"] == 0.5
    assert plain["figures"]["all"]["wrong"] == 3 and plain["figures"]["all"]["films"] == 3
    assert plain["figures"]["leaving"]["regained"] is None
    assert plain["outcomes"][3]["iou"] is None and not plain["outcomes"][3]["started"]
    console = Console(width=140, file=io.StringIO())
    console.print(report.table())
    assert "66.7 ± 27.2" in console.file.getvalue() and "4 films, 3 begun" in console.file.getvalue()


def test_unknown_films_are_refused():
    with pytest.raises(InputError, match="seeds"):
        list(evaluate(None, films=0))


def test_a_film_is_followed_with_the_real_networks(monkeypatch):
    """A camera that pans quickly: MobileSAM and the bundled CLIP keep the target, each keyframe late by 0.4 s."""
    from ris_ros.segmenter import ReferringSegmenter

    sample = tracking.sample_sequence
    monkeypatch.setattr(tracking, "sample_sequence", lambda kind, seed: sample(kind, seed, 16))
    segmenter = ReferringSegmenter.from_config(Config.from_dict({"device": "cpu"}))
    sheets = []
    [outcome] = evaluate(segmenter, films=1, kinds=["pan"], latency=6 / RATE, sheets=sheets)
    assert outcome.kept and outcome.iou > 0.85
    assert len(sheets) == tracking.SHOWN and sheets[0][0].shape == (480, 640, 3)
