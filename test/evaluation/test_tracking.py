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
from ris_ros.evaluation.tracking import Report, SequenceRecord, assess, evaluate
from ris_ros.sim.sequences import FRAME_RATE, Frame
from ris_ros.tracking import TrackedObject

pytestmark = pytest.mark.slow

RECORD = SequenceRecord("pan", 1, "none")
SEQUENCE = SimpleNamespace(target=0, scenes=[SimpleNamespace(objects=[0, 1])])
INSTANCES = np.zeros((20, 20), np.int32)
INSTANCES[2:10, 2:10], INSTANCES[12:18, 12:18] = 1, 2
NO_PIXELS = np.zeros_like(INSTANCES, bool)


def shown(answer, visible=1.0):
    """Return a frame and the answer in it: "target", "other", "part" of the target, or None for lost."""
    truth = INSTANCES == 1
    mask = {"target": truth, "other": INSTANCES == 2, "part": truth & (np.arange(20) < 5), None: NO_PIXELS}[answer]
    frame = Frame(SimpleNamespace(instances=INSTANCES), truth if visible else NO_PIXELS, visible)
    return frame, TrackedObject(answer is not None, mask, np.zeros(4, np.float32), 1.0)


def assessed(*answers):
    return assess(RECORD, SEQUENCE, list(answers))


def test_a_target_is_kept_if_every_frame_is_correct():
    record = assessed(*[shown("target")] * 10)
    assert record.kept and record.iou == 1 and not record.regained


@pytest.mark.parametrize("answer", ["part", "other", None])
def test_a_target_is_not_kept_with_one_wrong_frame(answer):
    record = assessed(*[shown("target")] * 5, shown(answer), *[shown("target")] * 5)
    assert not record.kept and record.wrong == 1 and not record.taken
    assert record.lost == (answer is None)


def test_an_occluded_target_may_be_lost_and_missed_until_grace_is_over():
    hidden, back = [shown(None, 0.1)] * 9, [shown(None)] * 15
    record = assessed(shown("target"), *hidden, *back, *[shown("target")] * 3)
    assert record.kept
    assert record.regained == (pytest.approx(1.0),)
    late = assessed(shown("target"), *hidden, *back * 3, shown("target"))
    assert not late.kept and late.lost == 15
    never = assessed(shown("target"), *hidden, *back)
    assert never.regained == (math.inf,)


def test_tracking_another_object_is_a_takeover_even_while_the_target_is_occluded():
    assert assessed(shown("target"), *[shown("other", 0.0)] * 8, *[shown("target")] * 3).taken
    assert not assessed(shown("target"), *[shown("other", 0.0)] * 4, *[shown("target")] * 3).taken
    assert assessed(shown("target"), shown("other", 0.0)).taken


def test_a_summary_counted_by_hand():
    records = [SequenceRecord("pan", 1, "none", True, 0.9),
               SequenceRecord("swing", 1, "none", True, 0.5, wrong=3, lost=1),
               SequenceRecord("leaving", 1, "none", True, 0.8, regained=(1.0, math.inf)),
               SequenceRecord("beside", 1, "twin")]
    report = Report("answers", 1.0, records)
    groups = report.groups()
    assert list(groups) == ["swing", "pan", "leaving", "moving camera", "all"]
    plain = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert plain["figures"]["moving camera"]["kept"] == 0.5
    assert plain["figures"]["all"]["wrong"] == 3 and plain["figures"]["all"]["films"] == 3
    assert plain["figures"]["leaving"]["regained"] is None
    assert plain["outcomes"][3]["iou"] is None and not plain["outcomes"][3]["started"]
    console = Console(width=140, file=io.StringIO())
    console.print(report.table())
    assert "66.7 ± 27.2" in console.file.getvalue() and "4 sequences, 3 started" in console.file.getvalue()


def test_sequences_beyond_the_seeds_are_refused():
    with pytest.raises(InputError, match="seeds"):
        list(evaluate(None, sequences=0))


def test_a_target_is_tracked_with_the_real_networks(monkeypatch):
    """MobileSAM and the bundled CLIP keep the target of a fast pan, with keyframes verified 0.4 s late."""
    from ris_ros.segmenter import ReferringSegmenter

    sample = tracking.sample_sequence
    monkeypatch.setattr(tracking, "sample_sequence", lambda kind, seed: sample(kind, seed, 16))
    segmenter = ReferringSegmenter.from_config(Config.from_dict({"device": "cpu"}))
    tiles = []
    [record] = evaluate(segmenter, sequences=1, kinds=["pan"], latency=6 / FRAME_RATE, tiles=tiles)
    assert record.kept and record.iou > 0.85
    assert len(tiles) == tracking.TILES_PER_SEQUENCE and tiles[0][0].shape == (480, 640, 3)
