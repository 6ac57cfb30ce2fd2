"""The support of an object, from points that are set by hand: a level camera half a metre above a table."""

from __future__ import annotations

import numpy as np
import pytest

from ris_ros.geometry.cameras import rays
from ris_ros.geometry.planes import fit_support_plane
from ris_ros.geometry.support import Support, find_support, sample_surroundings
from ris_ros.types import CameraModel, Depth

UP = np.array([0.0, -1.0, 0.0])
NONE = np.zeros((0, 3))
TOLERANCE = 0.006
"""Of a plane 1 m away: 3 mm, and 3 mm for each square metre."""


def level_points(height, count, seed=0, reach=0.5, z=1.0):
    """Return points [N, 3] around the place (0, z), all at a height above the table."""
    x, forward = np.random.default_rng(seed).uniform(-reach, reach, (2, count))
    return np.column_stack([x, np.full(count, 0.5 - height), z + forward])


def object_points(base=0.0, height=0.1, count=200):
    """Return points of an upright line, so that percentiles of its height are known."""
    return np.column_stack([np.zeros(count), 0.5 - base - np.linspace(0, height, count), np.ones(count)])


def test_heights_are_along_up():
    support = Support(np.array([0.6, -0.8, 0.0]), -0.25, "given")
    np.testing.assert_allclose(support.heights(np.array([[0.0, 0, 5], [1, 1, 0], [0, 1, 0]])), (0.25, 0.05, -0.55))


@pytest.mark.parametrize(("height", "margin"), [(0.1, 0.005), (0.02, 0.2 * 0.98 * 0.02)])
def test_what_is_just_above_the_table_belongs_to_the_table(height, margin):
    points = object_points(height=height, count=1001)
    np.testing.assert_array_equal(Support(UP, -0.5, "given").is_above(points), 0.5 - points[:, 1] > margin)


@pytest.mark.parametrize(("above", "kept"), [(19, 119), (20, 20)])
def test_if_too_little_is_above_the_table_all_of_it_counts(above, kept):
    points = np.concatenate([level_points(0.0, 100), level_points(0.05, above)])
    assert Support(UP, -0.5, "given").is_above(points).sum() == kept


def test_with_a_given_up_the_level_is_the_one_that_most_surroundings_share():
    surroundings = np.concatenate([level_points(0.0, 100), level_points(-0.3, 80), level_points(0.3, 200)])
    support = find_support(object_points(), surroundings, NONE, 2 * UP)
    np.testing.assert_array_equal(support.up, UP)
    assert support.level == pytest.approx(-0.5)
    assert support.up_from == "given"


def test_levels_within_the_tolerance_are_averaged():
    surroundings = np.concatenate([level_points(0.0, 60), level_points(0.004, 60), level_points(-0.1, 100)])
    assert find_support(object_points(), surroundings, NONE, UP).level == pytest.approx(-0.498)
    # The tolerance grows with the square of the distance: 3 mm more at 1 m, 27 mm more at 3 m.
    apart = np.concatenate([level_points(0.0, 60), level_points(0.02, 60), level_points(-0.2, 100)])
    assert find_support(object_points(), apart, NONE, UP).level == pytest.approx(-0.7)
    away = np.array([0, 0, 2])
    assert find_support(object_points() + away, apart + away, NONE, UP).level == pytest.approx(-0.49)


@pytest.mark.parametrize(("count", "level"), [(49, -0.299), (50, -0.5)])
def test_a_level_needs_fifty_points_and_else_is_the_objects_lowest(count, level):
    # The object hovers 0.2 m above the table; its lowest percentile is 1 mm higher.
    assert find_support(object_points(base=0.2), level_points(0.0, count), NONE, UP).level == pytest.approx(level)


@pytest.mark.parametrize(("count", "height", "level"), [
    (10, 0.05, -0.45),     # The object stands on a book.
    (9, 0.05, -0.5),       # Too few to tell.
    (10, 0.014, -0.5),     # Within two and a half tolerances (15 mm) of the table: the table is the better measurement.
    (10, 0.016, -0.484),
    (10, 0.12, -0.5)])     # Above the middle of the object: something that leans on it.
def test_contacts_below_the_objects_middle_tell_what_it_stands_on(count, height, level):
    found = find_support(object_points(base=0.01, height=0.2), level_points(0.0, 100), level_points(height, count), UP)
    assert found.level == pytest.approx(level)


def test_the_level_of_contacts_is_their_lower_quartile():
    contacts = np.concatenate([level_points(height, 1) for height in np.linspace(0.03, 0.07, 41)])
    assert find_support(object_points(height=0.3), NONE, contacts, UP).level == pytest.approx(-0.46)


def test_without_surroundings_the_camera_is_taken_to_be_level():
    support = find_support(object_points(), NONE, NONE, None)
    np.testing.assert_array_equal(support.up, UP)
    assert support.up_from == "camera"
    assert support.level == pytest.approx(-0.5 + 0.001)      # The object's lowest percentile.


def test_without_a_given_up_it_is_the_normal_of_the_plane_around_the_object():
    support = find_support(object_points(), level_points(0.0, 200), NONE, None)
    np.testing.assert_allclose(support.up, UP, atol=1e-9)
    assert (support.level, support.up_from) == (pytest.approx(-0.5), "support")


