"""Prompt points: spread over the embedding, then where no mask explains the image."""

import cv2
import numpy as np

from ris_ros.proposals.points import spread_points, unexplained_points


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


def test_second_round_points_are_where_no_mask_explains_the_image():
    features = scene()
    features[:, 20:30, 10:20] = 0
    features[2, 20:30, 10:20] = 1.5  # A plate, which has a mask.
    table = np.ones((160, 256), bool)
    plate = np.zeros_like(table)
    plate[80:120, 40:80] = True
    first_points = np.array([[5.5, 5.5], [15.5, 25.5]])
    point, = unexplained_points(GREY, features, np.stack([table, plate]), first_points, 1)
    assert (point == [50.5, 10.5]).all()
    for masks in (np.stack([plate]), np.zeros((0, 160, 256), bool)):
        points = unexplained_points(GREY, features, masks, first_points, 8)
        assert points.shape == (8, 2) and len(np.unique(points, axis=0)) == 8
        assert np.linalg.norm(points[:, None] - first_points, axis=-1).min() >= 1.5
        assert np.linalg.norm(points - [50.5, 10.5], axis=1).min() < 2
    assert unexplained_points(GREY, features, table[None], first_points, 0).shape == (0, 2)
    plain = np.zeros((8, 4, 4), np.float32)
    assert unexplained_points(GREY[:16, :16], plain, table[None, :16, :16], first_points, 3).shape == (0, 2)


def test_an_edge_enclosed_region_without_a_mask_gets_a_point_at_its_centre():
    features = scene()
    features[0] += np.random.default_rng(0).normal(scale=0.01, size=features.shape[1:])
    image = cv2.circle(GREY.copy(), (128, 80), 40, (200, 40, 40), -1)  # A bowl.
    cv2.circle(image, (140, 85), 18, (120, 20, 20), -1)  # A ball in it.
    bowl, ball = (np.zeros((160, 256), np.uint8) for _ in range(2))
    cv2.circle(bowl, (128, 80), 40, 1, -1)
    cv2.circle(ball, (140, 85), 18, 1, -1)
    centre = np.array([140.5, 85.5]) / 4

    def distance(*masks, of=image):
        points = unexplained_points(of, features, np.array(masks, bool).reshape(-1, 160, 256), np.zeros((0, 2)), 8)
        return np.linalg.norm(points - centre, axis=1).min()

    assert distance(bowl) < 0.5
    assert distance(bowl, of=cv2.resize(image, (640, 400))) < 0.5
    assert distance(bowl, ball) > 0.5
    assert distance(bowl, of=GREY) > 0.5
