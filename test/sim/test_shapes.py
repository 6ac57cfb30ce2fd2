from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from ris_ros.sim.shapes import CATEGORIES, COLOURS


def test_there_are_enough_categories_and_colours():
    assert len(CATEGORIES) >= 12
    assert set(COLOURS) == {"red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white",
                            "grey"}


@pytest.mark.parametrize("category", CATEGORIES)
def test_shapes_stand_on_the_ground_and_have_a_plausible_size(category):
    shape = CATEGORIES[category]
    assert shape.vertices[:, 2].min() == pytest.approx(0, abs=4e-4)
    assert 0.015 < max(shape.size) < 0.25
    assert 0.02 < shape.footprint_radius < 0.14


def test_tinted_colours_remain_distinct():
    corners = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    shades = {name: np.array([colour.rgb(tint) for tint in corners]) for name, colour in COLOURS.items()}
    for one, other in combinations(COLOURS, 2):
        assert np.linalg.norm(shades[one][:, None] - shades[other], axis=2).min() > 0.12, (one, other)


def test_shapes_have_a_top_or_an_interior_for_the_categories_they_carry_or_hold():
    for shape in CATEGORIES.values():
        assert set(shape.carries + shape.holds) <= set(CATEGORIES)
        assert shape.top is not None if shape.carries else shape.top is None
        assert shape.interior is not None or not shape.holds