def test_a_tilted_noisy_plane_is_fitted_closely():
    rng = np.random.default_rng(1)
    normal = np.array([0.1, -0.9, -0.3]) / np.linalg.norm([0.1, -0.9, -0.3])
    across = np.linalg.svd(normal[None])[2][1:]
    points = -0.6 * normal + rng.uniform(-0.5, 0.5, (400, 2)) @ across
    points += rng.normal(0, 0.001, (400, 1)) * normal
    outliers = rng.uniform((-0.5, -0.5, 0.5), (0.5, 0.5, 1.5), (100, 3))
    above = points[:50] + 0.1 * normal
    found, level = fit_support_plane(np.concatenate([points, outliers]), above, TOLERANCE)
    assert np.degrees(np.arccos(found @ normal)) < 0.2
    assert level == pytest.approx(-0.6, abs=5e-4)
    assert np.linalg.norm(found) == pytest.approx(1)


def test_a_plane_that_is_not_below_the_object_is_no_support():
    # More points are on a pane between the camera and the object, which is behind it.
    pane = np.column_stack([*np.random.default_rng(2).uniform(-0.5, 0.5, (2, 300)), np.full(300, 0.5)])
    table = level_points(0.0, 150)
    normal, level = fit_support_plane(np.concatenate([pane, table]), object_points(), TOLERANCE)
    np.testing.assert_allclose(normal, UP, atol=1e-3)
    assert level == pytest.approx(-0.5, abs=1e-3)
    assert fit_support_plane(pane, object_points(), TOLERANCE) is None


@pytest.mark.parametrize(("sunk", "is_support"), [(0.08, True), (0.12, False)])
def test_a_tenth_of_the_object_may_seem_to_be_below_its_support(sunk, is_support):
    # Of an object 1 m high, less 12 mm for two tolerances.
    points = object_points(base=-sunk - 0.012, height=1.0, count=1000)
    assert (fit_support_plane(level_points(0.0, 200), points, TOLERANCE) is not None) == is_support


@pytest.mark.parametrize(("plane", "scattered", "is_found"), [(49, 0, False), (50, 0, True), (60, 400, False),
                                                              (160, 400, True)])
def test_a_plane_needs_fifty_points_and_a_fifth_of_all(plane, scattered, is_found):
    rng = np.random.default_rng(3)
    points = np.concatenate([level_points(0.0, plane), rng.normal(size=(scattered, 3)) * (3, 3, 3)])
    assert (fit_support_plane(points, object_points(), TOLERANCE) is not None) == is_found


CAMERA = CameraModel(np.array([[100.0, 0, 80], [0, 100, 60], [0, 0, 1]]))


@pytest.fixture
def scene():
    """A square of 20 pixels in the middle of a wall 1 m away: mask, depth, rays and points of the object."""
    mask = np.zeros((120, 160), bool)
    mask[50:70, 70:90] = True
    directions = rays(CAMERA, 120, 160)
    return mask, Depth(np.ones((120, 160), np.float32), CAMERA), directions, directions[mask].astype(np.float64)


def test_the_surroundings_are_not_the_object_nor_its_edge(scene):
    mask = scene[0]
    x, y = (sample_surroundings(*scene)[:, :2] * 100 + (80, 60)).round().astype(int).T
    near = np.zeros_like(mask)
    near[47:73, 67:93] = True
    assert not near[y, x].any()
    # They begin right beyond it.
    assert (x.min() < 60, x.max() > 100, y.min() < 40, y.max() > 80) == (True,) * 4
    assert ((y >= 46) & (y <= 73) & (x >= 66) & (x <= 93)).any()


def test_unknown_depth_is_left_out_of_the_surroundings(scene):
    mask, depth, directions, points = scene
    for unknown in (0, np.nan, np.inf, -1):
        depth.metres[:, 80:] = unknown
        found = sample_surroundings(mask, depth, directions, points)
        assert len(found) > 50
        assert np.isfinite(found).all()
        assert (found[:, 0] < 0).all()


def test_near_surroundings_are_sampled_most(scene):
    mask, _, directions, points = scene
    found = sample_surroundings(*scene)
    every = directions[~mask].astype(np.float64)
    # Half of the points are drawn at twice the object's radius (its 95th percentile, 0.119 m) and 0.1 m.
    middle = np.median(points, axis=0)
    radius = np.percentile(np.linalg.norm(points - middle, axis=1), 95)
    assert radius == pytest.approx(0.119, abs=0.005)

    def share(low, high):
        drawn, there = (((d := np.linalg.norm(one - middle, axis=1)) >= low) & (d < high) for one in (found, every))
        return drawn.sum() / there.sum()
    ratio = share(0.32, 0.36) / share(0.20, 0.24)
    # 1 / (1 + 1) against 1 / (1 + (0.22 / 0.338)^4), whatever share is kept in the end.
    assert ratio == pytest.approx(0.5 / 0.848, abs=0.12)
    assert share(0.75, 1.0) < 0.15 * share(0.20, 0.24)
    assert len(found) <= 1500
    np.testing.assert_array_equal(found, sample_surroundings(*scene))


def test_a_large_image_is_sampled_in_steps(scene):
    mask = np.kron(scene[0], np.ones((4, 4))).astype(bool)
    camera = CameraModel(CAMERA.intrinsics * [[4], [4], [1]])
    directions = rays(camera, 480, 640)
    large = Depth(np.ones((480, 640), np.float32), camera)
    # 307,200 pixels in steps of 4 are 19,200.
    found = sample_surroundings(mask, large, directions, scene[3])
    x, y = (found[:, :2] * 400 + (320, 240)).round().astype(int).T
    assert not (x % 4).any()
    assert not (y % 4).any()
