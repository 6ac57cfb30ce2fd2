"""Where a search prompts for what no proposal matches."""

import numpy as np
import pytest

from ris_ros.grounding.search import PatchSearch
from ris_ros.types import Description

CUP = Description("the cup", head="cup", appearance="cup")


class Patches:
    """Scores of patches that are given."""

    def __init__(self, probability):
        self._probability = np.array(probability, float)

    def probability(self, description):
        return self._probability.ravel()


def search(probability):
    return PatchSearch(CUP, Patches(probability), np.shape(probability))


def grid(rows=10, columns=14):
    return np.zeros((rows, columns))


def test_the_first_point_is_on_the_best_patch():
    probability = grid()
    probability[2, 3], probability[7, 10] = 0.9, 0.6
    first, second = search(probability).next_points(2)
    np.testing.assert_allclose(first, [3.5 / 14, 2.5 / 10], atol=0.02)
    np.testing.assert_allclose(second, [10.5 / 14, 7.5 / 10], atol=0.02)


def test_points_differ_from_round_to_round_until_all_that_matches_is_covered():
    probability = grid()
    probability[4:6, 4:8] = 0.9
    rounds, one = [], search(probability)
    while len(points := one.next_points(8)):
        rounds.append(points)
        assert len(rounds) < 20
    points = np.concatenate(rounds)
    assert len(rounds) > 1
    assert ((points > [3 / 14, 0.3]) & (points < [9 / 14, 0.7])).all()
    distance = np.linalg.norm((points[:, None] - points) * (14, 10), axis=-1)
    assert distance[~np.eye(len(points), dtype=bool)].min() > 0.2


def test_inside_one_patch_there_are_points_for_things_smaller_than_it():
    probability = grid()
    probability[5, 7] = 1.0
    points = np.concatenate([*map(np.atleast_2d, search(probability).next_points(12))])
    inside = (points >= [7 / 14, 0.5]) & (points <= [8 / 14, 0.6])
    assert inside.all(axis=1).sum() >= 3


def test_nothing_is_prompted_where_nothing_matches():
    one = search(np.full((10, 14), 0.1))
    assert one.next_points(8).shape == (0, 2)
    assert one.regions() == []


def test_regions_are_boxes_around_adjoining_patches_with_their_best_patch():
    probability = grid()
    probability[2:4, 3:6] = 0.7
    probability[3, 4] = 0.9
    probability[8, 12] = 0.5
    best, *others = search(probability).regions()
    np.testing.assert_allclose(best.box, [3 / 14, 0.2, 6 / 14, 0.4])
    np.testing.assert_allclose(best.point, [4.5 / 14, 0.35])
    assert any(np.allclose(region.box, [12 / 14, 0.8, 13 / 14, 0.9]) for region in others)
    for region in others:
        assert (region.box[2:] - region.box[:2] >= np.array([1 / 14, 0.1]) - 1e-9).all()


@pytest.mark.parametrize("count", [1, 5])
def test_a_round_has_at_most_as_many_points_as_asked_for(count):
    assert len(search(np.ones((10, 14))).next_points(count)) == count
