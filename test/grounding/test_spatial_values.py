"""Regions, relations and rankings, by hand: at a soft threshold a condition holds by half, a width inside by 73 %."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ris_ros.grounding import Layout
from ris_ros.grounding.spatial import between, in_region, placed_on_support, rank_probability, related
from ris_ros.types import Ranking


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def layout(centre, extent=(0.1, 0.1), low=None, high=None, metric=True, **more):
    """Return a layout of N proposals in the image, and on the ground."""
    centre = np.array(centre, float).reshape(-1, 2)
    count = len(centre)
    extent = np.broadcast_to(extent, (count, 2)).astype(float)
    low = np.zeros((count, 3)) if low is None else np.array(low, float)
    high = low + 0.1 if high is None else np.array(high, float)
    zeros = np.zeros((count, count))
    values = {"area": extent.prod(axis=1), "inside": np.eye(count), "contact": zeros, "surround": zeros} | more
    return Layout(centre=centre, extent=extent, low=low, high=high, metric=metric,
                  **{name: np.array(value, float) for name, value in values.items()})


def on_ground(*middles, size=0.1, **more):
    """Return a layout of cubes at places (right, forward) in metres."""
    middle = np.column_stack([np.array(middles, float), np.full(len(middles), size / 2)])
    return layout(np.full((len(middles), 2), 0.5), low=middle - size / 2, high=middle + size / 2, **more)


@pytest.mark.parametrize(("name", "x", "y", "fit"), [
    # At the edge of a region by half, less up to 15 % for what is not at its far end.
    ("left", 0.44, 0.9, 0.5 * (1 - 0.15 * 0.44)), ("right", 0.56, 0.9, 0.5 * (1 - 0.15 * 0.44)),
    ("top", 0.9, 0.42, 0.5 * (1 - 0.15 * 0.42)), ("bottom", 0.9, 0.58, 0.5 * (1 - 0.15 * 0.42)),
    ("left", 0.405, 0.5, sigmoid(1) * (1 - 0.15 * 0.405)), ("left", 0, 0, 1), ("right", 1, 0, 1),
    ("far left", 0.29, 0.5, 0.5 * (1 - 0.15 * 0.29)), ("far right", 0.71, 0.5, 0.5 * (1 - 0.15 * 0.29)),
    ("top left", 0.44, 0.42, 0.25 * (1 - 0.15 * 0.44) * (1 - 0.15 * 0.42)),
    ("bottom right", 0.56, 0.58, 0.25 * (1 - 0.15 * 0.44) * (1 - 0.15 * 0.42)),
    ("bottom left corner", 0.29, 0.61, 0.25 * (1 - 0.15 * 0.29) * (1 - 0.15 * 0.39)),
    ("top right corner", 0.71, 0.39, 0.25 * (1 - 0.15 * 0.29) * (1 - 0.15 * 0.39)),
    ("corner", 0, 0, 1), ("corner", 1, 0, 1), ("corner", 0, 1, 1), ("corner", 1, 1, 1), ("corner", 0.5, 0, 0),
    # In the middle of the width alone it counts a fifth.
    ("middle", 0.5, 0.5, 1), ("middle", 0.5, 1, 0.2), ("middle", 0.62, 0.5, 0.5), ("middle", 0.38, 0.5, 0.5),
    ("middle", 0.5, 0.64, 0.6), ("middle", 0.5, 0.36, 0.6)])
def test_how_well_a_place_fits_a_region(name, x, y, fit):
    assert in_region(name, layout([(x, y)]))[0] == pytest.approx(fit, abs=0.03 if fit in (0, 1, 0.2, 0.6) else 0.008)


def test_front_and_back_are_the_nearest_and_the_farthest():
    row = on_ground((0, 1), (0, 1.25), (0, 2))
    np.testing.assert_allclose(in_region("front", row), (1, 0.75, 0))
    np.testing.assert_allclose(in_region("back", row), (0, 0.25, 1))
    np.testing.assert_allclose(in_region("front", on_ground((0, 1), (1, 1))), 0.5)
    assert in_region("front", layout([])).shape == (0,)


@pytest.mark.parametrize(("name", "dx", "dy", "certainty"), [
    ("left of", 0.02, 0, 0.5 * sigmoid(2)), ("left of", 0.03, 0, sigmoid(1) * sigmoid(3)),
    # 0.04 of the height are 0.03 of the width, of which 0.75 count against.
    ("left of", 0.02, 0.04, 0.5 * sigmoid(-0.25)), ("left of", 0.02, -0.04, 0.5 * sigmoid(-0.25)),
    ("right of", -0.03, 0, sigmoid(1) * sigmoid(3)), ("left of", -0.3, 0, 0),
    ("above", 0, 0.04, sigmoid(1) * sigmoid(3)), ("above", 0.04, 0.04, sigmoid(1) * sigmoid(0)),
    ("below", 0, -0.04, sigmoid(1) * sigmoid(3)), ("above", 0, -0.4, 0)])
def test_directions_in_the_image(name, dx, dy, certainty):
    assert related(name, layout([(0.5, 0.5), (0.5 + dx, 0.5 + dy)]))[0, 1] == pytest.approx(certainty, abs=1e-6)


@pytest.mark.parametrize(("metric", "gap"), [(True, 0.02), (False, 0.03)])
def test_behind_is_farther_along_the_ground(metric, gap):
    pair = on_ground((0, 1), (0, 1 + gap), metric=metric)
    assert related("behind", pair)[1, 0] == pytest.approx(0.5 * sigmoid(2))
    assert related("in front of", pair)[0, 1] == pytest.approx(0.5 * sigmoid(2))
    assert related("behind", pair)[0, 1] < 0.05
    aside = on_ground((0, 1), (gap, 1 + gap), metric=metric)
    assert related("behind", aside)[1, 0] == pytest.approx(0.5 * sigmoid(0.5))


@pytest.mark.parametrize(("name", "gap", "certainty"), [
    # In mean sizes of the two. At the largest gap by half, less 7.5 % as it is not at its nearest.
    ("next to", 0.8, 0.5 * 0.925), ("near", 1.6, 0.5 * 0.925), ("far from", 3.0, 1 - 0.5 * 0.925),
    ("next to", 0, 1), ("next to", -0.5, 1), ("near", 0, 1), ("far from", 0, 0),
    ("next to", 0.92, sigmoid(-1) * (1 - 0.15 * 0.575)), ("near", 1.0, 1 - 0.15 / 3.2)])
def test_nearness_is_measured_in_sizes_of_the_objects(name, gap, certainty):
    # Cubes of 0.1 and 0.3: a mean of 0.2.
    distance = 0.2 * (1 + gap)
    pair = layout(np.full((2, 2), 0.5), low=[(0, 0, 0), (distance * 0.6 - 0.1, distance * 0.8 - 0.1, 0)],
                  high=[(0.1, 0.1, 0.1), (distance * 0.6 + 0.2, distance * 0.8 + 0.2, 0.3)])
    np.testing.assert_allclose(related(name, pair), [(0, certainty), (certainty, 0)], atol=0.01)


@pytest.mark.parametrize(("place", "certainty"), [
    ((0.5, 0), 1), ((0.1, 0), 0.5), ((0.9, 0), 0.5), ((0.5, 0.3), 0.5), ((0.5, -0.3), 0.5), ((0.5, 0.34), sigmoid(-1)),
    ((-0.2, 0), 0), ((1.2, 0), 0)])
@pytest.mark.parametrize("scale", [1, 2])
def test_between_is_along_the_line_and_not_far_from_it(place, certainty, scale):
    along, across = scale * np.array([0.6, 0.8]), scale * np.array([-0.8, 0.6])
    row = on_ground((0.2, 1), np.array([0.2, 1]) + place[0] * along + place[1] * across, np.array([0.2, 1]) + along)
    for a, b in ((0, 2), (2, 0)):
        found = between(row, np.array([a]), np.array([b]))[:, 0]
        np.testing.assert_allclose(found, (0, certainty, 0), atol=0.01)


def stack(lift, base_width=0.2, x=0.0, width=0.1, base_height=0.1):
    """Return a layout of an object over another with depth; `lift` is the height of its base over the other's top."""
    return layout(np.full((2, 2), 0.5), low=[(x - width / 2, 1 - width / 2, base_height + lift),
                                             (-base_width / 2, 1 - base_width / 2, 0)],
                  high=[(x + width / 2, 1 + width / 2, base_height + lift + 0.1),
                        (base_width / 2, 1 + base_width / 2, base_height)])


