from __future__ import annotations

import logging
from itertools import combinations

import cv2
import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.sim.poses import world_vertices
from ris_ros.sim.shapes import CATEGORIES, COLOURS
from ris_ros.sim.splits import ALL_PAIRS, HELD_OUT_PAIRS, TEST_SEEDS, TRAIN_SEEDS, VALIDATION_SEEDS
from ris_ros.sim.tabletop import footprint, sample_scene

SCENES = [sample_scene(seed) for seed in range(30)]
OBJECTS = [(scene, i) for scene in SCENES for i in range(len(scene.objects))]


def ids(scene):
    return {(thing.colour, thing.category) for thing in scene.objects}


def test_same_seed_same_scene():
    assert sample_scene(5) == SCENES[5]
    assert sample_scene(6) != SCENES[5]


def test_scenes_hold_four_to_nine_objects_and_every_category_and_colour():
    assert {len(scene.objects) for scene in SCENES} == {4, 5, 6, 7, 8, 9}
    assert {thing.category for scene in SCENES for thing in scene.objects} == set(CATEGORIES)
    assert {thing.colour for scene in SCENES for thing in scene.objects} == set(COLOURS)


def test_most_scenes_need_more_than_the_category_to_tell_objects_apart():
    def repeats(attribute):
        return [len({getattr(t, attribute) for t in s.objects}) < len(s.objects) for s in SCENES]
    assert np.mean(repeats("category")) > 0.5
    assert np.mean(repeats("colour")) > 0.5


def test_scenes_have_lying_stacked_and_contained_objects():
    things = [thing for scene in SCENES for thing in scene.objects]
    assert sum(thing.lying for thing in things) >= 5
    assert sum(thing.inside for thing in things) >= 5
    assert sum(thing.support is not None and not thing.inside for thing in things) >= 5


def test_what_stands_on_the_table_touches_it():
    lowest = [world_vertices(scene, i)[:, 2].min() for scene, i in OBJECTS if scene.objects[i].support is None]
    np.testing.assert_allclose(lowest, 0, atol=4e-4)


def test_what_stands_on_an_object_touches_its_top_and_has_its_middle_over_it():
    for scene, i in OBJECTS:
        thing = scene.objects[i]
        if thing.support is None or thing.inside:
            continue
        assert thing.support < i
        under = scene.objects[thing.support]
        top = under.position[2] + under.scale * CATEGORIES[under.category].top[0]
        assert world_vertices(scene, i)[:, 2].min() == pytest.approx(top, abs=4e-4)
        outline = footprint(scene, thing.support)
        assert cv2.pointPolygonTest(outline, world_vertices(scene, i)[:, :2].mean(0).astype(float).tolist(), False) > 0


def test_what_is_in_a_vessel_touches_it_and_stays_within_its_walls():
    for scene, i in OBJECTS:
        thing = scene.objects[i]
        if not thing.inside:
            continue
        vessel = scene.objects[thing.support]
        radius, height = (vessel.scale * CATEGORIES[vessel.category].interior).T
        vertices = world_vertices(scene, i) - vessel.position
        across = np.linalg.norm(vertices[:, :2], axis=1)
        below_rim = vertices[:, 2] < height[-1]
        above_floor = vertices[:, 2] - np.interp(across, radius, height)
        assert above_floor[below_rim].min() > -0.002
        assert above_floor.min() < 0.003


def test_nothing_reaches_into_another_thing():
    def related(scene, i, j):
        chain, k = {j}, j
        while (k := scene.objects[k].support) is not None:
            chain.add(k)
        return i in chain
    for scene in SCENES:
        for i, j in combinations(range(len(scene.objects)), 2):
            if not related(scene, i, j):
                area, _ = cv2.intersectConvexConvex(footprint(scene, i), footprint(scene, j))
                assert area == 0, (i, j)


def test_held_out_pairs_are_a_tenth_and_leave_every_colour_and_category_seen():
    assert HELD_OUT_PAIRS < ALL_PAIRS
    assert 0.08 < len(HELD_OUT_PAIRS) / len(ALL_PAIRS) < 0.12
    for axis, names in enumerate((COLOURS, CATEGORIES)):
        held = [pair[axis] for pair in HELD_OUT_PAIRS]
        assert set(held) == set(names)
        assert max(held.count(name) for name in names) <= 3


def test_splits_share_no_seed():
    assert TRAIN_SEEDS.stop <= VALIDATION_SEEDS.start
    assert VALIDATION_SEEDS.stop <= TEST_SEEDS.start


def test_pairs_are_left_out_and_kept_to():
    for seed in range(10):
        assert not ids(sample_scene(seed, exclude_pairs=HELD_OUT_PAIRS)) & HELD_OUT_PAIRS
        assert ids(sample_scene(seed, only_pairs=HELD_OUT_PAIRS)) <= HELD_OUT_PAIRS


def test_no_pairs_left_is_an_input_error():
    with pytest.raises(InputError, match="exclude_pairs"):
        sample_scene(0, exclude_pairs=ALL_PAIRS)


def test_a_crowded_seed_has_fewer_objects_and_says_so(caplog):
    with caplog.at_level(logging.INFO):
        scene = sample_scene(0, count=20)
    assert 4 < len(scene.objects) < 20
    assert "found no place" in caplog.text
