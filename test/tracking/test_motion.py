from __future__ import annotations

import cv2
import numpy as np
import pytest

from ris_ros.tracking.motion import (
    IDENTITY,
    PointTracker,
    compose,
    invert,
    motion_distance,
    rescale_motion,
    transform_points,
)


def grey(image):
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def test_motions_compose_and_invert(stage):
    a, b = stage.motion((3, -5), 20, 1.2), stage.motion((-11, 2), -70, 0.8)
    points = np.array([[0.0, 0.0], [30, 7], [-4, 55]])
    expected = transform_points(transform_points(points, a), b)
    np.testing.assert_allclose(transform_points(points, compose(b, a)), expected)
    np.testing.assert_allclose(compose(invert(a), a), IDENTITY, atol=1e-9)
    # In an image of twice the size, the centre of the first pixel lies between the first two pixels.
    np.testing.assert_allclose(transform_points(np.array([[0.0, 0.0]]), rescale_motion(IDENTITY, 1, 2)), [[0.5, 0.5]])
    np.testing.assert_allclose(rescale_motion(rescale_motion(a, 3, 3), 1 / 3, 1 / 3), a)


def test_motion_distance_is_between_a_point_after_either_motion(stage):
    assert motion_distance(np.array([40.0, 50]), stage.motion((5, 2)), stage.motion((2, -2))) == pytest.approx(5)


@pytest.fixture
def points(stage):
    return PointTracker(grey(stage.frame((stage.RED, IDENTITY, 36))), stage.disc())


def test_target_and_background_motion_are_measured_separately(stage, points):
    target, table = stage.motion((9, -4), 6, 1.05), stage.motion((-3, 2), -1)
    motion = points.advance(grey(stage.frame((stage.RED, target, 36), table=table)))
    assert motion.is_target_measured and motion.is_background_measured and motion.target_points > 20
    x, y = stage.MIDDLE
    edge = np.array([[x + 30, y], [x, y - 30]], float)
    np.testing.assert_allclose(transform_points(edge, motion.target), transform_points(edge, target), atol=0.5)
    corners = np.array([[10, 10], [300, 220]], float)
    np.testing.assert_allclose(transform_points(corners, motion.background), transform_points(corners, table), atol=1.0)


def test_without_points_the_target_moves_with_the_background(stage, points):
    points.drop_target_points()
    table = stage.motion((-4, 3))
    motion = points.advance(grey(stage.frame((stage.RED, stage.motion((8, 0)), 36), table=table)))
    assert not motion.is_target_measured
    np.testing.assert_allclose(motion.target, table, atol=0.1)


def test_added_points_must_first_move_with_the_target(stage):
    first = stage.frame((stage.RED, IDENTITY, 36))
    points = PointTracker(grey(first), stage.disc())
    count = points.advance(grey(first)).target_points
    # Half of the target is occluded by an object that moves differently, and points are added on both.
    for t in range(1, 8):
        table, cover = stage.motion((t, 0)), stage.motion((26 - 3 * t, 30))
        motion = points.advance(grey(stage.frame((stage.RED, table, 36), (stage.RED, cover, 36), table=table)))
        points.add_target_points(stage.disc(table))
        assert motion.is_target_measured
        np.testing.assert_allclose(motion.target, stage.motion((1, 0)), atol=0.3)
    covered = stage.disc(table) & stage.disc(cover)
    assert covered.sum() / stage.disc(table).sum() > 0.2
    assert motion.target_points < count
    columns, rows = np.round(points.target_points).astype(int).T
    assert not (covered & ~stage.disc(table, 30))[rows, columns].any()


def test_without_texture_no_motion_is_measured(stage):
    plain = np.full(stage.SHAPE, 120, np.uint8)
    motion = PointTracker(plain, stage.disc()).advance(plain)
    assert not motion.is_target_measured and not motion.is_background_measured
    np.testing.assert_array_equal(motion.target, IDENTITY)
