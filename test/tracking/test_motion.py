"""Tracking by points and colours."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ris_ros.tracking.motion import IDENTITY, PointMotion, compose, inverse, moved, scaled
from ris_ros.tracking.template import Template
from ris_ros.tracking.track import Picture, Track


def grey(picture):
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


def test_motions_compose_and_undo(stage):
    a, b = stage.motion((3, -5), 20, 1.2), stage.motion((-11, 2), -70, 0.8)
    points = np.array([[0.0, 0.0], [30, 7], [-4, 55]])
    np.testing.assert_allclose(moved(points, compose(b, a)), moved(moved(points, a), b))
    np.testing.assert_allclose(compose(inverse(a), a), IDENTITY, atol=1e-9)
    # In a picture of twice the size, what was the first pixel's middle lies between the first two.
    np.testing.assert_allclose(moved(np.array([[0.0, 0.0]]), scaled(IDENTITY, 1, 2)), [[0.5, 0.5]])
    np.testing.assert_allclose(scaled(scaled(a, 3, 3), 1 / 3, 1 / 3), a)


@pytest.fixture
def points(stage):
    return PointMotion(grey(stage.frame((stage.RED, IDENTITY, 36))), stage.disc())


def test_target_and_background_each_have_their_motion(stage, points):
    thing, table = stage.motion((9, -4), 6, 1.05), stage.motion((-3, 2), -1)
    step = points.step(grey(stage.frame((stage.RED, thing, 36), table=table)))
    assert step.supported and step.anchored and step.points > 20
    x, y = stage.MIDDLE
    rim = np.array([[x + 30, y], [x, y - 30]], float)
    np.testing.assert_allclose(moved(rim, step.target), moved(rim, thing), atol=0.5)
    corners = np.array([[10, 10], [300, 220]], float)
    np.testing.assert_allclose(moved(corners, step.background), moved(corners, table), atol=1.0)


def test_without_points_of_its_own_the_target_moves_with_the_background(stage, points):
    points.release()
    table = stage.motion((-4, 3))
    step = points.step(grey(stage.frame((stage.RED, stage.motion((8, 0)), 36), table=table)))
    assert not step.supported
    np.testing.assert_allclose(step.target, table, atol=0.1)


def test_points_that_are_chosen_later_must_first_move_with_the_target(stage):
    first = stage.frame((stage.RED, IDENTITY, 36))
    points = PointMotion(grey(first), stage.disc())
    count = points.step(grey(first)).points
    # Half of the target is covered by a thing that moves apart from it, and points are chosen on both.
    for t in range(1, 8):
        table, cover = stage.motion((t, 0)), stage.motion((26 - 3 * t, 30))
        step = points.step(grey(stage.frame((stage.RED, table, 36), (stage.RED, cover, 36), table=table)))
        points.choose(stage.disc(table))
        assert step.supported
        np.testing.assert_allclose(step.target, stage.motion((1, 0)), atol=0.3)
    covered = stage.disc(table) & stage.disc(cover)
    assert covered.sum() / stage.disc(table).sum() > 0.2
    assert step.points < count
    assert not _on(points, covered & ~stage.disc(table, 30))


def _on(points, mask):
    columns, rows = np.round(points._target).astype(int).T
    return np.count_nonzero(mask[rows, columns])


def test_plain_pictures_do_not_move(stage):
    plain = np.full(stage.SHAPE, 120, np.uint8)
    points = PointMotion(plain, stage.disc())
    step = points.step(plain)
    assert not step.supported and not step.anchored
    np.testing.assert_array_equal(step.target, IDENTITY)


@pytest.fixture
def template(stage):
    return Template(stage.frame((stage.RED, IDENTITY, 36)), stage.disc())


def test_a_template_sees_what_is_in_front(stage, template):
    assert template.is_distinctive
    before = stage.motion((25, 0))
    view = template.compare(stage.frame((stage.RED, IDENTITY, 36), (stage.BLUE, before, 44)), IDENTITY)
    truth = stage.disc() & ~stage.disc(before, 44)
    assert view.in_view == 1
    assert view.seen == pytest.approx(truth.sum() / stage.disc().sum(), abs=0.06)
    assert stage.iou(stage.disc() & ~template.hidden(view, IDENTITY, stage.SHAPE), truth) > 0.85


def test_a_template_sees_what_is_cut_off(stage, template):
    half_out = stage.motion((-stage.MIDDLE[0], 0))
    view = template.compare(stage.frame((stage.RED, half_out, 36)), half_out)
    assert view.in_view == pytest.approx(0.5, abs=0.03)
    assert view.seen > 0.95


def test_a_template_bears_with_light_but_not_with_another_colour(stage, template):
    dimmed = (stage.frame((stage.RED, IDENTITY, 36)) * 0.85).astype(np.uint8)
    assert template.compare(dimmed, IDENTITY).visible > 0.95
    assert template.compare(stage.frame((stage.BLUE, IDENTITY, 44)), IDENTITY).visible < 0.1


def test_a_template_is_found_by_its_colours(stage, template):
    # A thing of another colour is where it is thought to be.
    place, here = stage.motion((-50, 20), 0, 1.1), stage.motion((44, -16), 0, 1.1)
    picture = stage.frame((stage.RED, here, 36), (stage.BLUE, place, 40))
    motion = template.search(picture, place, 110)
    middle = np.array([stage.MIDDLE], float)
    np.testing.assert_allclose(moved(middle, motion), moved(middle, here), atol=4)
    assert template.compare(picture, motion).visible > 0.9
    assert template.compare(picture, template.search(picture, place, 20)).visible < 0.6, "beyond its reach"
    assert template.search(picture, stage.motion((600, 0)), 70) is None


def test_what_looks_like_its_surroundings_is_not_distinctive(stage):
    assert not Template(stage.TABLE, stage.disc()).is_distinctive


@pytest.mark.parametrize("factor", [1, 3])
def test_a_track_keeps_the_mask_on_a_turning_growing_thing(stage, factor):
    def big(picture):
        return cv2.resize(picture, None, fx=factor, fy=factor)

    track = Track(Picture.of(big(stage.frame((stage.RED, IDENTITY, 36)))), big(stage.disc().astype(np.uint8)) > 0)
    for t in range(1, 13):
        thing, table = stage.motion((4 * t, -2 * t), 2.5 * t, 1 + 0.02 * t), stage.motion((-2 * t, t), 0.5 * t)
        track.advance(Picture.of(big(stage.frame((stage.RED, thing, 36), table=table))))
    truth = big(stage.disc(thing).astype(np.uint8)) > 0
    assert track.mask().shape == truth.shape
    assert stage.iou(track.mask(), truth) > 0.93
    assert track.view.visible > 0.9 and track.age == 12


@pytest.mark.parametrize("look", ["BLUE", "RED"])
def test_what_passes_in_front_does_not_take_the_track_along(stage, look):
    track = Track(Picture.of(stage.frame((stage.RED, IDENTITY, 36))), stage.disc())
    for t in range(26):
        table = stage.motion((t, 0))
        passing = stage.motion((130 - 10 * t, 10), 90)  # Turned, so that a red one is like the target, not the same.
        picture = Picture.of(stage.frame((stage.RED, table, 36), (getattr(stage, look), passing, 40), table=table))
        track.advance(picture)
        if track.view.visible < 0.2:
            track.release(picture, still=True)
    assert track.view.visible > 0.9
    assert stage.iou(track.extent(), stage.disc(table)) > 0.85
