"""Prompt points: spread over the embedding, then where something new is likely."""

import cv2
import numpy as np

from ris_ros.proposals.points import EdgeRegions, PointChooser, spread_points


def scene(rows=40, columns=64):
    """Return an embedding of one plain surface with a small object at cell (50, 10)."""
    features = np.zeros((8, rows, columns), np.float32)
    features[0] = 1.5
    features[:, 9:12, 49:52] = 0
    features[1, 9:12, 49:52] = 1.5
    return features


def test_a_small_object_gets_one_of_the_first_points():
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


GREY = np.full((160, 256, 3), 128, np.uint8)
TABLE = np.ones((40, 64), bool)


def choose(features, masks, points, image=GREY, max_points=8):
    """Return the points chosen after the given ones, with masks at the size of the cells."""
    chooser = PointChooser(image, features)
    chooser.add(np.array(points))
    coarse = np.array(masks, bool).reshape(-1, *features.shape[1:])
    return chooser.choose(coarse.repeat(4, axis=1).repeat(4, axis=2), coarse, max_points)


def test_an_object_without_a_mask_or_a_point_gets_the_next_points():
    chosen = choose(scene(), [TABLE], [[5.5, 5.5], [30.5, 30.5]])
    assert np.linalg.norm(chosen[0] - [50.5, 10.5]) < 2.5


def test_nothing_is_chosen_where_all_looks_like_what_was_prompted():
    features = np.zeros((8, 40, 64), np.float32)
    features[0] = 1.5
    features += np.random.default_rng(0).normal(scale=0.01, size=features.shape)
    assert len(choose(features, [TABLE], spread_points(features, 24))) == 0


def test_an_object_with_a_mask_and_a_point_gets_no_more():
    features, mask = scene(), np.zeros_like(TABLE)
    mask[9:12, 49:52] = True
    points = [*spread_points(features, 8), [50.5, 10.5]]
    chosen = choose(features, [TABLE, mask], points)
    assert len(chosen) == 0 or np.linalg.norm(chosen - [50.5, 10.5], axis=1).min() > 2.5


def test_points_are_new_and_at_most_as_many_as_allowed():
    features = np.random.default_rng(0).normal(size=(8, 40, 64)).astype(np.float32) / 8
    first = spread_points(features, 16)
    chosen = choose(features, [], first, max_points=12)
    assert 0 < len(chosen) <= 12
    assert np.linalg.norm(chosen[:, None] - first, axis=-1).min() >= 1
    assert (chosen > 0).all() and (chosen < (64, 40)).all()
    assert len(choose(np.zeros((8, 4, 4), np.float32), [], [[0.5, 0.5]], GREY[:16, :16])) <= 8


def test_an_edge_enclosed_region_without_a_mask_gets_a_point_at_its_centre():
    image = cv2.circle(GREY.copy(), (128, 80), 40, (200, 40, 40), -1)  # A bowl.
    cv2.circle(image, (140, 85), 18, (120, 20, 20), -1)  # A ball in it.
    bowl, ball = (np.zeros((160, 256), np.uint8) for _ in range(2))
    cv2.circle(bowl, (128, 80), 40, 1, -1)
    cv2.circle(ball, (140, 85), 18, 1, -1)
    centre = np.array([140.5, 85.5]) / 4

    def distance(*masks, of=image):
        centres = EdgeRegions(of, 40, 64).unexplained_centres(
            np.array(masks, bool).reshape(-1, 160, 256), np.ones((40, 64), np.float32))
        return np.linalg.norm(np.array([[99.0, 99.0], *centres]) - centre, axis=1).min()

    assert distance(bowl) < 0.5
    assert distance(bowl, of=cv2.resize(image, (640, 400))) < 0.5
    assert distance(bowl, ball) > 0.5
    assert distance(bowl, of=GREY) > 0.5


def test_a_mask_of_a_later_round_explains_a_region_too():
    image = cv2.circle(GREY.copy(), (128, 80), 30, (200, 40, 40), -1)
    disc = np.zeros((1, 160, 256), bool)
    disc[0] = (image[..., 0] > 150)
    regions, dissimilarity = EdgeRegions(image, 40, 64), np.ones((40, 64), np.float32)
    assert len(regions.unexplained_centres(disc[:0], dissimilarity)) > 0
    assert len(regions.unexplained_centres(disc, dissimilarity)) == 0
