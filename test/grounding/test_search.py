"""Where a search prompts for what no proposal matches."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from ris_ros.grounding.search import PatchSearch, missing_descriptions, still_missing
from ris_ros.types import Description, Query, Relation

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


def known(**probabilities):
    """Return a grounder of which only the appearance is asked for, by head."""
    class Appearance:
        def probability(self, description):
            return np.array(probabilities[description.head])
    return SimpleNamespace(appearance=Appearance())


def test_what_no_proposal_matches_with_a_half_is_missing():
    cup, bowl, book = (Description(head, head, head) for head in ("cup", "bowl", "book"))
    query = Query("", "", (replace(cup, relations=(Relation("near", (bowl,)),)), book))
    names = [one.head for one in missing_descriptions(query, known(cup=[0.1, 0.5], bowl=[0.49, 0.2], book=[0.9, 0]))]
    assert names == ["bowl"]
    assert [one.head for one in missing_descriptions(query, None)] == ["cup", "book", "bowl"]
    assert still_missing([cup, bowl], known(cup=[0.4], bowl=[0.6])) == [cup]
    assert still_missing([cup], None) == [cup]


def test_a_region_has_a_full_box_and_one_that_is_half_a_patch_smaller():
    probability = grid()
    probability[2:5, 3:7] = 0.8
    full, inner = search(probability).regions()
    np.testing.assert_allclose(full.box, [3 / 14, 0.2, 7 / 14, 0.5])
    np.testing.assert_allclose(inner.box, [3.5 / 14, 0.25, 6.5 / 14, 0.45])
    np.testing.assert_allclose(inner.point, full.point)


def test_at_most_two_regions_the_best_first():
    probability = grid()
    probability[1, 1], probability[3, 5], probability[7, 9] = 0.6, 0.9, 0.8
    points = [region.point for region in search(probability).regions()]
    np.testing.assert_allclose(points, np.repeat([[5.5 / 14, 0.35], [9.5 / 14, 0.75]], 2, axis=0))


def test_a_region_is_of_patches_that_match_half_as_well_as_the_best_and_adjoin_by_a_side():
    probability = grid()
    probability[2, 3], probability[2, 4], probability[2, 5], probability[3, 6] = 0.9, 0.45, 0.44, 0.9
    boxes = [region.box for region in search(probability).regions()][::2]
    np.testing.assert_allclose(boxes, [[3 / 14, 0.2, 5 / 14, 0.3], [6 / 14, 0.3, 7 / 14, 0.4]])
    # But never with less than 0.2.
    probability = grid()
    probability[2, 3], probability[2, 4], probability[2, 5] = 0.3, 0.2, 0.19
    np.testing.assert_allclose(search(probability).regions()[0].box, [3 / 14, 0.2, 5 / 14, 0.3])


def test_points_are_a_patch_apart_where_everything_matches():
    one = search(np.ones((10, 14)))
    points = one.next_points(6)
    # A point makes others less useful within one patch of it.
    distance = np.linalg.norm((points[:, None] - points) * (14, 10), axis=-1)
    assert distance[~np.eye(6, dtype=bool)].min() >= 1
    assert ((points > 0) & (points < 1)).all()
    # The finest places are a 48th of the longer side apart, in whole patches: 4 for each.
    np.testing.assert_allclose((points * (56, 40)) % 1, 0.5)


def test_a_faint_match_is_no_point():
    probability = grid()
    probability[4:6, 4:6] = 0.19
    assert not len(search(probability).next_points(3))
    probability[4:6, 4:6] = 0.21
    assert len(search(probability).next_points(1)) == 1