@pytest.mark.parametrize(("lift", "certainty"), [
    (0, 1), (-0.012, 0.5), (0.04, 0.5), (-0.015, sigmoid(-1)), (0.045, sigmoid(-1)), (0.2, 0), (-0.1, 0)])
def test_on_is_with_the_base_at_the_others_top(lift, certainty):
    found = related("on", stack(lift))
    assert found[0, 1] == pytest.approx(certainty, abs=0.02)
    assert found[1, 0] < 0.01
    np.testing.assert_array_equal(related("under", stack(lift)), found.T)


@pytest.mark.parametrize(("x", "certainty"), [(0, 1), (0.13, 0.5), (-0.13, 0.5), (0.136, sigmoid(-1)), (0.3, 0)])
def test_over_another_is_within_its_outline_and_a_margin(x, certainty):
    # An outline of 0.2 m and 15 % of it at each side.
    assert related("on", stack(0, x=x))[0, 1] == pytest.approx(certainty, abs=0.02)


@pytest.mark.parametrize(("lift", "width", "certainty"), [
    (-0.05, 0.05, 1), (0.004, 0.05, 0.5), (-0.106, 0.05, 0.5), (-0.12, 0.05, 0),
    # A footprint of at most 80 % of the container's.
    (-0.05, 0.2 * 0.8 ** 0.5, 0.5), (-0.05, 0.2, sigmoid(-2.5)), (0.1, 0.05, 0)])
