from __future__ import annotations

import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.tracking.verification import mask_ious, object_prompt


def test_the_prompt_has_points_on_the_object_and_one_on_what_covers_it(stage):
    cover = stage.disc(stage.motion((40, 0)), 30)
    visible, occlusion = stage.disc() & ~cover, stage.disc() & cover
    box, points, labels = object_prompt(visible, occlusion)
    columns, rows = np.round(points).astype(int).T
    assert labels.tolist() == [1, 1, 0]
    assert visible[rows[:2], columns[:2]].all() and occlusion[rows[2], columns[2]]
    rows, columns = np.nonzero(visible)
    assert box[0] < columns.min() and box[1] < rows.min() and box[2] > columns.max() + 1 and box[3] > rows.max() + 1


def test_an_object_that_is_barely_covered_needs_no_point_beside_it(stage):
    _, _, labels = object_prompt(stage.disc(), np.zeros(stage.SHAPE, bool))
    assert len(labels) and labels.all()


def test_iou_of_many_masks_with_one(stage):
    half = stage.disc() & (np.arange(stage.SHAPE[1]) < stage.MIDDLE[0])
    ious = mask_ious(np.stack([stage.disc(), half, ~stage.disc()]), stage.disc())
    assert ious.dtype == np.float64
    np.testing.assert_allclose(ious, [1, half.sum() / stage.disc().sum(), 0])
    assert mask_ious(np.zeros((0, *stage.SHAPE), bool), stage.disc()).shape == (0,)


def test_a_proposer_that_cannot_be_prompted_is_refused(segmenter, started):
    segmenter.proposer.is_promptable = False
    with pytest.raises(InputError, match="can be prompted"):
        started.verify(started.next_keyframe())
