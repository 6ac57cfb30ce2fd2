import numpy as np

from ris_ros.proposals.prompting import region_points, spread_points


def scene(rows=40, columns=64):
    """An embedding of one plain surface with a small different thing at cell (50, 10)."""
    features = np.zeros((8, rows, columns), np.float32)
    features[0] = 1.5
    features[:, 9:12, 49:52] = 0
    features[1, 9:12, 49:52] = 1.5
    return features


def test_a_small_different_thing_is_asked_first():
    points = spread_points(scene(), 3)
    x, y = points[1:].T
    assert ((np.abs(x - 50.5) <= 1.5) & (np.abs(y - 10.5) <= 1.5)).any()


def test_points_are_spread_over_the_image_without_repeats():
    features = np.random.default_rng(0).normal(size=(8, 40, 64)).astype(np.float32)
    points = spread_points(features, 48)
    assert points.shape == (48, 2) and len(np.unique(points, axis=0)) == 48
    assert (points > 0).all() and (points < (64, 40)).all()
    assert {(x >= 32, y >= 20) for x, y in points} == {(a, b) for a in (False, True) for b in (False, True)}


def test_plain_images_get_few_points():
    plain = np.random.default_rng(0).normal(scale=0.05, size=(8, 48, 64)).astype(np.float32)
    assert len(spread_points(plain, 1000)) < 24
    assert len(spread_points(np.zeros((8, 1, 1), np.float32), 1000)) == 1


def test_the_middle_of_a_region_that_was_missed_is_asked_next():
    table, plate = np.zeros((2, 60, 80), bool)
    table[10:] = True
    table[30:40, 50:60] = False  # a thing on the table that no mask covers
    plate[20:50, 10:40] = True
    points = region_points(np.stack([table, plate]), asked=np.array([[25.5, 35.5], [70.5, 55.5]]), most=8, smallest=4)
    assert np.linalg.norm(points - [55, 35], axis=1).min() < 2
    assert np.linalg.norm(points - [25.5, 35.5], axis=1).min() > 5  # the plate was asked in its middle
    assert len(region_points(np.stack([table, plate]), np.zeros((0, 2)), 2, 4)) == 2
    assert region_points(np.zeros((0, 60, 80), bool), np.array([[40.0, 30.0]]), 8, 4).shape == (0, 2)