def test_in_is_below_the_rim_above_the_base_and_smaller(lift, width, certainty):
    assert related("in", stack(lift, width=width))[0, 1] == pytest.approx(certainty, abs=0.02)


def flat(dx=0.0, dy=0.1, contact=1.0, **more):
    """Return a layout without depth of an object of 0.1 x 0.1 over another one of 0.2 x 0.2 of the image."""
    return layout([(0.5 + dx, 0.5 - dy), (0.5, 0.5)], extent=[(0.1, 0.1), (0.2, 0.2)], metric=False,
                  contact=[(0, contact), (more.pop("rim", 0.0), 0)], **more)


@pytest.mark.parametrize(("change", "certainty"), [
    ({}, 1), ({"contact": 0.55}, 0.5), ({"contact": 0.61}, sigmoid(1)), ({"contact": 0.2}, 0),
    # Sideways by 0.62 of the other's width; its base reaches 0.2 of the other's height into it.
    ({"dx": 0.124}, 0.5), ({"dx": -0.124}, 0.5), ({"dx": 0.132}, sigmoid(-1)),
    ({"dy": 0.11}, 0.5), ({"dy": 0.118}, sigmoid(-1)), ({"dy": -0.02}, 0.5), ({"dy": -0.028}, sigmoid(-1))])
def test_without_depth_on_is_with_the_lower_edge_on_the_other(change, certainty):
    assert related("on", flat(**{"dy": 0.05, **change}))[0, 1] == pytest.approx(certainty, abs=0.025)


@pytest.mark.parametrize(("change", "certainty"), [
    ({"rim": 0.2}, 1), ({"rim": 0.2, "contact": 0.3}, 0.5), ({"rim": 0.2, "contact": 0.34}, sigmoid(1)),
    ({"rim": 0.045}, 0.5), ({"rim": 0.057}, sigmoid(1)), ({}, 0), ({"inside": [(1, 0.6), (0.1, 1)]}, 0.5),
    ({"inside": [(1, 0.9), (0.1, 1)]}, 1), ({"rim": 0.2, "dx": 0.124}, 0.5)])
def test_without_depth_in_is_with_the_rim_behind_or_enclosed(change, certainty):
    assert related("in", flat(**{"dy": 0.05, **change}))[0, 1] == pytest.approx(certainty, abs=0.03)


def test_touching_objects_share_a_border_and_are_near():
    border = [(0, 0.04), (0.0, 0)]
    assert related("touching", on_ground((0, 1), (0, 1.1), surround=border))[0, 1] == pytest.approx(0.5 * sigmoid(4))
    assert related("touching", on_ground((0, 1), (0, 1.14), surround=border))[1, 0] == pytest.approx(0.25)
    assert related("touching", on_ground((0, 1), (0, 1.15), surround=[(0, 0.05), (0, 0)]))[0, 1] == pytest.approx(
        sigmoid(1) * sigmoid(-1))


def test_without_depth_what_rests_on_another_is_where_that_stands():
    pair = replace(flat(dy=0.05), low=np.array([(0, 1.5, 0), (0, 1, 0.0)]),
                   high=np.array([(0.1, 1.7, 0.1), (0.1, 1.4, 0.1)]))
    placed = placed_on_support(pair)
    np.testing.assert_allclose(placed.low, [(0, 1.1, 0), (0, 1, 0)])
    np.testing.assert_allclose(placed.high, [(0.1, 1.3, 0.1), (0.1, 1.4, 0.1)])
    beside = replace(pair, contact=np.zeros((2, 2)))
    np.testing.assert_array_equal(placed_on_support(beside).low, pair.low)
    measured = replace(pair, metric=True)
    assert placed_on_support(measured) is measured
    assert len(placed_on_support(layout([], metric=False))) == 0


