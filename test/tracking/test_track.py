from __future__ import annotations

import cv2
import numpy as np
import pytest

from ris_ros.tracking.frames import FramePyramid
from ris_ros.tracking.motion import IDENTITY
from ris_ros.tracking.track import Track


@pytest.mark.parametrize("factor", [1, 3])
def test_the_mask_follows_an_object_that_rotates_and_scales(stage, factor):
    def enlarge(image):
        return cv2.resize(image, None, fx=factor, fy=factor)

    track = Track(FramePyramid.from_image(enlarge(stage.frame((stage.RED, IDENTITY, 36)))),
                  enlarge(stage.disc().astype(np.uint8)) > 0)
    for t in range(1, 13):
        target, table = stage.motion((4 * t, -2 * t), 2.5 * t, 1 + 0.02 * t), stage.motion((-2 * t, t), 0.5 * t)
        track.advance(FramePyramid.from_image(enlarge(stage.frame((stage.RED, target, 36), table=table))))
    truth = enlarge(stage.disc(target).astype(np.uint8)) > 0
    assert track.mask().shape == truth.shape
    assert stage.iou(track.mask(), truth) > 0.93
    assert track.visibility.share > 0.9 and track.age == 12


@pytest.mark.parametrize("colour", ["BLUE", "RED"])
def test_an_occluder_does_not_drag_the_track_along(stage, colour):
    track = Track(FramePyramid.from_image(stage.frame((stage.RED, IDENTITY, 36))), stage.disc())
    for t in range(26):
        table = stage.motion((t, 0))
        passing = stage.motion((130 - 10 * t, 10), 90)  # Rotated, so that a red one only resembles the target.
        frame = FramePyramid.from_image(
            stage.frame((stage.RED, table, 36), (getattr(stage, colour), passing, 40), table=table))
        track.advance(frame)
        if track.visibility.share < 0.2:
            track.attach_to_background(frame, was_static=True)
    assert track.visibility.share > 0.9
    assert stage.iou(track.extent(), stage.disc(table)) > 0.85
