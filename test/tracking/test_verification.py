from __future__ import annotations

import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.tracking.verification import object_prompt


def test_the_prompt_has_positive_points_on_the_object_and_a_negative_one_on_the_occluder(stage):
    cover = stage.disc(stage.motion((40, 0)), 30)
    visible, occlusion = stage.disc() & ~cover, stage.disc() & cover
    box, points, labels = object_prompt(visible, occlusion)
    columns, rows = np.round(points).astype(int).T
    assert labels.tolist() == [1, 1, 0]
    assert visible[rows[:2], columns[:2]].all() and occlusion[rows[2], columns[2]]
    rows, columns = np.nonzero(visible)
    assert box[0] < columns.min() and box[1] < rows.min() and box[2] > columns.max() + 1 and box[3] > rows.max() + 1


def test_without_occlusion_the_prompt_has_no_negative_point(stage):
    _, _, labels = object_prompt(stage.disc(), np.zeros(stage.SHAPE, bool))
    assert len(labels) and labels.all()


def test_a_proposer_that_cannot_be_prompted_is_refused(segmenter, started):
    segmenter.proposer.is_promptable = False
    with pytest.raises(InputError, match="can be prompted"):
        started.verify(started.next_keyframe())