LINE = layout([(0.1, 0.5), (0.4, 0.5), (0.7, 0.5)])
MEMBERS = np.array([0.9, 0.8, 0.7])


@pytest.mark.parametrize(("rank", "expected"), [
    # First if none before it is a member; an only member counts a fifth.
    (1, (1 - 0.8 * 0.2 * 0.3, 0.1 * (1 - 0.8 * 0.3), 0.1 * 0.2 * 0.2)),
    (2, (0, 0.9, 0.9 * 0.2 + 0.1 * 0.8)), (3, (0, 0, 0.9 * 0.8)), (4, (0, 0, 0)),
    (-1, (0.2 * 0.3 * 0.2, 0.3 * (1 - 0.8 * 0.1), 1 - 0.8 * 0.1 * 0.2)), (-2, (0.8 * 0.3 + 0.2 * 0.7, 0.7, 0)),
    (-3, (0.8 * 0.7, 0, 0))])
def test_ranks_among_uncertain_members(rank, expected):
    np.testing.assert_allclose(rank_probability(Ranking("left", rank), LINE, MEMBERS), expected, atol=1e-9)


@pytest.mark.parametrize(("name", "step"), [("left", (0.006, 0)), ("right", (-0.006, 0)), ("top", (0, 0.006)),
                                            ("bottom", (0, -0.006))])
def test_a_small_lead_is_an_uncertain_one(name, step):
    first, second = rank_probability(Ranking(name, 1), layout([(0.5, 0.5), np.add((0.5, 0.5), step)]), np.ones(2))
    # Before the other with 73 %; if so, it is first, and there is another behind it.
    ahead = sigmoid(1)
    assert first == pytest.approx(ahead * (1 - 0.8 * (1 - ahead)))
    assert second == pytest.approx((1 - ahead) * (1 - 0.8 * ahead))


def first_of(name, objects):
    return int(rank_probability(Ranking(name, 1), objects, np.ones(len(objects))).argmax())


def test_sizes_in_the_image_rank_objects_without_depth():
    objects = layout(np.full((3, 2), 0.5), extent=[(0.2, 0.2), (0.1, 0.3), (0.25, 0.1)], metric=False)
    assert [first_of(name, objects) for name in ("large", "small", "tall", "short", "wide", "narrow")] == [
        0, 2, 1, 2, 2, 1]


def test_true_sizes_rank_objects_with_depth():
    # The second is largest in the image, but near; the first is tallest, the third widest.
    objects = layout(np.full((3, 2), 0.5), extent=[(0.1, 0.1), (0.15, 0.15), (0.05, 0.05)],
                     low=[(0, 2, 0), (0, 0.5, 0), (0, 1, 0)], high=[(0.2, 2.2, 0.4), (0.1, 0.6, 0.1), (0.3, 1.1, 0.05)])
    assert [first_of(name, objects) for name in ("large", "small", "tall", "short", "wide", "narrow")] == [
        0, 2, 0, 2, 2, 1]


@pytest.mark.parametrize(("scale", "certainty"), [(np.exp(0.03), sigmoid(1)), (np.exp(-0.03), sigmoid(-1))])
def test_a_true_area_is_the_visible_one_at_one_distance(scale, certainty):
    # Twice as far away, a quarter of the area shows.
    objects = layout(np.full((2, 2), 0.5), area=[0.04 * scale, 0.01], low=[(0, 1, 0), (0, 2, 0)],
                     high=[(0, 1, 0), (0, 2, 0)])
    first = rank_probability(Ranking("large", 1), objects, np.ones(2))[0]
    assert first == pytest.approx(certainty * (1 - 0.8 * (1 - certainty)))


def test_distance_is_along_the_ground_from_below_the_camera():
    objects = on_ground((0, 1.2), (0.9, 0.9), (0, 1.0))
    assert first_of("near", objects) == 2
    assert first_of("far", objects) == 1
    # Between the near edge and the middle: 0.3 and 0.4 right, at 0.4 and 0.3 + 0.025 forward, where it is a tie.
    tie = layout(np.full((2, 2), 0.5), low=[(0.3, 0.35, 0), (0.4, 0.3, 0)], high=[(0.3, 0.55, 0), (0.4, 0.3, 0)])
    first, second = rank_probability(Ranking("near", 1), tie, np.ones(2))
    assert first == pytest.approx(second)
